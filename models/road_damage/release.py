"""From a network to what is shipped: a small float file, an int8 file, and the manifest that the agent reads.

Scores become chances and the threshold is chosen here, on the validation photos, so that no one does it by hand.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx

from edge_agent.readings import Image
from edge_agent.vision.detector import OnnxDetector
from edge_agent.vision.model_file import Calibration, CloseUp
from edge_agent.vision.preprocess import InputShape
from models.half import with_half_weights
from models.road_damage import calibrate
from models.road_damage.coco import Photo, decoded, read_photos, road_damage_file
from models.road_damage.drawn_set import CLASSES
from models.road_damage.quantise import PHOTOS, spread, write_int8
from models.road_damage.score import MATCH_IOU, Outcome, judge

STRIDE_PX: Final = 32
PAD: Final = 114
NMS_IOU: Final = 0.3
LOWEST_SCORE: Final = 0.02
THRESHOLD_SEED: Final = 1
FLOAT_FILE, INT8_FILE, CLOSE_FILE = "model.onnx", "model.int8.onnx", "second_look.onnx"
LICENCE: Final = "CC BY-SA 4.0 (RDD2022, Road Damage Dataset 2018); Annotated Potholes: public domain by its export"
UNCALIBRATED: Final = Calibration(slope=1.0, offsets=(0.0,) * len(CLASSES))
CLOSE_UP: Final = CloseUp(file=CLOSE_FILE, sha256="0" * 64, side_px=96, context=2.4, least=0.075)
_checker: Any = onnx.checker  # it is typed in part
Bar = Callable[[str, int], Callable[[], None]]  # what is done and how often → a call for each time


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What the manifest says beyond the files themselves."""

    version: str
    input_px: int  # side of the square whose area a picture is scaled to
    trained_on: str
    threshold: float = LOWEST_SCORE
    calibration: Calibration = UNCALIBRATED
    second_look: CloseUp | None = None

    @property
    def shape(self) -> InputShape:
        return InputShape(width_px=self.input_px, height_px=self.input_px, stride_px=STRIDE_PX, pad=PAD)


def make_release(network: Path, folder: Path, release: Release, *, data: Path, bar: Bar) -> Release:
    """Write both files and the manifest of a float32 network; return the release with what was found on val.

    Raises:
        DataError: the data folder has no train.json or val.json, or a picture is missing.
    """
    val = read_photos(road_damage_file(data, "val"), CLASSES)
    train = spread(read_photos(road_damage_file(data, "train"), CLASSES))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CLOSE_FILE).unlink(missing_ok=True)  # it was fitted to another network
    shutil.copyfile(network, folder / FLOAT_FILE)
    write_int8(network, folder / INT8_FILE, train, release.shape, seen=bar("int8", min(PHOTOS, len(train))))
    _write(folder, release)
    found = calibrated(release, _outcomes(folder, val, bar("threshold", len(val))))
    _write(folder, found)
    return found


def add_second_look(network: Path, folder: Path, release: Release, *, data: Path, bar: Bar) -> Release:
    """Put a second look beside the networks of a model's folder; return the release with what was found on val.

    Raises:
        DataError: the data folder has no val.json, or a picture is missing.
    """
    val = read_photos(road_damage_file(data, "val"), CLASSES)
    content = with_half_weights(onnx.load_model_from_string(network.read_bytes())).SerializeToString()
    _checker.check_model(content, full_check=True)
    (folder / CLOSE_FILE).write_bytes(content)
    close_up = CLOSE_UP.model_copy(update={"sha256": hashlib.sha256(content).hexdigest()})
    release = replace(release, second_look=close_up)
    _write(folder, release)
    found = calibrated(release, _outcomes(folder, val, bar("threshold", len(val))))
    _write(folder, found)
    return found


def calibrated(release: Release, outcomes: Sequence[Outcome]) -> Release:
    """The release with the calibration and the threshold that raw scores on the validation photos ask for."""
    boxes = calibrate.boxes_of(outcomes)
    calibration = calibrate.fit(boxes, len(CLASSES))
    chances = [calibrate.with_confidences(calibration, outcome) for outcome in outcomes]
    return replace(
        release,
        threshold=calibrate.steady_threshold(chances, np.random.default_rng(THRESHOLD_SEED)),
        calibration=calibration,
    )


def _outcomes(folder: Path, photos: Sequence[Photo], seen: Callable[[], None]) -> list[Outcome]:
    detector = OnnxDetector(folder / "manifest.toml", threads=1, threshold=LOWEST_SCORE)
    outcomes: list[Outcome] = []
    for photo in photos:
        outcomes.append(judged(detector, decoded(photo), photo))
        seen()
    return outcomes


