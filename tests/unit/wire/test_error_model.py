"""The file of measured errors is read whole or not at all."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.wire.error_model_sample import error_model_document
from wire.error_model import ErrorModel, load_error_model
from wire.errors import ErrorModelError

Document = dict[str, Any]


@pytest.fixture
def errors() -> ErrorModel:
    return ErrorModel.model_validate_json(json.dumps(error_model_document()))


def test_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "error_model.json"
    file.write_text(json.dumps(error_model_document()))
    errors = load_error_model(file)
    assert errors.classes == ("D00", "D40")
    assert errors.qualities == ("good", "dark")
    assert errors.confidence["D40"].hit == (4.0, 2.0)
    assert errors.confidence["D40"].false_alarm == (2.0, 3.0)
    assert errors.model_dump(mode="json", by_alias=True) == error_model_document() | {"false_alarm_sides_px": {}}


@pytest.mark.parametrize(
    ("sides", "size"),
    [((0, 0), 0), ((31.9, 31.9), 0), ((32, 32), 1), ((8, 128), 1), ((1e6, 1e6), 1), ((-1, 5), 0)],
    ids=["nothing", "below the edge", "on the edge", "long and thin", "beyond the last edge", "turned inside out"],
)
def test_the_size_of_a_box_is_the_root_of_its_area(errors: ErrorModel, sides: tuple[float, float], size: int) -> None:
    assert errors.size_of(width_px=sides[0], height_px=sides[1]) == size


def test_rates_depend_on_class_size_and_quality(errors: ErrorModel) -> None:
    assert errors.hit_rate("D00", width_px=10, height_px=10) == pytest.approx(0.3)
    assert errors.hit_rate("D00", width_px=90, height_px=90) == pytest.approx(0.7)
    assert errors.hit_rate("D00", width_px=90, height_px=90, quality="dark") == pytest.approx(0.5)
    assert errors.false_alarms_per_picture("D40") == pytest.approx(0.02)
    assert errors.false_alarms_per_picture("D40", quality="dark") == pytest.approx(0.04)


@pytest.mark.parametrize("quality", ["good", "dark", "snow"])
def test_rates_by_size_are_those_of_each_bin(errors: ErrorModel, quality: str) -> None:
    each = tuple(errors.hit_rate("D00", width_px=side, height_px=side, quality=quality) for side in (10, 90))
    assert errors.hit_rates_by_size("D00", quality=quality) == each


def test_a_quality_that_was_not_measured_counts_as_the_worst_that_was(errors: ErrorModel) -> None:
    assert errors.hit_rate("D00", width_px=90, height_px=90, quality="snow") == pytest.approx(0.5)
    assert errors.false_alarms_per_picture("D40", quality="snow") == pytest.approx(0.04)


def test_sides_of_false_alarms_are_read_and_may_be_missing(errors: ErrorModel) -> None:
    sides = {code: [float(side) for side in range(20, 31)] for code in ("D00", "D40")}
    measured = ErrorModel.model_validate_json(json.dumps(error_model_document() | {"false_alarm_sides_px": sides}))

    assert measured.false_alarm_sides_px["D40"][5] == 25.0
    assert errors.false_alarm_sides_px == {}


def test_an_unknown_class_is_an_error_not_a_zero(errors: ErrorModel) -> None:
    with pytest.raises(ErrorModelError, match="D99"):
        errors.hit_rate("D99", width_px=10, height_px=10)
    with pytest.raises(ErrorModelError, match="D99"):
        errors.false_alarms_per_picture("D99")


def _another_format(document: Document) -> None:
    document["format"] = "busense.error-model.v2"


def _an_unknown_key(document: Document) -> None:
    document["surprise"] = 1


def _a_missing_rate(document: Document) -> None:
    document["hit"].pop()


def _a_rate_twice(document: Document) -> None:
    document["hit"].append(document["hit"][0])


def _missing_false_alarms(document: Document) -> None:
    document["false_alarms"].pop()


def _a_rate_above_one(document: Document) -> None:
    document["hit"][0]["rate"] = 1.2


def _an_unknown_quality(document: Document) -> None:
    document["hit"][0]["quality"] = "foggy"


def _a_class_without_box_error(document: Document) -> None:
    document["box_sigma_share"].pop("D00")


def _no_distribution(document: Document) -> None:
    document["confidence"]["D00"]["hit"] = [0.0, 1.0]


def _edges_that_do_not_rise(document: Document) -> None:
    document["size_edges_px"] = [0.0, 32.0, 32.0]


def _a_text_for_a_number(document: Document) -> None:
    document["threshold"] = "0.3"


def _sides_of_one_class_alone(document: Document) -> None:
    document["false_alarm_sides_px"] = {"D00": [20.0] * 11}


def _too_few_sides(document: Document) -> None:
    document["false_alarm_sides_px"] = {code: [20.0] * 10 for code in ("D00", "D40")}


def _sides_that_fall(document: Document) -> None:
    document["false_alarm_sides_px"] = {code: [20.0] * 10 + [19.0] for code in ("D00", "D40")}


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (_sides_of_one_class_alone, "must hold D00, D40"),
        (_too_few_sides, "11 numbers"),
        (_sides_that_fall, "do not fall"),
        (_another_format, "format"),
        (_an_unknown_key, "surprise"),
        (_a_missing_rate, "hit must have each"),
        (_a_rate_twice, "hit must have each"),
        (_missing_false_alarms, "false_alarms must have each"),
        (_a_rate_above_one, "rate"),
        (_an_unknown_quality, "quality"),
        (_a_class_without_box_error, "box_sigma_share"),
        (_no_distribution, "hit"),
        (_edges_that_do_not_rise, "must rise"),
        (_a_text_for_a_number, "threshold"),
    ],
)
def test_a_bad_file_is_explained(tmp_path: Path, change: Callable[[Document], None], word: str) -> None:
    document = error_model_document()
    change(document)
    file = tmp_path / "error_model.json"
    file.write_text(json.dumps(document))
    with pytest.raises(ErrorModelError, match=word):
        load_error_model(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ErrorModelError, match=r"nowhere\.json"):
        load_error_model(tmp_path / "nowhere.json")
