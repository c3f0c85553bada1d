"""From a checkpoint's weights to the ONNX file and the manifest that the agent reads."""

import copy
import hashlib
import json
import warnings
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from models.road_damage.training.body import ConvAct
from models.road_damage.training.checkpoint import exportable
from models.road_damage.training.network import CLASSES, Detector, normalised

OPSET = 17
INPUT_WIDTH_PX = INPUT_HEIGHT_PX = 320
NMS_IOU = 0.3


class Exported(nn.Module):
    """uint8 BGR picture (1, h, w, 3) in, (n, 4 + classes) out: xyxy in input pixels, then a score for each class."""

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, picture: Tensor) -> Tensor:
        prediction = self.detector(normalised(picture))
        return torch.cat([prediction.boxes(), prediction.logits.sigmoid()], -1)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What the manifest says beyond the file itself."""

    version: str
    threshold: float
    trained_on: str


def export_checkpoint(checkpoint: Path, folder: Path, *, version: str, trained_on: str) -> str:
    """Write model.onnx and manifest.toml from a run's averaged weights; the threshold is that of its last validation.

    Returns:
        SHA-256 of the file in hex.
    """
    weights, last = exportable(checkpoint)
    detector = Detector()
    detector.load_state_dict(weights)
    release = Release(version=version, threshold=last["threshold"], trained_on=trained_on)
    sha256 = export_onnx(detector, folder / "model.onnx", release)
    write_manifest(folder / "manifest.toml", sha256=sha256, release=release)
    return sha256


def export_onnx(detector: Detector, path: Path, release: Release) -> str:
    """Write the network as ONNX and return the file's SHA-256 in hex."""
    exported = Exported(_folded(detector)).eval()
    example = torch.zeros((1, INPUT_HEIGHT_PX, INPUT_WIDTH_PX, 3), dtype=torch.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the tracer: it tells of constants, which is what they are
        torch.onnx.export(
            exported,
            (example,),
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=["picture"],
            output_names=["boxes_scores"],
            dynamic_axes={"picture": {1: "height", 2: "width"}, "boxes_scores": {0: "points"}},
        )
    _describe(path, release)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_manifest(path: Path, *, sha256: str, release: Release) -> None:
    classes = ", ".join(f'"{code}"' for code in CLASSES)
    path.write_text(
        MANIFEST.format(
            version=release.version,
            sha256=sha256,
            width=INPUT_WIDTH_PX,
            height=INPUT_HEIGHT_PX,
            classes=classes,
            threshold=release.threshold,
            nms_iou=NMS_IOU,
            trained_on=release.trained_on,
        ),
        encoding="utf-8",
    )


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
input_stride = 32
input_pad = 114

# Output "boxes_scores": float32 (n, 4 + classes): x1, y1, x2, y2 in input pixels, then one score in 0..1 per class.
# Not yet suppressed: the agent fuses boxes of one class that show the same thing.
classes = [{classes}]
threshold = {threshold}
nms_iou = {nms_iou}

data_licence = "CC BY-SA 4.0 (RDD2022, Road Damage Dataset 2018); Annotated Potholes: public domain by its export"
trained_on = "{trained_on}"
"""


def _describe(path: Path, release: Release) -> None:
    model = onnx.load(str(path))
    facts = {
        "name": "road_damage",
        "version": release.version,
        "classes": json.dumps(CLASSES),
        "input": json.dumps({"width": INPUT_WIDTH_PX, "height": INPUT_HEIGHT_PX, "layout": "nhwc bgr uint8"}),
        "threshold": str(release.threshold),
        "data_licence": "CC BY-SA 4.0",
    }
    onnx.helper.set_model_props(model, facts)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(path))


def _folded(detector: Detector) -> Detector:
    """Copy of the detector whose neck and heads have their batch norms folded."""
    folded = copy.deepcopy(detector).eval()
    for module in folded.modules():
        if isinstance(module, ConvAct):
            module.conv = nn.utils.fusion.fuse_conv_bn_eval(module.conv, module.norm)
            module.norm = nn.Identity()  # pyright: ignore[reportAttributeAccessIssue]
    return folded