def judged(detector: OnnxDetector, image: Image, truth: Photo, *, match_iou: float = MATCH_IOU) -> Outcome:
    """Look at a picture as the agent does, and compare with its truth."""
    found = detector.detect(image)
    labels = np.array([CLASSES.index(code) for code in found.class_codes], np.int64)
    return judge(boxes=found.boxes, scores=found.confidences, labels=labels, truth=truth, match_iou=match_iou)


def _write(folder: Path, release: Release) -> None:
    for name in (FLOAT_FILE, INT8_FILE):
        path = folder / name
        model = with_half_weights(onnx.load_model_from_string(path.read_bytes()))
        _describe(model, release)
        content = model.SerializeToString()
        _checker.check_model(content, full_check=True)
        path.write_bytes(content)
    sha256 = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in (FLOAT_FILE, INT8_FILE)}
    text = MANIFEST.format(
        version=release.version,
        sha256=sha256[FLOAT_FILE],
        int8_sha256=sha256[INT8_FILE],
        width=release.input_px,
        height=release.input_px,
        stride=STRIDE_PX,
        pad=PAD,
        classes=", ".join(f'"{code}"' for code in CLASSES),
        threshold=release.threshold,
        nms_iou=NMS_IOU,
        licence=LICENCE,
        trained_on=release.trained_on,
        slope=release.calibration.slope,
        offsets=", ".join(str(offset) for offset in release.calibration.offsets),
    )
    if release.second_look is not None:
        text += SECOND_LOOK.format(**release.second_look.model_dump())
    (folder / "manifest.toml").write_text(text, encoding="utf-8")


def _describe(model: onnx.ModelProto, release: Release) -> None:
    """Say in the file itself what it is; its own hash cannot stand in it, that of its weights can."""
    weights = hashlib.sha256()
    for tensor in model.graph.initializer:
        weights.update(tensor.raw_data)
    facts = {
        "name": "road_damage",
        "version": release.version,
        "classes": json.dumps(CLASSES),
        "input": json.dumps({"width": release.input_px, "height": release.input_px, "layout": "nhwc bgr uint8"}),
        "threshold": str(release.threshold),
        "calibration": release.calibration.model_dump_json(),
        "weights_sha256": weights.hexdigest(),
        "data_licence": LICENCE,
    }
    onnx.helper.set_model_props(model, facts)


MANIFEST = """\
# What the agent must know to run this model. Written by `busense models export road_damage`.
name = "road_damage"
version = "{version}"
file = "model.onnx"
sha256 = "{sha256}"

# Input "picture": uint8 (1, height, width, 3), BGR; normalisation is inside the graph.
# Height and width may be any multiples of input_stride. The model was trained at the scale at which a picture covers
# about input_width * input_height pixels: scale a picture by sqrt(input_width * input_height / (w * h)), keep its
# aspect, then pad right and below with input_pad up to the next multiples of input_stride.
input_layout = "nhwc, BGR, uint8, no scale, no mean/std"
input_width = {width}
input_height = {height}
input_stride = {stride}
input_pad = {pad}

# Output "boxes_scores": float32 (n, 4 + classes): x1, y1, x2, y2 in input pixels, then one score in 0..1 per class.
# Not yet suppressed: the agent fuses boxes of one class that show the same thing.
classes = [{classes}]
nms_iou = {nms_iou}
# Of the calibrated confidence: about the best micro F1 on the validation photos.
threshold = {threshold}

data_licence = "{licence}"
trained_on = "{trained_on}"

# Calibrated confidence = sigmoid(slope * logit(score) + offset of the class), fitted on the validation photos.
[calibration]
slope = {slope}
offsets = [{offsets}]

# The same network with 8-bit weights and activations, for the agent's `[model] precision = "int8"`.
[int8]
file = "model.int8.onnx"
sha256 = "{int8_sha256}"
"""

SECOND_LOOK = """
# A second network looks at each box from close by: its surroundings, `context` times as wide and high and at least
# `least` of the root of the frame's area, stretched to a square. Input "views": uint8 (n, side, side, 3), BGR. Outputs:
# "sides" (n, 4), the box as shares of the view; "chances" (n, classes + 1), the last is of nothing. The agent takes the
# mean of both boxes, and half of the log of the chance of its class comes to its log odds.
[second_look]
file = "{file}"
sha256 = "{sha256}"
side_px = {side_px}
context = {context}
least = {least}
"""
