import hashlib
import tomllib
from pathlib import Path

import onnx
import pytest

import models

ROOT = Path(models.__file__).parent
NAMES = ("road_damage", "faces")
KEYS = {
    "name",
    "version",
    "file",
    "sha256",
    "input_width",
    "input_height",
    "input_layout",
    "classes",
    "threshold",
    "nms_iou",
    "data_licence",
    "trained_on",
}


@pytest.mark.parametrize("name", NAMES)
def test_manifest_has_its_keys_and_the_hash_of_its_file(name: str) -> None:
    manifest = tomllib.loads((ROOT / name / "manifest.toml").read_text(encoding="utf-8"))

    assert set(manifest) >= KEYS
    assert manifest["name"] == name
    weights = (ROOT / name / manifest["file"]).read_bytes()
    assert hashlib.sha256(weights).hexdigest() == manifest["sha256"]
    assert len(weights) < 13_000_000
    assert 0 < manifest["threshold"] < 1


def test_road_damage_file_says_itself_what_it_is() -> None:
    manifest = tomllib.loads((ROOT / "road_damage" / "manifest.toml").read_text(encoding="utf-8"))

    model = onnx.load_model_from_string((ROOT / "road_damage" / "model.onnx").read_bytes())

    facts = {entry.key: entry.value for entry in model.metadata_props}
    assert facts["version"] == manifest["version"]
    assert facts["threshold"] == str(manifest["threshold"])
    assert model.opset_import[0].version >= 17


@pytest.mark.parametrize("name", NAMES)
def test_card_names_the_hash_and_the_licence(name: str) -> None:
    manifest = tomllib.loads((ROOT / name / "manifest.toml").read_text(encoding="utf-8"))

    card = (ROOT / name / "card.md").read_text(encoding="utf-8")

    assert manifest["sha256"] in card
    assert manifest["version"] in card
    assert "icence" in card
