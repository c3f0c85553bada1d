"""The shipped road damage model does what its card says."""

import json
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

import models
from edge_agent.readings import Image
from edge_agent.vision.detections import overlaps
from edge_agent.vision.detector import OnnxDetector
from edge_agent.vision.ground import CameraModel
from edge_agent.vision.model_file import Precision, load_manifest
from models.cli import models as models_command
from models.road_damage import evaluate
from models.road_damage.coco import decoded, read_photos, road_damage_file
from models.road_damage.drawn_set import CLASSES, drawn_scene
from models.road_damage.quantise import spread
from simulator.drawn import DrawnDefect, draw_frame
from wire.error_model import load_error_model

FOLDER = Path(models.__file__).parent / "road_damage"
GOLDEN = Path(__file__).parents[1] / "golden" / "road_damage_on_drawn_frames.json"
GOLDEN_PHOTOS = GOLDEN.with_name("road_damage_on_photos.json")
PHOTOS = 6  # of the validation photos, from every source
CAMERA = CameraModel(width_px=640, height_px=384, focal_px=500.0, height_m=2.4, pitch_deg=14.0)
OUT_FILES = {
    "tables.md",
    "precision_recall.png",
    "reliability.png",
    "by_size.png",
    "misses.jpg",
    "false_alarms.jpg",
}
SURE = 0.05  # above the threshold: boxes at its very edge may come and go with the processor
SIZES_M = {"D00": (3.5, 0.3), "D10": (0.5, 2.8), "D20": (2.2, 1.8), "D40": (0.9, 0.9)}


class Seen(TypedDict):
    """What the shipped model finds on one picture."""

    codes: list[str]
    boxes: list[list[float]]
    confidences: list[float]


class Frame(Seen):
    """One drawn frame with one piece of damage."""

    code: str
    truth: list[float]


def frames_now(precision: Precision) -> list[Frame]:
    """Look at one drawn frame for each class."""
    detector = OnnxDetector(FOLDER / "manifest.toml", threads=1, precision=precision)
    return [_looked_at(detector, code, seed) for seed, code in enumerate(SIZES_M)]


def _looked_at(detector: OnnxDetector, code: str, seed: int) -> Frame:
    length_m, width_m = SIZES_M[code]
    defect = DrawnDefect(class_code=code, forward_m=6.5, right_m=0.2, length_m=length_m, width_m=width_m, seed=seed)
    image, boxes = draw_frame(CAMERA, [defect], seed=seed, along_m=20.0)
    truth = [round(side, 1) for side in boxes[0].box_xyxy_px]
    return Frame(code=code, truth=truth, **_seen(detector, image))


def photos_now(precision: Precision) -> list[Seen]:
    """Look at some photos of the data folder."""
    detector = OnnxDetector(FOLDER / "manifest.toml", threads=1, precision=precision)
    val = read_photos(road_damage_file(Path(os.environ["BUSENSE_DATA"]), "val"), CLASSES)
    return [_seen(detector, decoded(photo)) for photo in spread(val, PHOTOS)]


def _seen(detector: OnnxDetector, image: Image) -> Seen:
    found = detector.detect(image)
    return Seen(
        codes=list(found.class_codes),
        boxes=[[round(float(side), 1) for side in box] for box in found.boxes],
        confidences=[round(float(confidence), 3) for confidence in found.confidences],
    )


def frames_then() -> dict[Precision, list[Frame]]:
    return json.loads(GOLDEN.read_text(encoding="utf-8"))


def _sure(frame: Seen) -> list[tuple[str, list[float], float]]:
    limit = load_manifest(FOLDER / "manifest.toml").threshold + SURE
    rows = zip(frame["codes"], frame["boxes"], frame["confidences"], strict=True)
    return [(code, box, confidence) for code, box, confidence in rows if confidence > limit]


@pytest.mark.parametrize(("precision", "box_px", "chance"), [("fp32", 3, 0.05), ("int8", 12, 0.15)])
def test_detections_on_drawn_frames_are_the_golden_ones(precision: Precision, box_px: float, chance: float) -> None:
    """int8 kernels differ between processors in the last bits of their sums, hence its wider limits."""
    assert_same(frames_now(precision), frames_then()[precision], box_px=box_px, chance=chance)


@pytest.mark.data
@pytest.mark.skipif("BUSENSE_DATA" not in os.environ, reason="BUSENSE_DATA names no data folder")
@pytest.mark.parametrize(("precision", "box_px", "chance"), [("fp32", 3, 0.05), ("int8", 12, 0.15)])
def test_detections_on_photos_are_the_golden_ones(precision: Precision, box_px: float, chance: float) -> None:
    then: dict[Precision, list[Seen]] = json.loads(GOLDEN_PHOTOS.read_text(encoding="utf-8"))
    assert sum(len(_sure(photo)) for photo in then[precision]) >= PHOTOS

    assert_same(photos_now(precision), then[precision], box_px=box_px, chance=chance)


def assert_same(all_now: Sequence[Seen], all_then: Sequence[Seen], *, box_px: float, chance: float) -> None:
    for now, then in zip(all_now, all_then, strict=True):
        assert [code for code, _, _ in _sure(now)] == [code for code, _, _ in _sure(then)]
        for (_, box, confidence), (_, old_box, old_confidence) in zip(_sure(now), _sure(then), strict=True):
            assert box == pytest.approx(old_box, abs=box_px)
            assert confidence == pytest.approx(old_confidence, abs=chance)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize("place", range(4), ids=list(SIZES_M))
