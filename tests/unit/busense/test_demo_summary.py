from dataclasses import replace

import pytest
from rich.console import Console

from busense.demo_summary import Summary

SUMMARY = Summary(
    seed=3,
    truth_hash="a" * 64,
    seconds=60.0,
    frames=100,
    frames_per_s=1.7,
    boxes=20,
    observations=10,
    pictures=10,
    sent=50,
    stored=50,
    duplicates=0,
    redelivered=2,
    given_up=0,
    exposed=9,
    found=7,
    missed=2,
    invented=1,
    doubled=0,
    median_distance_m=1.25,
    candidates=3,
    found_or_candidate=8,
    cases=5,
    cases_by_step={
        "filed": 5,
        "dispatched": 4,
        "accepted": 4,
        "repaired": 3,
        "verified": 1,
        "reopened": 1,
        "rejected": 0,
    },
    p50_ms=1500.0,
    p99_ms=4000.0,
    finding_p50_ms=None,
    finding_p99_ms=None,
    observations_shown=10,
    restarts=0,
    is_all_stored=True,
    is_all_fused=True,
    scenarios={"stops": {"sent": 12, "stored": 12}},
)
PROMISED = "sent stored lost duplicates found missed invented doubled cases p50_ms p99_ms seed"


def test_json_has_the_promised_keys_at_the_top() -> None:
    assert set(PROMISED.split()) <= SUMMARY.as_json().keys()


@pytest.mark.parametrize(
    ("changes", "lost", "is_good"),
    [
        ({}, 0, True),
        ({"stored": 49}, 1, False),
        ({"stored": 48, "given_up": 2}, 0, True),
        ({"duplicates": 1}, 0, False),
    ],
    ids=["all there", "one lost", "given up is not lost", "stored twice"],
)
def test_what_is_lost(changes: dict[str, int], lost: int, is_good: bool) -> None:  # noqa: FBT001
    summary = replace(SUMMARY, **changes)
    assert (summary.lost, summary.is_good) == (lost, is_good)


def test_the_table_names_every_number() -> None:
    console = Console(width=120)
    with console.capture() as capture:
        console.print(SUMMARY.as_table())
    text = capture.get()
    for word in PROMISED.split():
        assert word in text
    assert "1.2" in text
