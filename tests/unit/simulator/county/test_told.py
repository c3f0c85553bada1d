import json
from pathlib import Path

import numpy as np
import pytest

from simulator.county.told import QUALITIES, ToldTables, rates_of
from simulator.errors import SimulatorError
from simulator.frames import DRAWN_CAMERA
from simulator.truth import CLASS_CODES
from wire.error_model import ErrorModel, load_error_model
from wire.looks import TOLD_FROM

ERRORS = load_error_model(Path("models/road_damage/error_model.json"))
GOOD, DARK, BLURRED = (QUALITIES.index(word) for word in ("good", "dark", "blurred"))


@pytest.fixture(scope="module")
def tables() -> ToldTables:
    """Of the shipped model, but for a blur that hides three of four things: real blur may hardly matter.

    The order in which its file names the classes means nothing.
    """
    document = ERRORS.model_dump(mode="json", by_alias=True)
    document["confidence"] = dict(reversed(document["confidence"].items()))
    good = {(row["class"], row["size"]): row["rate"] for row in document["hit"] if row["quality"] == "good"}
    for row in document["hit"]:
        if row["quality"] == "blurred":
            row["rate"] = good[row["class"], row["size"]] / 4
    return ToldTables(ErrorModel.model_validate_json(json.dumps(document)), camera=DRAWN_CAMERA)


def _share(tables: ToldTables, *, code: str, size_m: float, quality: int = GOOD, speed_mps: float = 8.0) -> float:
    count = 4000
    is_told, _ = tables.damage(
        classes=np.full(count, CLASS_CODES.index(code)),
        qualities=np.full(count, quality),
        sizes_m=np.full(count, size_m),
        speeds_mps=np.full(count, speed_mps),
        rng=np.random.default_rng(1),
    )
    return float(is_told.mean())


def test_large_damage_in_good_light_is_told_more_often(tables: ToldTables) -> None:
    assert _share(tables, code="D40", size_m=0.8) > _share(tables, code="D40", size_m=0.15) + 0.2
    assert _share(tables, code="D20", size_m=1.0) > _share(tables, code="D20", size_m=1.0, quality=BLURRED) + 0.1
    assert _share(tables, code="D40", size_m=0.8) > 0.8


def test_what_a_detector_invents_comes_as_often_as_measured(tables: ToldTables) -> None:
    stretches, classes, confidence = tables.invented(
        metres=np.full(2000, 50.0), qualities=np.full(2000, GOOD), rng=np.random.default_rng(2)
    )
    assert len(stretches) / 100 == pytest.approx(tables.invented_per_km, rel=0.1)
    assert set(classes.tolist()) <= set(range(len(CLASS_CODES)))
    assert ((confidence >= TOLD_FROM) & (confidence < 1)).all()


def test_a_road_that_nobody_drove_invents_nothing(tables: ToldTables) -> None:
    stretches, _, _ = tables.invented(metres=np.zeros(100), qualities=np.zeros(100, int), rng=np.random.default_rng(2))
    assert not len(stretches)


def test_a_model_that_was_not_measured_on_a_class_is_refused() -> None:
    document = ERRORS.model_dump(mode="json", by_alias=True)
    del document["confidence"]["D10"]
    for part in ("hit", "false_alarms"):
        document[part] = [row for row in document[part] if row["class"] != "D10"]
    del document["box_sigma_share"]["D10"], document["false_alarm_sides_px"]["D10"]
    lacking = ErrorModel.model_validate_json(json.dumps(document))
    with pytest.raises(SimulatorError, match="nothing of D10"):
        ToldTables(lacking, camera=DRAWN_CAMERA)


def test_a_quality_that_was_not_measured_counts_as_the_worst() -> None:
    document = ERRORS.model_dump(mode="json", by_alias=True)
    document["hit"] = [row for row in document["hit"] if row["quality"] != "glare"]
    document["false_alarms"] = [row for row in document["false_alarms"] if row["quality"] != "glare"]
    fewer = ErrorModel.model_validate_json(json.dumps(document))
    sides = np.array([4.0, 100.0])
    measured = [rates_of(ERRORS, "D20", quality, sides).tolist() for quality in fewer.qualities]
    assert rates_of(fewer, "D20", "glare", sides).tolist() == min(measured)
    assert min(measured) < max(measured)
    assert rates_of(fewer, "D20", "good", sides)[0] == 0.0  # nobody finds what is that small


def test_a_class_of_which_nothing_is_invented_is_never_told_of_nothing() -> None:
    document = ERRORS.model_dump(mode="json", by_alias=True)
    for row in document["false_alarms"]:
        row["per_picture"] *= row["class"] != "D20"
    tables = ToldTables(ErrorModel.model_validate_json(json.dumps(document)), camera=DRAWN_CAMERA)

    _, classes, _ = tables.invented(
        metres=np.full(1000, 100.0), qualities=np.full(1000, GOOD), rng=np.random.default_rng(1)
    )

    assert ERRORS.classes.index("D00") in classes
    assert ERRORS.classes.index("D20") not in classes
