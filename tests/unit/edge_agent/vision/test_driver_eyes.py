"""A tiny network of our own stands for somebody's model of eyes; ours is tried on faces where there are any."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import models
from benchmarks.faces import with_closed_eyes
from edge_agent.config import DriverCamera
from edge_agent.errors import ModelError
from edge_agent.readings import FrameReading, Image
from edge_agent.vision.driver_eyes import MeshEyes, OnnxEyes, open_eyes
from edge_agent.vision.face_mesh import FaceMesh
from edge_agent.vision.usual import ENOUGH

AT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
MANIFEST = Path(models.__file__).parent / "eyes" / "manifest.toml"
FACES = Path(models.__file__).parent / "faces" / "manifest.toml"


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


def frame(image: Image, *, after_s: float = 0.0) -> FrameReading:
    return FrameReading(at=AT + timedelta(seconds=after_s), camera_id="driver", image=image)


def plain(*, blue: int = 0, red: int = 0) -> Image:
    image = np.zeros((48, 64, 3), np.uint8)
    image[:, :, 0], image[:, :, 2] = blue, red
    return image


def test_any_network_of_four_numbers_serves(tmp_path: Path) -> None:
    settings = DriverCamera(source="/dev/video1", model=network(tmp_path / "eyes.onnx"))
    seen = open_eyes(settings, FACES).look(frame(plain(blue=102, red=204)))
    assert seen.openness == pytest.approx(0.8, abs=0.01)  # of the eye that was seen
    assert seen.away_deg == pytest.approx(40, abs=0.5)


def test_a_model_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"nothing")
    with pytest.raises(ModelError, match=r"broken\.onnx"):
        OnnxEyes(broken)
    with pytest.raises(ModelError, match="an input"):
        OnnxEyes(network(tmp_path / "free.onnx", shape=(1, 3, "height", "width")))
    with pytest.raises(ModelError, match="3 numbers"):
        OnnxEyes(network(tmp_path / "three.onnx", outputs=3)).look(frame(plain()))
    with pytest.raises(ModelError, match=r"nowhere\.toml"):
        FaceMesh(tmp_path / "nowhere.toml", FACES)


def test_without_a_network_of_somebody_ours_looks_and_an_empty_picture_says_nothing() -> None:
    eyes = open_eyes(DriverCamera(source="/dev/video1"), FACES)
    assert isinstance(eyes, MeshEyes)
    seen = eyes.look(frame(plain()))
    assert (seen.openness, seen.away_deg) == (None, None)


@pytest.fixture(scope="module")
def pictures() -> Path:
    if "BUSENSE_DATA" not in os.environ:
        pytest.skip("BUSENSE_DATA is not set")
    return Path(os.environ["BUSENSE_DATA"]) / "privacy"


def read(pictures: Path, name: str) -> Image:
    photo = cv2.imread(str(pictures / "images" / name))
    assert photo is not None
    return photo.astype(np.uint8)


def enlarged_face(pictures: Path, name: str, box: tuple[int, int, int, int]) -> Image:
    photo = read(pictures, name)
    x, y, width, height = box
    piece = photo[y - height * 7 // 10 : y + 2 * height, max(0, x - width) : x + 2 * width]
    return cv2.resize(piece, None, fx=6, fy=6, interpolation=cv2.INTER_CUBIC).astype(np.uint8)


@pytest.mark.data
def test_lids_drawn_over_the_eyes_of_a_real_face_are_read_and_half_of_it_is_no_sleep(pictures: Path) -> None:
    image = enlarged_face(pictures, "p02.jpg", (138, 148, 26, 31))
    mesh = FaceMesh(MANIFEST, FACES)
    points = mesh.points(image)
    assert points is not None
    outlines = [mesh.outline(image, points, side) for side in (0, 1)]
    half, shut = (with_closed_eyes(image, outlines, closed) for closed in (0.5, 1.0))
    eyes = MeshEyes(FaceMesh(MANIFEST, FACES))
    learned = [eyes.look(frame(image, after_s=second)) for second in range(ENOUGH)]
    assert [seen.openness for seen in learned[:-1]] == [None] * (ENOUGH - 1)  # nothing is usual yet
    assert learned[-1].openness == pytest.approx(1.0, abs=0.05)
    half_open = eyes.look(frame(half, after_s=ENOUGH)).openness
    shut_open = eyes.look(frame(shut, after_s=ENOUGH + 1)).openness
    assert half_open is not None
    assert shut_open is not None
    assert half_open > 0.5
    assert shut_open < 0.4  # of a face that was 26 pixels wide


@pytest.mark.data
def test_eyes_of_passers_by_are_too_small_to_be_read(pictures: Path) -> None:
    names = {each["file_name"] for each in json.loads((pictures / "annotations.json").read_text())["images"]}
    for name in sorted(names)[:5]:
        face = FaceMesh(MANIFEST, FACES).look(read(pictures, name))
        assert face is None or face.aspect is None
