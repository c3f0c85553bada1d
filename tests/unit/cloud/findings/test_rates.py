import json
from typing import Any

import pytest

from cloud.findings.catalogue import load_catalogue
from cloud.findings.fuse import fuse
from cloud.findings.rates import RateBook, size_of
from tests.unit.cloud.findings.builders import look, observation
from wire.error_model import ErrorModel

CATALOGUE = load_catalogue()
SAID: dict[str, Any] = {"model_name": "m", "model_version": "1"}


def error_model(*, hit: float = 0.6, per_picture: float = 0.02) -> ErrorModel:
    codes = ("D00", "D10", "D20", "D40")
    return ErrorModel.model_validate_json(_document(codes, hit, per_picture))


def _document(codes: tuple[str, ...], hit: float, per_picture: float) -> str:
    rates = {"rate": hit, "low": hit / 2, "high": min(1.0, hit * 1.2), "of": 50}
    alarms = {"per_picture": per_picture, "low": per_picture / 2, "high": per_picture, "pictures": 100}
    return json.dumps(
        {
            "format": "busense.error-model.v1",
            "model": {"name": "m", "version": "1", "sha256": "0" * 64},
            "threshold": 0.3,
            "measured_on": {"pictures": 100, "scenes": 10},
            "size_edges_px": [0, 64, 100000],
            "hit": [{"class": code, "size": size, "quality": "good", **rates} for code in codes for size in (0, 1)],
            "false_alarms": [{"class": code, "quality": "good", **alarms} for code in codes],
            "confidence": {code: {"hit": [6.0, 2.0], "false": [3.0, 3.0]} for code in codes},
            "box_sigma_share": dict.fromkeys(codes, 0.1),
        }
    )


def book(model: ErrorModel) -> RateBook:
    return RateBook(models={("m", "1"): model})


def test_miss_of_a_good_detector_counts_more() -> None:
    observations = [observation(minutes=number * 10, **SAID) for number in range(2)]
    missed = [look(minutes=60, **SAID)]
    beliefs = [
        fuse(observations, missed, catalogue=CATALOGUE, book=book(error_model(hit=hit))).existence
        for hit in (0.2, 0.5, 0.9)
    ]

    assert beliefs[1] > beliefs[2]


def test_sighting_of_a_detector_that_invents_much_counts_less() -> None:
    beliefs = [
        fuse([observation(**SAID)], [], catalogue=CATALOGUE, book=book(error_model(per_picture=rate))).existence
        for rate in (0.005, 0.05, 0.5)
    ]

    assert beliefs == sorted(beliefs, reverse=True)


def test_sighting_of_a_detector_whose_false_alarms_are_small_counts_less() -> None:
    """Damage of their size is hardly found, so the tracker tells them after one look."""
    document = error_model().model_dump(mode="json", by_alias=True)
    for row in document["hit"]:
        row["rate"] = 0.9 if row["size"] else 0.1
    beliefs: list[float] = []
    for side in (200.0, 20.0):
        sides = {code: [side] * 11 for code in document["confidence"]}
        model = ErrorModel.model_validate_json(json.dumps(document | {"false_alarm_sides_px": sides}))
        beliefs.append(fuse([observation(**SAID)], [], catalogue=CATALOGUE, book=book(model)).existence)

    assert beliefs[0] > beliefs[1]


def test_pass_says_which_rates_it_was_weighed_by() -> None:
    (by_model,) = fuse([observation(**SAID)], [], catalogue=CATALOGUE, book=book(error_model())).passes
    (assumed,) = fuse([observation()], [], catalogue=CATALOGUE, book=book(error_model())).passes

    assert by_model.is_measured
    assert not assumed.is_measured
    assert assumed.hit == CATALOGUE.classes["D40"].hit_rate


def test_size_is_the_median_of_what_sightings_showed() -> None:
    seen = [observation(box_side_px=side, distance_m=4.0) for side in (10.0, 20.0, 90.0)]

    assert size_of(seen) == pytest.approx(160.0)
