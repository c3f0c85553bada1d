from dataclasses import replace
from datetime import date

import pytest

from cloud.condition.monthly import Line, Month, days_of, mean_pci, sum_up
from cloud.condition.pci import Grade
from cloud.condition.report import render

FIRST = date(2026, 11, 1)
LINE = Line(
    segment_id="a", day=date(2026, 11, 3), name="<b>", kind="primary", length_m=100.0, pci=70.0, low=60.0, high=80.0,
    surveyed_share=0.5, findings=2, last_looked_on=date(2026, 11, 3), is_looked_at=True,
)  # fmt: skip
OTHER = replace(LINE, segment_id="b", day=date(2026, 10, 20), pci=90.0, length_m=300.0, is_looked_at=True)


def month(*lines: Line, last_day: date = date(2026, 11, 5)) -> Month:
    return sum_up(lines, first_day=FIRST, last_day=last_day, network_km=1.0, found=[("D40", 3)])


def test_days_of_months() -> None:
    assert len(days_of(date(2028, 2, 1))) == 29
    assert days_of(date(2026, 12, 1))[-1] == date(2026, 12, 31)


def test_mean_is_by_length() -> None:
    assert mean_pci([LINE, OTHER]) == pytest.approx(85.0)
    assert mean_pci([replace(LINE, pci=None)]) is None


def test_what_was_known_before_counts_from_the_first_day() -> None:
    days = month(LINE, OTHER).days
    assert [day.pci for day in days] == [90, 90, 85, 85, 85]
    assert [day.looked_at_km for day in days] == [0, 0, 0.1, 0, 0]


def test_sums_of_the_month() -> None:
    found = month(LINE, OTHER)
    assert (found.known_km, found.looked_at_km) == pytest.approx((0.4, 0.1))
    assert found.km_by_grade[Grade.FAIR] == pytest.approx(0.1)
    assert sum(found.km_by_grade.values()) == pytest.approx(found.network_km)


def test_worst_come_first_and_excellent_ones_not_at_all() -> None:
    lines = [replace(LINE, segment_id=name, pci=pci) for name, pci in [("a", 89.9), ("b", 90.0), ("c", 40.0)]]
    assert [line.segment_id for line in month(*lines).worst] == ["c", "a"]


def test_segment_looked_at_on_two_days_counts_once() -> None:
    assert month(LINE, replace(LINE, day=date(2026, 11, 4))).looked_at_km == pytest.approx(0.1)


def test_report_escapes_names_and_tells_that_it_is_an_estimate() -> None:
    page = render(month(LINE), city="demo", language="en", class_names={"D40": "Pothole"})
    assert "<b>" not in page.split("</style>")[1].replace("<b>", "", page.count("<div><b>"))
    assert "&lt;b&gt;" in page
    assert "estimate" in page
    assert "<td >Pothole</td>" in page


@pytest.mark.parametrize(("looked_on", "told"), [(date(2026, 11, 3), "11-03"), (None, "—")])
def test_report_tells_how_fresh_each_line_is(looked_on: date | None, told: str) -> None:
    page = render(month(replace(LINE, last_looked_on=looked_on)), city="demo", language="zh", class_names={})
    assert "最近巡查" in page
    assert f'<td class="number">{told}</td>' in page


def test_report_of_an_empty_month_is_a_page() -> None:
    page = render(replace(month(), network_km=0.0), city="demo", language="zh", class_names={})
    assert page.count("<p>无数据</p>") == 4  # only what the month found is there
    assert "<svg" not in page
