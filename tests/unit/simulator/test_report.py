import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from simulator.fleet import FleetCounts
from simulator.report import Report, in_words, write_json
from simulator.score import Score

RUNNING = Report(
    seed=7,
    truth_hash="b" * 64,
    buses=3,
    full_buses=1,
    is_running=True,
    elapsed_s=12.34,
    driven_s=10.0,
    counts=FleetCounts(frames=10, boxes=4, observations=2, sent=9),
    exposed=5,
    started_at=datetime(2026, 11, 24, 8, 0, tzinfo=UTC),
)
SCORE = Score(exposed=5, found=(("d1", "f1", 1.0), ("d2", "f2", 2.0)), missed=("d3",), invented=(), doubled=("f9",))


def test_a_running_simulation_has_no_score() -> None:
    document = RUNNING.as_json()
    assert "found" not in document
    assert (document["seed"], document["frames"], document["sent"], document["is_running"]) == (7, 10, 9, True)


def test_the_score_stands_at_the_top() -> None:
    document = replace(RUNNING, is_running=False, score=SCORE).as_json()
    counts = [document[name] for name in ("found", "missed", "invented", "doubled", "median_distance_m")]
    assert counts == [2, 1, 0, 1, 1.5]
    assert document["missed_ids"] == ["d3"]


def test_the_truths_hash_is_told_with_the_score() -> None:
    words = "\n".join(in_words(replace(RUNNING, score=SCORE)))
    assert "bbbbbbbb" in words
    assert "2 found, 1 missed; 0 invented, 1 doubled, median distance 1.5 m" in words


def test_a_reader_never_finds_half_a_document(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    for number in range(3):
        write_json(path, {"number": number})
    assert json.loads(path.read_text()) == {"number": 2}
    assert list(tmp_path.iterdir()) == [path]
