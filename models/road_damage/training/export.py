"""From the averaged weights of checkpoints to a float32 ONNX network."""

import copy
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from models.road_damage.training.body import ConvAct
from models.road_damage.training.network import Detector, normalised

OPSET = 17


class Exported(nn.Module):
    """uint8 BGR picture (1, h, w, 3) in, (n, 4 + classes) out: xyxy in input pixels, then a score for each class."""

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, picture: Tensor) -> Tensor:
        prediction = self.detector(normalised(picture))
        return torch.cat([prediction.boxes(), prediction.logits.sigmoid()], -1)[0]


def export_checkpoints(checkpoints: Sequence[Path], path: Path) -> int:
    """Write the mean of the averaged weights of checkpoints as ONNX.

    Returns:
        Side of the square whose area a picture is scaled to, as the first one was trained.
    """
    contents = [read_checkpoint(checkpoint) for checkpoint in checkpoints]
    input_px = input_px_of(contents[0]["plan"])
    export_onnx(averaged([content["average"] for content in contents]), path, input_px=input_px)
    return input_px


def read_checkpoint(path: Path) -> dict[str, Any]:
    return torch.load(path, map_location="cpu", weights_only=True)


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


def folded(detector: Detector) -> Detector:
    """Copy of the detector whose neck and heads have their batch norms folded."""
    folded = copy.deepcopy(detector).eval()
    for module in folded.modules():
        if isinstance(module, ConvAct):
            module.conv = nn.utils.fusion.fuse_conv_bn_eval(module.conv, module.norm)
            module.norm = nn.Identity()  # pyright: ignore[reportAttributeAccessIssue]
    return folded
