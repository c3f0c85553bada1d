import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


def in_the_dark(*, hit: float = 0.6, per_picture: float = 0.02) -> ErrorModel:
    """An error model with other rates for dark pictures."""
    by_day = error_model().model_dump(mode="json", by_alias=True)
    by_night = error_model(hit=hit, per_picture=per_picture).model_dump(mode="json", by_alias=True)
    for rows in ("hit", "false_alarms"):
        by_day[rows] += [row | {"quality": "dark"} for row in by_night[rows]]
    return ErrorModel.model_validate_json(json.dumps(by_day))


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


def believed(model: ErrorModel, *, seen: str | None = None, missed: str | None = None) -> float:
    """After two sightings and a look that saw nothing, by the quality of their pictures."""
    observations = [observation(minutes=number * 10, quality=seen, **SAID) for number in range(2)]
    return fuse(
        observations, [look(minutes=60, quality=missed, **SAID)], catalogue=CATALOGUE, book=book(model)
    ).existence


def test_look_in_poor_light_that_saw_nothing_takes_less_away() -> None:
    model = in_the_dark(hit=0.1)

    assert believed(model, missed="dark") > believed(model, missed="good")


def test_sighting_in_poor_light_adds_less_where_it_invents_more() -> None:
    model = in_the_dark(per_picture=0.5)

    assert believed(model, seen="dark") < believed(model, seen="good")


def test_quality_that_was_not_measured_counts_as_the_worst_that_was() -> None:
    model = in_the_dark(hit=0.1, per_picture=0.5)
    rates = book(model).rates(CATALOGUE, "D40", observation(quality="snow", **SAID), reach_m=10.0, size=400.0)
    worst = book(model).rates(CATALOGUE, "D40", observation(quality="dark", **SAID), reach_m=10.0, size=400.0)

    assert rates == worst


def test_pass_that_does_not_tell_its_light_was_by_good_light() -> None:
    model = in_the_dark(hit=0.1, per_picture=0.5)

    assert believed(model) == believed(model, seen="good", missed="good") == believed(error_model())


@settings(deadline=None)  # a busy machine is slow, not wrong
@given(st.lists(st.sampled_from(["good", "dark", "snow", None]), min_size=2, max_size=10), st.randoms())
def test_order_of_passes_in_any_light_does_not_matter(qualities: list[str | None], order: random.Random) -> None:
    model = in_the_dark(hit=0.1, per_picture=0.5)
    seen = [observation(minutes=9 * number, quality=each, **SAID) for number, each in enumerate(qualities)]
    looks = [look(minutes=5 * number, quality=each, **SAID) for number, each in enumerate(qualities)]
    expected = fuse(seen, looks, catalogue=CATALOGUE, book=book(model))
    order.shuffle(seen)
    order.shuffle(looks)

    assert fuse(seen, looks, catalogue=CATALOGUE, book=book(model)) == expected
