"""What a person reads of a pass: each number in words, and why a sighting weighs little."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import pytest

from cloud.findings.catalogue import load_catalogue
from cloud.findings.views import FindingDetailProperties, detail_of, why

FIRST: Final = datetime(2026, 9, 1, 8, tzinfo=UTC)


def a_pass(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - fields are of any type
    usual = {
        "kind": "seen",
        "observation_id": "01a20d6d-5a00-7b6f-8bad-cce966e8e23a",
        "confidence": 0.61,
        "looked_share": 0.8,
        "probability_before": 0.62,
        "probability_after": 0.81,
        "hit": 0.454,
        "false_alarm": 0.031,
        "is_measured": True,
        "quality": None,
    }
    return usual | changes


def test_sighting_is_told_with_what_it_changed_and_both_rates() -> None:
    words = why(a_pass())

    assert words.en == (
        "seen with confidence 61%: 62% → 81%. Of 100 such passes 45 report damage that is there, and 3 report some"
        " where none is (measured)"
    )
    assert (
        words.zh
        == "看到了，置信度 61%：62% → 81%。若确有病害，每 100 次这样的经过约报告 45 次，若没有，也会误报 3 次（实测）"
    )


def test_sighting_far_from_the_others_is_explained() -> None:
    words = why(a_pass(false_alarm=0.63))

    assert "63 report some where none is" in words.en
    assert "taken for it, so it weighs little" in words.en
    assert "误报 63 次" in words.zh
    assert "分量很轻" in words.zh


def test_sighting_in_its_place_needs_no_explanation() -> None:
    words = why(a_pass(false_alarm=0.19))

    assert "weighs little" not in words.en
    assert "分量很轻" not in words.zh


def test_pass_that_saw_nothing_invented_nothing() -> None:
    words = why(a_pass(kind="not_seen", confidence=None, false_alarm=0.63))

    assert "where none is" not in words.en
    assert "误报" not in words.zh
    assert "45 report damage that is there (measured)" in words.en


@pytest.mark.parametrize(
    ("share", "expected"), [(0.004, "fewer than 1"), (0.006, "1"), (0.5, "50")], ids=["hardly", "once", "half"]
)
def test_rare_is_not_never(share: float, expected: str) -> None:
    words = why(a_pass(false_alarm=share))

    assert re.search(r"and (.*) report some", words.en) is not None
    assert f"and {expected} report some" in words.en


def test_assumption_is_called_one() -> None:
    words = why(a_pass(is_measured=False))

    assert "(assumed)" in words.en
    assert "（假定）" in words.zh


def test_pass_without_rates_tells_the_change_alone() -> None:
    assert why(a_pass(hit=None, false_alarm=None)).en == "seen with confidence 61%: 62% → 81%"


@pytest.mark.parametrize(
    ("quality", "en", "zh"),
    [
        ("good", "in clear pictures", "画面清晰"),
        ("dark", "in dark pictures", "画面昏暗"),
        ("wet", "with rain on the pane", "镜前有雨水"),
        ("snow", "in pictures called “snow”", "画面为“snow”"),
    ],
)
def test_light_of_a_pass_is_told(quality: str, en: str, zh: str) -> None:
    seen = why(a_pass(quality=quality))
    missed = why(a_pass(quality=quality, kind="not_seen", confidence=None))

    assert seen.en.startswith(f"seen with confidence 61%, {en}: 62%")
    assert seen.zh.startswith(f"看到了，置信度 61%，{zh}：62%")
    assert missed.en.startswith(f"looked (80% of the way in view, {en}), not seen: 62%")
    assert missed.zh.startswith(f"经过并观察（可见 80%，{zh}），没有看到：62%")


def finding(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - fields are of any type
    usual = dict.fromkeys(("picture", "merged_into", "case_id", "case_number", "case_state", "case_unit", "width_m"))
    of_damage = {
        "id": uuid4(),
        "city": "testcity",
        "lon": 120.4,
        "lat": 27.5,
        "class_code": "D00",
        "severity": "medium",
        "existence": 0.97,
        "state": "open",
        "passes_seen": 6,
        "passes_missed": 0,
        "first_seen_at": FIRST,
        "last_seen_at": FIRST,
        "position_sigma_m": 1.2,
        "length_m": 3.0,
        "area_m2": 0.4,
        "trimmed_seen": 0,
        "trimmed_missed": 0,
    }
    return usual | of_damage | changes


def passes_of_length(*lengths_m: float | None) -> list[dict[str, Any]]:
    """One pass a week; one without a length saw nothing."""
    fields = ("device", "lon", "lat", "distance_m", "width_m", "area_m2", "sha256", "box_xyxy_px")
    usual = dict.fromkeys((*fields, "frame_width_px", "frame_height_px", "class_code")) | {"device": "bus-1"}
    return [
        a_pass(kind="not_seen" if length_m is None else "seen")
        | usual
        | {"at": FIRST + timedelta(weeks=week), "length_m": length_m}
        for week, length_m in enumerate(lengths_m)
    ]


def details(*lengths_m: float | None) -> FindingDetailProperties:
    return detail_of(finding(), passes_of_length(*lengths_m), [], catalogue=load_catalogue()).properties


def test_size_is_told_with_its_error_and_the_severity_with_how_sure_it_is() -> None:
    size = details(2.9, None, 3.0, 3.1, 3.0).size

    assert size is not None
    assert (size.measure, size.now, size.of) == ("length_m", 3.0, 4)
    assert size.sigma == pytest.approx(0.051, abs=0.001)
    assert size.severity_share is not None
    assert 0.9 < size.severity_share <= 1


def test_one_measurement_leaves_the_severity_unsure() -> None:
    size = details(3.0, None).size

    assert size is not None
    assert (size.sigma, size.severity_share) == (None, None)


def test_what_nobody_measured_has_no_size() -> None:
    assert details(None, None).size is None


def test_growth_is_told_a_year_with_its_error() -> None:
    growth = details(1.0, 1.1, 1.2, 1.3, 1.4, 1.5).growth

    assert growth is not None
    assert growth.per_year == pytest.approx(0.1 * 365.25 / 7)
    assert growth.per_year_sigma == pytest.approx(0, abs=1e-6)
