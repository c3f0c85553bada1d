from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models.half import with_half_weights
from models.road_damage.quantise import last_layers

RNG = np.random.default_rng(5)


def convolution(
    name: str, source: str, target: str, channels: tuple[int, int]
) -> tuple[onnx.NodeProto, list[onnx.TensorProto]]:
    weights = RNG.normal(0, 0.1, (channels[1], channels[0], 3, 3)).astype(np.float32)
    bias = RNG.normal(0, 0.1, channels[1]).astype(np.float32)
    tensors = [numpy_helper.from_array(weights, f"{name}.weight"), numpy_helper.from_array(bias, f"{name}.bias")]
    node = helper.make_node("Conv", [source, f"{name}.weight", f"{name}.bias"], [target], name=name, pads=[1, 1, 1, 1])
    return node, tensors


@pytest.fixture
def model() -> onnx.ModelProto:
    """Two convolutions, then a sigmoid."""
    body, body_weights = convolution("body", "picture", "feature", (3, 16))
    head, head_weights = convolution("head", "feature", "logits", (16, 4))
    sigmoid = helper.make_node("Sigmoid", ["logits"], ["scores"], name="sigmoid")
    size = helper.make_node("Shape", ["feature"], ["size"], name="size")
    graph = helper.make_graph(
        [body, head, sigmoid, size],
        "test",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, 8, 8])],
        [
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 4, 8, 8]),
            helper.make_tensor_value_info("size", TensorProto.INT64, [4]),
        ],
        [*body_weights, *head_weights],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def scores(model: onnx.ModelProto) -> NDArray[np.float32]:
    session: Any = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    picture = np.random.default_rng(2).normal(0, 1, (1, 3, 8, 8)).astype(np.float32)
    return np.asarray(session.run(["scores"], {"picture": picture})[0], np.float32)


def test_half_weights_give_the_same_scores_from_a_smaller_file(model: onnx.ModelProto) -> None:
    narrow = with_half_weights(model)

    assert scores(narrow) == pytest.approx(scores(model), abs=1e-3)
    assert narrow.ByteSize() < 0.7 * model.ByteSize()


def test_biases_keep_their_precision_and_the_given_model_stays(model: onnx.ModelProto) -> None:
    before = model.SerializeToString()

    kinds = {tensor.name: tensor.data_type for tensor in with_half_weights(model).graph.initializer}

    assert kinds["body.weight_half"] == TensorProto.FLOAT16
    assert kinds["body.bias"] == TensorProto.FLOAT
    assert model.SerializeToString() == before


def test_doing_it_twice_changes_nothing(model: onnx.ModelProto) -> None:
    once = with_half_weights(model)

    assert with_half_weights(once).SerializeToString() == once.SerializeToString()


def test_last_layers_are_the_output_convolution_and_what_follows(model: onnx.ModelProto) -> None:
    assert last_layers(model) == {"head", "sigmoid", "size"}
