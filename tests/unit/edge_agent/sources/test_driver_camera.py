"""A tiny network of our own stands for a model of eyes: none is shipped."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge_agent.errors import ModelError
from edge_agent.readings import EyesReading, FrameReading, GnssReading, Reading
from edge_agent.sources.driver_camera import DriverCameraSource, OnnxEyes

AT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def network(path: Path, *, outputs: int = 4, shape: tuple[int | str, ...] = (1, 3, 4, 6)) -> Path:
    """Says of a picture how red it is (left eye), NaN (right eye), 100 times how blue (turned), and 0 (up)."""
    weights = np.zeros((3, outputs), np.float32)
    weights[0, 0], weights[2, min(2, outputs - 1)] = 1.0, 100.0
    bias = np.zeros(outputs, np.float32)
    if outputs > 1:
        bias[1] = np.nan
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["picture"], ["mean"], axes=[2, 3], keepdims=0),
            helper.make_node("MatMul", ["mean", "weights"], ["product"]),
            helper.make_node("Add", ["product", "bias"], ["eyes"]),
        ],
        "eyes",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, list(shape))],
        [helper.make_tensor_value_info("eyes", TensorProto.FLOAT, [1, outputs])],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(bias, "bias")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


@dataclass
class Recorded:
    items: list[Reading]
    is_live: bool = True

    def readings(self) -> Iterator[Reading]:
        yield from self.items


def frame(blue: int, red: int) -> FrameReading:
    image = np.zeros((48, 64, 3), np.uint8)
    image[:, :, 0], image[:, :, 2] = blue, red
    return FrameReading(at=AT, camera_id="driver", image=image)


def test_pictures_go_in_and_only_what_the_eyes_do_comes_out(tmp_path: Path) -> None:
    eyes = OnnxEyes(network(tmp_path / "eyes.onnx"))
    (seen,) = DriverCameraSource(Recorded([frame(blue=102, red=204)]), eyes).readings()
    assert isinstance(seen, EyesReading)
    assert seen.openness == pytest.approx(0.8, abs=0.01)  # of the eye that was seen
    assert seen.turned_deg == pytest.approx(40, abs=0.5)


@dataclass
class Blind:
    def look(self, image: object) -> tuple[float, float, float, float]:
        return float("nan"), float("nan"), float("nan"), float("nan")


def test_what_was_not_seen_is_not_known() -> None:
    fix = GnssReading(at=AT, lon=0, lat=0, speed_mps=0, heading_deg=0, accuracy_m=1)
    (seen,) = DriverCameraSource(Recorded([frame(0, 0), fix]), Blind()).readings()
    assert seen == EyesReading(at=AT, openness=None, turned_deg=None)


def test_a_model_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"nothing")
    with pytest.raises(ModelError, match=r"broken\.onnx"):
        OnnxEyes(broken)
    with pytest.raises(ModelError, match="an input"):
        OnnxEyes(network(tmp_path / "free.onnx", shape=(1, 3, "height", "width")))
    with pytest.raises(ModelError, match="3 numbers"):
        OnnxEyes(network(tmp_path / "three.onnx", outputs=3)).look(frame(0, 0).image)
