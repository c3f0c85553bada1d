import numpy as np
import pytest

from models.road_damage.quantise import spread
from models.road_damage.release import Release, calibrated
from models.road_damage.score import Outcome
from tests.unit.models.road_damage_samples import outcome, photo

BOX, ELSEWHERE = [10.0, 10.0, 60.0, 60.0], [70.0, 70.0, 90.0, 90.0]
RELEASE = Release(version="1", input_px=512, trained_on="nothing")


def pictures(label: int, share_right: float, *, score: float, count: int = 60) -> list[Outcome]:
    """Boxes of one class and score of which a share is right; each picture is a scene of its own."""
    return [
        outcome(
            [BOX if number < share_right * count else ELSEWHERE],
            [score],
            [label],
            photo([BOX], [label], scene=f"{label} {number}"),
        )
        for number in range(count)
    ]


def test_a_release_learns_what_its_scores_are_worth() -> None:
    outcomes = [
        *pictures(0, 0.3, score=0.5),
        *pictures(3, 0.9, score=0.5),
        *pictures(0, 0.1, score=0.2),
        *pictures(3, 0.7, score=0.2),
    ]

    found = calibrated(RELEASE, outcomes)

    half, fifth = np.array([0.5], np.float32), np.array([0.2], np.float32)
    assert found.calibration.confidence(half, 0)[0] == pytest.approx(0.3, abs=0.07)
    assert found.calibration.confidence(half, 3)[0] == pytest.approx(0.9, abs=0.07)
    assert found.calibration.confidence(fifth, 3)[0] == pytest.approx(0.7, abs=0.07)
    assert found.threshold < 0.7
    assert (found.version, found.input_px) == ("1", 512)


def test_photos_for_int8_come_from_every_source() -> None:
    many = [photo([], [], source="many", scene=str(number)) for number in range(90)]
    few = [photo([], [], source="few", scene=str(number)) for number in range(10)]

    chosen = spread([*many, *few], 20)

    assert len(chosen) == 20
    assert sum(one.source == "few" for one in chosen) == 2
    assert len({one.scene for one in chosen if one.source == "many"}) == 18


def test_fewer_photos_than_wanted_are_all_taken_once() -> None:
    three = [photo([], [], scene=str(number)) for number in range(3)]

    assert len({one.scene for one in spread(three, 20)}) == 3
