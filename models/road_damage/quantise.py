"""From the float network to int8: weights per channel, activations by what training photos show."""

import logging
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime import quantization

from edge_agent.vision.preprocess import InputShape, letterbox
from models.road_damage.coco import Photo, decoded

PHOTOS = 96
# Convolutions with what stands between them, so that a value goes from one to the next without becoming float.
KINDS = ("Conv", "Add", "Concat", "Resize", "Clip", "Pad")
_quantization: Any = quantization  # it has no types


def spread(photos: Sequence[Photo], count: int = PHOTOS) -> list[Photo]:
    """A few photos of every source, from as many scenes as there are."""
    in_order = sorted(photos, key=lambda photo: (photo.source, photo.scene, photo.path.name))
    places = np.linspace(0, len(in_order) - 1, min(count, len(in_order))).round().astype(int)
    return [in_order[place] for place in places]


def write_int8(
    network: Path, target: Path, photos: Sequence[Photo], shape: InputShape, *, seen: Callable[[], object]
) -> None:
    """Write the int8 file of a float one (QDQ, MinMax); `seen` is called after each photo."""
    with tempfile.TemporaryDirectory() as folder, _without_warnings():
        ready = Path(folder) / "ready.onnx"
        _quantization.shape_inference.quant_pre_process(str(network), str(ready), skip_symbolic_shape=True)
        _quantization.quantize_static(
            str(ready),
            str(target),
            _Pictures(photos, shape, seen),
            quant_format=_quantization.QuantFormat.QDQ,
            per_channel=True,
            activation_type=_quantization.QuantType.QUInt8,
            weight_type=_quantization.QuantType.QInt8,
            calibrate_method=_quantization.CalibrationMethod.MinMax,
            op_types_to_quantize=list(KINDS),
            nodes_to_exclude=sorted(last_layers(onnx.load_model_from_string(ready.read_bytes()))),
        )


def last_layers(model: onnx.ModelProto) -> set[str]:
    """Names of the output convolutions and of all nodes behind them: their values need float's range."""
    maker = {name: node for node in model.graph.node for name in node.output}
    found: set[str] = set()
    wanted = [output.name for output in model.graph.output]
    while wanted:
        node = maker.get(wanted.pop())
        if node is None or node.name in found:
            continue
        found.add(node.name)
        if node.op_type not in {"Conv", "Shape"}:  # a shape tells of a tensor's size, not of its values
            wanted.extend(node.input)
    return found


class _Pictures:
    """Training photos as the agent would show them to the network."""

    def __init__(self, photos: Sequence[Photo], shape: InputShape, seen: Callable[[], object]) -> None:
        self._inputs = self._each(photos, shape, seen)

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        return next(self._inputs, None)

    @staticmethod
    def _each(
        photos: Sequence[Photo], shape: InputShape, seen: Callable[[], object]
    ) -> Iterator[dict[str, NDArray[np.uint8]]]:
        for photo in photos:
            yield {"picture": letterbox(decoded(photo), shape)[0][None]}
            seen()


@contextmanager
def _without_warnings() -> Generator[None]:
    """Silence the quantiser: it warns of each node that stays in float, which is what we ask for."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
