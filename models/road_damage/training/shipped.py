"""The way back from a shipped ONNX network to one that can be trained on."""

from collections.abc import Callable
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from models.road_damage.training.body import ConvAct
from models.road_damage.training.network import Detector

BATCH_NORM_EPSILON = 1e-5  # of torch's own batch norm
PREFIX = "detector."
HALF = "_half"


@torch.no_grad()
def unfolded(path: Path, pictures: Tensor) -> Detector:
    """Network with the weights of an ONNX file whose batch norms were folded.

    Each batch norm gets the mean and deviation that its channel has on `pictures` (b, 3, h, w), normalised, and scales
    back to what the file says: the outcome is that of the file, and training goes on from there.
    """
    weights = _weights(path)
    detector = Detector().eval()
    own = detector.state_dict()
    detector.load_state_dict({name: weights.get(name, value) for name, value in own.items()})
    handles = [
        module.norm.register_forward_pre_hook(_scales_back(weights[f"{name}.conv.bias"]))
        for name, module in detector.named_modules()
        if isinstance(module, ConvAct)
    ]
    detector(pictures)
    for handle in handles:
        handle.remove()
    return detector


def _weights(path: Path) -> dict[str, Tensor]:
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}
    return {
        name.removeprefix(PREFIX).removesuffix(HALF): torch.from_numpy(values.copy()).float()
        for name, values in tensors.items()
        if name.startswith(PREFIX)
    }


def _scales_back(bias: Tensor) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
    def set_up(norm: nn.Module, features: tuple[Tensor, ...]) -> None:
        mean, variance = features[0].mean((0, 2, 3)), features[0].var((0, 2, 3))
        state = norm.state_dict()
        state["running_mean"].copy_(mean)
        state["running_var"].copy_(variance)
        state["weight"].copy_(torch.sqrt(variance + BATCH_NORM_EPSILON))
        state["bias"].copy_(mean + bias)

    return set_up
