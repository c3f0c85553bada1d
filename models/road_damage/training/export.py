"""From the averaged weights of checkpoints to a float32 ONNX network."""

import copy
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from models.road_damage.coco import decoded, read_photos, road_damage_file
from models.road_damage.drawn_set import CLASSES
from models.road_damage.quantise import spread
from models.road_damage.training.body import ConvAct
from models.road_damage.training.checkpoint import SomeNetwork, read_checkpoint
from models.road_damage.training.network import Detector, normalised
from models.road_damage.training.shipped import unfolded

OPSET = 17
UNFOLDED_ON = 12  # photos that give the batch norms of a shipped file their statistics back


class Exported(nn.Module):
    """uint8 BGR picture (1, h, w, 3) in, (n, 4 + classes) out: xyxy in input pixels, then a score for each class."""

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, picture: Tensor) -> Tensor:
        prediction = self.detector(normalised(picture))
        return torch.cat([prediction.boxes(), prediction.logits.sigmoid()], -1)[0]


def export_checkpoints(first: Path, others: Sequence[Path], path: Path, *, data: Path) -> int:
    """Write the mean of the averaged weights of checkpoints as ONNX; the others may be shipped ONNX files, too.

    Returns:
        Side of the square whose area a picture is scaled to, as the first one was trained.
    """
    begin = read_checkpoint(first, Detector())
    input_px = input_px_of(begin["plan"])
    weights = [begin["average"], *(_weights_of(other, data=data, input_px=input_px) for other in others)]
    export_onnx(averaged(weights), path, input_px=input_px)
    return input_px


def _weights_of(path: Path, *, data: Path, input_px: int) -> dict[str, Tensor]:
    if path.suffix != ".onnx":
        return read_checkpoint(path, Detector())["average"]
    photos = spread(read_photos(road_damage_file(data, "train"), CLASSES), UNFOLDED_ON)
    seen = [cv2.resize(decoded(photo), (input_px, input_px), interpolation=cv2.INTER_AREA) for photo in photos]
    return unfolded(path, normalised(torch.from_numpy(np.stack(seen)))).state_dict()


def input_px_of(plan: dict[str, Any]) -> int:
    """Plans of before 0.2 call it `size_px`."""
    return int(plan["input_px"] if "input_px" in plan else plan["size_px"])


def averaged(weights: Sequence[dict[str, Tensor]]) -> Detector:
    """A detector with the mean of several weights: checkpoints of one run, or runs that began together."""
    mean = {name: torch.stack([one[name].double() for one in weights]).mean(0) for name in weights[0]}
    detector = Detector()
    detector.load_state_dict({name: value.to(weights[0][name].dtype) for name, value in mean.items()})
    return detector.eval()


def export_onnx(detector: Detector, path: Path, *, input_px: int) -> None:
    exported = Exported(folded(detector)).eval()
    example = torch.zeros((1, input_px, input_px, 3), dtype=torch.uint8)
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


def folded(network: SomeNetwork) -> SomeNetwork:
    """Copy of a network whose own batch norms are folded; the body's are already."""
    folded = copy.deepcopy(network).eval()
    for module in folded.modules():
        if isinstance(module, ConvAct):
            module.conv = nn.utils.fusion.fuse_conv_bn_eval(module.conv, module.norm)
            module.norm = nn.Identity()  # pyright: ignore[reportAttributeAccessIssue]
    return folded
