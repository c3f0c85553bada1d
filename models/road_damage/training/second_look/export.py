"""From the averaged weights of a second look's checkpoint to an ONNX network."""

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from models.road_damage.release import CLOSE_UP
from models.road_damage.training.body import Body
from models.road_damage.training.checkpoint import read_checkpoint
from models.road_damage.training.export import OPSET, folded
from models.road_damage.training.network import normalised
from models.road_damage.training.second_look.network import SecondLook, places


class Exported(nn.Module):
    """uint8 BGR views (n, side, side, 3) in; sides (n, 4) as shares of the view and chances (n, classes + 1) out."""

    def __init__(self, network: SecondLook) -> None:
        super().__init__()
        self.network = network

    def forward(self, views: Tensor) -> tuple[Tensor, Tensor]:
        logits, classes = self.network(normalised(views))
        return places(logits), classes.softmax(-1)


def export_second_look(checkpoint: Path, path: Path) -> None:
    """Write a checkpoint's averaged weights as ONNX."""
    network = SecondLook(Body())
    network.load_state_dict(read_checkpoint(checkpoint, network)["average"])
    example = torch.zeros((1, CLOSE_UP.side_px, CLOSE_UP.side_px, 3), dtype=torch.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the tracer: it tells of constants, which is what they are
        torch.onnx.export(
            Exported(folded(network)).eval(),
            (example,),
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=["views"],
            output_names=["sides", "chances"],
            dynamic_axes={"views": {0: "boxes"}, "sides": {0: "boxes"}, "chances": {0: "boxes"}},
        )
