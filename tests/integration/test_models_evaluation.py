"""The shipped road damage model does what its card says."""

import json
import os
import re
from pathlib import Path
from typing import TypedDict

import numpy as np
import pytest
from click.testing import CliRunner

import models
from edge_agent.vision.detections import overlaps
from edge_agent.vision.detector import OnnxDetector
from edge_agent.vision.ground import CameraModel
from edge_agent.vision.model_file import load_manifest
from models.cli import models as models_command
from simulator.drawn import DrawnDefect, draw_frame

FOLDER = Path(models.__file__).parent / "road_damage"
GOLDEN = Path(__file__).parents[1] / "golden" / "road_damage_on_drawn_frames.json"
CAMERA = CameraModel(width_px=640, height_px=384, focal_px=500.0, height_m=2.4, pitch_deg=14.0)
SURE = 0.05  # above the threshold: boxes at its very edge may come and go with the processor
SIZES_M = {"D00": (3.5, 0.3), "D10": (0.5, 2.8), "D20": (2.2, 1.8), "D40": (0.9, 0.9)}


class Frame(TypedDict):
    """What the shipped model finds on one drawn frame with one piece of damage."""

    code: str
    truth: list[float]
    codes: list[str]
    boxes: list[list[float]]
    confidences: list[float]


def frames_now() -> list[Frame]:
    """Look at one drawn frame for each class."""
    detector = OnnxDetector(FOLDER / "manifest.toml", threads=1)
    return [_looked_at(detector, code, seed) for seed, code in enumerate(SIZES_M)]


def _looked_at(detector: OnnxDetector, code: str, seed: int) -> Frame:
    length_m, width_m = SIZES_M[code]
    defect = DrawnDefect(class_code=code, forward_m=6.5, right_m=0.2, length_m=length_m, width_m=width_m, seed=seed)
    image, boxes = draw_frame(CAMERA, [defect], seed=seed, along_m=20.0)
    found = detector.detect(image)
    return Frame(
        code=code,
        truth=[round(side, 1) for side in boxes[0].box_xyxy_px],
        codes=list(found.class_codes),
        boxes=[[round(float(side), 1) for side in box] for box in found.boxes],
        confidences=[round(float(confidence), 3) for confidence in found.confidences],
    )


def frames_then() -> list[Frame]:
    return json.loads(GOLDEN.read_text(encoding="utf-8"))


def _sure(frame: Frame) -> list[tuple[str, list[float], float]]:
    limit = load_manifest(FOLDER / "manifest.toml").threshold + SURE
    rows = zip(frame["codes"], frame["boxes"], frame["confidences"], strict=True)
    return [(code, box, confidence) for code, box, confidence in rows if confidence > limit]


def test_detections_on_drawn_frames_are_the_golden_ones() -> None:
    for now, then in zip(frames_now(), frames_then(), strict=True):
        assert [code for code, _, _ in _sure(now)] == [code for code, _, _ in _sure(then)]
        for (_, box, confidence), (_, old_box, old_confidence) in zip(_sure(now), _sure(then), strict=True):
            assert box == pytest.approx(old_box, abs=3)
            assert confidence == pytest.approx(old_confidence, abs=0.05)


@pytest.mark.parametrize("place", range(4), ids=list(SIZES_M))
def test_shipped_model_finds_each_drawn_class(place: int) -> None:
    frame = frames_then()[place]

    of_class = [box for box, code in zip(frame["boxes"], frame["codes"], strict=True) if code == frame["code"]]
    iou, _ = overlaps(np.array(of_class, np.float32).reshape(-1, 4), np.array([frame["truth"]], np.float32))

    assert iou.max(initial=0) > 0.4


@pytest.mark.data
@pytest.mark.skipif("BUSENSE_DATA" not in os.environ, reason="BUSENSE_DATA names no data folder")
def test_card_gives_the_f1_that_is_measured(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        models_command,
        [
            "evaluate",
            "road_damage",
            "--data",
            os.environ["BUSENSE_DATA"] + "/road-damage",
            "--json",
            str(tmp_path / "r"),
        ],
        catch_exceptions=False,
    )

    assert result.exit_code == 0
    report = json.loads((tmp_path / "r").read_text(encoding="utf-8"))
    card = (FOLDER / "card.md").read_text(encoding="utf-8")
    for row, part in (("all photos", report["photos"]), ("drawn scenes", report["drawn"])):
        written = re.search(rf"\| {row} \|[^|]*\|[^|]*\| \**([\d.]+)", card)
        assert written is not None
        assert float(written[1]) == pytest.approx(part["total"]["f1"], abs=0.02)


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(frames_now(), indent=1) + "\n", encoding="utf-8")