def test_shipped_model_finds_each_drawn_class(precision: Precision, place: int) -> None:
    frame = frames_then()[precision][place]

    of_class = [box for box, code in zip(frame["boxes"], frame["codes"], strict=True) if code == frame["code"]]
    iou, _ = overlaps(np.array(of_class, np.float32).reshape(-1, 4), np.array([frame["truth"]], np.float32))

    assert iou.max(initial=0) > 0.4


@pytest.fixture
def drawn_data(tmp_path: Path) -> Path:
    """A data folder of four drawn scenes; one of them is the only picture of a road without damage."""
    folder = tmp_path / "data"
    (folder / "images").mkdir(parents=True)
    (folder / "drive" / "frames").mkdir(parents=True)
    rng = np.random.default_rng(3)
    images: list[dict[str, object]] = []
    annotations: list[dict[str, object]] = []
    for number in range(4):
        scene = drawn_scene(rng)
        name = f"{number}.png"
        cv2.imwrite(str(folder / "images" / name), scene.image)
        height, width = scene.image.shape[:2]
        source = "RM-RDD" if number else "drawn"
        images.append(
            {"id": number, "file_name": name, "width": width, "height": height, "source": source, "scene": name}
        )
        for (left, top, right, bottom), label in zip(scene.boxes.tolist(), scene.labels.tolist(), strict=True):
            box = [left, top, right - left, bottom - top]
            annotations.append({"image_id": number, "category_id": label, "bbox": box})
    empty, _ = draw_frame(CAMERA, [], seed=1, along_m=3.0)
    cv2.imwrite(str(folder / "drive" / "frames" / "1.jpg"), empty)
    categories = [{"id": index, "name": code} for index, code in enumerate(CLASSES)]
    content = {"categories": categories, "images": images, "annotations": annotations}
    (folder / "val.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


@pytest.mark.timeout(300)
def test_an_evaluation_writes_its_tables_curves_sheets_and_what_is_shipped(
    tmp_path: Path, drawn_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib", reason="curves need the extra `train`")
    monkeypatch.setattr(evaluate, "DRAWN_SCENES", 12)
    model, out = tmp_path / "model", tmp_path / "out"
    shutil.copytree(FOLDER, model, ignore=shutil.ignore_patterns("training", "*.py", "error_model.json", "*.png"))

    result = evaluated(drawn_data, "--model", model, "--out", out, "--json", tmp_path / "r.json", "--ship")

    assert "RM-RDD and Chiba together" in result.output
    report = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert report["photos"]["pictures"] == 4
    assert report["vehicle_views"]["pictures"] == 3
    assert report["clean"]["drive/frames"]["pictures"] == 1
    assert report["int8"]["median_ms"] > 0
    assert {file.name for file in out.iterdir()} == OUT_FILES
    errors = load_error_model(model / "error_model.json")
    assert errors.qualities == ("good", "dark", "blurred", "wet", "glare")
    assert errors.model == load_manifest(model / "manifest.toml").model
    card = (model / "card.md").read_text(encoding="utf-8")
    assert f"| all photos | 4 | 4 | {report['photos']['total']['f1']:.3f} |" in card
    assert "## Where it fails" in card
    assert errors.model.sha256.encode() in (model / "where_it_fails.png").read_bytes()


def evaluated(data: Path, *arguments: str | Path) -> Result:
    words = ["evaluate", "road_damage", "--data", str(data), *map(str, arguments)]
    result = CliRunner().invoke(models_command, words, catch_exceptions=False)
    assert result.exit_code == 0
    return result


@pytest.mark.data
@pytest.mark.timeout(300)
@pytest.mark.skipif("BUSENSE_DATA" not in os.environ, reason="BUSENSE_DATA names no data folder")
def test_card_gives_the_f1_that_is_measured(tmp_path: Path) -> None:
    """On the three sources with few photos: all of them would take minutes."""
    evaluated(_few_photos(tmp_path), "--json", tmp_path / "r")

    report = json.loads((tmp_path / "r").read_text(encoding="utf-8"))
    card = (FOLDER / "card.md").read_text(encoding="utf-8")
    parts = {
        **report["by_source"],
        "RM-RDD and Chiba together": report["vehicle_views"],
        "drawn scenes": report["drawn"],
    }
    for name, part in parts.items():
        written = re.search(rf"\| {re.escape(name)} \|[^|]*\|[^|]*\| ([\d.]+)", card)
        assert written is not None
        assert float(written[1]) == pytest.approx(part["total"]["f1"], abs=0.02)


def _few_photos(folder: Path) -> Path:
    source = Path(os.environ["BUSENSE_DATA"]) / "road-damage"
    content = json.loads((source / "val.json").read_text(encoding="utf-8"))
    content["images"] = [image for image in content["images"] if image["source"] != "RDD2022/China_MotorBike"]
    ids = {image["id"] for image in content["images"]}
    content["annotations"] = [one for one in content["annotations"] if one["image_id"] in ids]
    (folder / "images").symlink_to(source / "images")
    (folder / "val.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def write(file: Path, golden: dict[str, list[Seen]]) -> None:
    file.write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(GOLDEN, {precision: [*frames_now(precision)] for precision in ("fp32", "int8")})
    write(GOLDEN_PHOTOS, {precision: photos_now(precision) for precision in ("fp32", "int8")})
