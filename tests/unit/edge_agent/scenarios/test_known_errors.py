import json
from pathlib import Path

import pytest

from edge_agent.config import MODELS
from edge_agent.errors import ModelError
from edge_agent.scenarios.road_damage.evidence import Evidence
from edge_agent.scenarios.road_damage.known_errors import (
    FILE,
    KnownErrors,
    known_errors,
    read_known_errors,
)
from tests.unit.edge_agent.scenes import CAMERA
from tests.unit.wire.error_model_sample import error_model_document
from wire.error_model import MOST_GAIN, ErrorModel, Quality

MODEL = ErrorModel.model_validate_json(json.dumps(error_model_document()))
KNOWN = known_errors(MODEL, input_scale=0.5)
MANIFEST = MODELS / "road_damage" / "manifest.toml"


@pytest.mark.parametrize("class_code", MODEL.classes)
def test_the_surer_a_box_the_likelier_is_the_thing(class_code: str) -> None:
    values = [KNOWN.odds.gain(class_code, confidence) for confidence in (0.3, 0.6, 0.9)]
    assert values == sorted(values)
    assert all(abs(value) <= MOST_GAIN for value in values)


@pytest.mark.parametrize("quality", MODEL.qualities)
def test_a_box_is_measured_in_the_pixels_of_the_models_input(quality: Quality) -> None:
    code = MODEL.classes[0]
    expected = MODEL.hit_rate(code, width_px=50.0, height_px=50.0, quality=quality)
    assert KNOWN.odds.hit_rate(code, 100.0, 100.0, quality) == expected


def test_a_class_that_was_never_measured_has_stand_ins() -> None:
    plain = KnownErrors().odds
    assert KNOWN.odds.hit_rate("X1", 50.0, 50.0, "good") == plain.hit_rate("X1", 50.0, 50.0, "good")
    assert KNOWN.odds.gain("X1", 0.7) == plain.gain("X1", 0.7)


def test_false_alarms_that_repeat_themselves_grow_less_sure_than_hits() -> None:
    code = MODEL.classes[0]
    known = MODEL.confidence[code]

    def after_five(confidence: float) -> float:
        evidence = Evidence(KNOWN.odds, code)
        for _ in range(5):
            evidence.see(confidence, class_code=code, rate=0.7)
        return evidence.probability

    means = [a / (a + b) for a, b in (known.false_alarm, known.hit)]
    assert after_five(means[0]) < after_five(means[1])


def test_the_shipped_model_was_measured() -> None:
    known = read_known_errors(MANIFEST, CAMERA)
    assert set(known.side_share) == {"D00", "D10", "D20", "D40"}


def test_a_model_without_measurements_has_stand_ins(tmp_path: Path) -> None:
    assert read_known_errors(tmp_path / "manifest.toml", CAMERA).side_share == {}


def test_measurements_of_another_version_are_not_used(tmp_path: Path) -> None:
    (tmp_path / "manifest.toml").write_bytes(MANIFEST.read_bytes())
    content = json.loads((MANIFEST.parent / FILE).read_text(encoding="utf-8"))
    content["model"]["version"] = "0.0.1"
    (tmp_path / FILE).write_text(json.dumps(content), encoding="utf-8")
    assert read_known_errors(tmp_path / "manifest.toml", CAMERA).side_share == {}


def test_broken_measurements_stop_the_agent(tmp_path: Path) -> None:
    (tmp_path / "manifest.toml").write_bytes(MANIFEST.read_bytes())
    (tmp_path / FILE).write_text("{}", encoding="utf-8")
    with pytest.raises(ModelError):
        read_known_errors(tmp_path / "manifest.toml", CAMERA)
