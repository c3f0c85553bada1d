import hashlib
import json
import tomllib
from pathlib import Path

import onnx
import pytest

import models
from edge_agent.vision.face_mesh import EyesManifest
from edge_agent.vision.model_file import load_manifest, read_manifest
from wire.error_model import load_error_model

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
    assert 0 < manifest["threshold"] < 1


def test_weights_are_small_enough_for_the_repository() -> None:
    sizes = [file.stat().st_size for file in ROOT.glob("*/*.onnx")]
    assert len(sizes) == 6
    assert sum(sizes) <= 18_000_000
    assert sum(file.stat().st_size for file in (ROOT / "road_damage").glob("*.onnx")) <= 15_000_000


def test_road_damage_file_says_itself_what_it_is() -> None:
    manifest = tomllib.loads((ROOT / "road_damage" / "manifest.toml").read_text(encoding="utf-8"))

    for file in (manifest["file"], manifest["int8"]["file"]):
        model = onnx.load_model_from_string((ROOT / "road_damage" / file).read_bytes())
        facts = {entry.key: entry.value for entry in model.metadata_props}
        assert facts["version"] == manifest["version"]
        assert facts["threshold"] == str(manifest["threshold"])
        assert json.loads(facts["classes"]) == manifest["classes"]
        assert json.loads(facts["calibration"])["slope"] == manifest["calibration"]["slope"]
        assert facts["data_licence"] == manifest["data_licence"]
        assert model.opset_import[0].version >= 17


def test_second_look_is_that_of_manifest_and_card() -> None:
    second_look = load_manifest(ROOT / "road_damage" / "manifest.toml").second_look

    assert second_look is not None
    content = (ROOT / "road_damage" / second_look.file).read_bytes()
    assert hashlib.sha256(content).hexdigest() == second_look.sha256
    assert second_look.sha256 in (ROOT / "road_damage" / "card.md").read_text(encoding="utf-8")


def test_error_model_is_of_the_shipped_weights() -> None:
    manifest = load_manifest(ROOT / "road_damage" / "manifest.toml")

    errors = load_error_model(ROOT / "road_damage" / "error_model.json")

    assert errors.model == manifest.model
    assert errors.classes == manifest.classes
    assert errors.threshold == manifest.threshold


def test_plot_of_the_failures_is_of_the_shipped_weights_and_shown_in_the_card() -> None:
    folder = ROOT / "road_damage"

    assert load_manifest(folder / "manifest.toml").model.sha256.encode() in (folder / "where_it_fails.png").read_bytes()
    assert "](where_it_fails.png)" in (folder / "card.md").read_text(encoding="utf-8")


def test_both_networks_of_the_eyes_are_those_of_manifest_and_card() -> None:
    manifest = read_manifest(EyesManifest, ROOT / "eyes" / "manifest.toml")

    card = (ROOT / "eyes" / "card.md").read_text(encoding="utf-8")

    assert manifest.version in card
    for weights in (manifest.mesh, manifest.outlines):
        content = (ROOT / "eyes" / weights.file).read_bytes()
        assert hashlib.sha256(content).hexdigest() == weights.sha256
        assert weights.sha256 in card


@pytest.mark.parametrize("name", NAMES)
def test_card_names_the_hash_and_the_licence(name: str) -> None:
    manifest = tomllib.loads((ROOT / name / "manifest.toml").read_text(encoding="utf-8"))

    card = (ROOT / name / "card.md").read_text(encoding="utf-8")

    assert manifest["sha256"] in card
    assert manifest.get("int8", {"sha256": ""})["sha256"] in card
    assert manifest["version"] in card
    assert "icence" in card
