"""What a person reads of a pass: each number in words, and why a sighting weighs little."""

import re
from typing import Any

import pytest

from cloud.findings.views import why


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
