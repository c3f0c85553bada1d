from html.parser import HTMLParser
from pathlib import Path

import pytest

from simulator.county.charts import Axis, Series, bar_chart, line_chart
from simulator.county.ledger import Day, Ledger, Opened, Seen, Watched, read_ledger
from simulator.county.report import share_until, write_report
from simulator.errors import LedgerError


@pytest.fixture
def ledger() -> Ledger:
    days = [
        Day(
            day=number,
            date=f"2027-01-{number + 1:02d}",
            there=10,
            found=number,
            missed=10 - number,
            invented=1,
            doubled=0,
            driven_km=20.0,
            told=30,
            told_of_nothing=10,
            rain_mm=float(number),
        )
        for number in range(10)
    ]
    watched = [
        Watched(
            id="defect-1",
            class_code="D40",
            born_day=-3,
            shown_day=0.3,
            shown=9,
            told=6,
            shown_before_found=3,
            found_day=2.0,
            off_m=1.2,
        ),
        Watched(id="defect-2", class_code="D00", born_day=4, shown_day=5.0, shown=4),
    ]
    opened = [
        Opened(number=1, class_code="D40", opened_day=2, meaning="damage", is_double=False, done_day=3, verified_day=6),
        Opened(number=2, class_code="D20", opened_day=4, meaning="nothing", is_double=False, rejected_day=5),
    ]
    return Ledger(
        name="<b>small",
        seed=1,
        facts={"county": "two lines"},
        days=days,
        watched=watched,
        opened=opened,
        by_quality={"good": Seen(shown=9, told=6), "wet": Seen(shown=4, told=1)},
        by_month={"2027-01": Seen(shown=13, told=7)},
    )


class Page(HTMLParser):
    """Collects what a reader sees, and whether anything comes from elsewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.foreign: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.foreign += [str(value) for name, value in attrs if name in {"src", "href"}]
        if tag not in {"meta", "line", "rect", "polyline", "polygon"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_the_page_needs_nothing_else_and_speaks_two_languages(ledger: Ledger, tmp_path: Path) -> None:
    page = Page(write_report(ledger, tmp_path).read_text())
    assert page.foreign == []
    assert page.open == []
    text = " ".join(page.words)
    for each in ("多少次经过之后发现", "Share found after so many passes", "<b>small", "位置偏差", "按月"):
        assert each in text


def test_numbers_of_the_page_are_those_of_the_ledger(ledger: Ledger, tmp_path: Path) -> None:
    page = Page(write_report(ledger, tmp_path).read_text())
    before = dict(zip(page.words[:0:-1], page.words[-2::-1], strict=False))  # of each text, its first place
    assert before["发现 found"] == "1 (50%)"
    assert before["误报案件 cases of nothing"] == "1 (50%)"
    assert before["位置偏差（中位，米） metres off, median"] == "1.2"


def test_a_run_without_cases_says_what_is_invented_and_doubled(ledger: Ledger, tmp_path: Path) -> None:
    live = Ledger(name="live", seed=0, facts={}, unit="second", days=ledger.days, watched=ledger.watched)
    page = Page(write_report(live, tmp_path).read_text())
    before = dict(zip(page.words[:0:-1], page.words[-2::-1], strict=False))
    assert (before["误报 invented"], before["重复 doubled"]) == ("1", "0")
    assert "2027-01-01 / 2027-01-10" in page.words


def test_passes_are_drawn_as_far_as_there_were_any(ledger: Ledger, tmp_path: Path) -> None:
    text = write_report(ledger, tmp_path).read_text()
    passes = text[text.index("多少次经过之后发现") :]
    assert [f'text-anchor="middle">{number}</text>' in passes.split("</svg>")[0] for number in (9, 10, 30)] == [
        True,
        False,
        False,
    ]


def test_a_ledger_is_read_as_it_was_written(ledger: Ledger, tmp_path: Path) -> None:
    write_report(ledger, tmp_path)
    assert read_ledger(tmp_path / "ledger.json") == ledger
    (tmp_path / "ledger.json").write_text("{}")
    with pytest.raises(LedgerError):
        read_ledger(tmp_path / "ledger.json")


def test_an_empty_ledger_makes_a_page(tmp_path: Path) -> None:
    assert write_report(Ledger(name="none", seed=0, facts={}), tmp_path).is_file()


def test_share_found_counts_only_those_still_followed() -> None:
    """Of four, one is found at 1; one leaves at 1 unfound; of the two left one is found at 3."""
    ends = [(1.0, True), (1.0, False), (3.0, True), (5.0, False)]
    assert share_until(ends, steps=4) == pytest.approx([0.0, 0.25, 0.25, 0.625, 0.625])
    assert share_until([], steps=2) == [0.0, 0.0, 0.0]


def test_what_is_found_at_the_first_look_counts() -> None:
    assert share_until([(0.0, True), (0.0, True), (1.0, False), (2.0, True)], steps=2) == [0.5, 0.5, 1.0]


def test_a_line_has_a_gap_where_nothing_is_known() -> None:
    drawn = line_chart(
        [Series(name="a", values=[1, 2, None, 3, 4])], labels=list("abcde"), x="x", y=Axis(title="y", is_share=False)
    )
    assert drawn.count("<polyline") == 2


@pytest.mark.parametrize(("most", "top"), [(1, "5"), (7, "10"), (12, "25"), (130, "250")])
def test_what_is_counted_has_whole_ticks(most: int, top: str) -> None:
    drawn = bar_chart([Series(name="a", values=[most])], labels=["a"], x="x", y=Axis(title="y"))
    ticks = [part.split("<")[0] for part in drawn.split('text-anchor="end">')[1:]]
    assert ticks[-1] == top
    assert all(tick.isdecimal() for tick in ticks)


def test_bars_are_as_high_as_their_values() -> None:
    drawn = bar_chart([Series(name="a", values=[50, 100, None])], labels=["a", "b", "c"], x="x", y=Axis(title="y"))
    heights = [float(part.split('"')[0]) for part in drawn.split('height="')[1:]]
    assert heights[0] == pytest.approx(heights[1] / 2, abs=0.2)
    assert len(heights) == 2
