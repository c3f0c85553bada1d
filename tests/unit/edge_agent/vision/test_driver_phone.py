"""Somebody's network that knows phones: a tiny one of our own stands for it, from its file to the event."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import models
from edge_agent.config import DriverCamera, DrivingSettings
from edge_agent.ego import EgoState
from edge_agent.errors import ModelError
from edge_agent.readings import FrameReading, Image, Reading
from edge_agent.scenarios.safe_driving.scenario import SafeDriving
from edge_agent.sources.driver_camera import DriverCameraSource
from edge_agent.vision.driver_eyes import open_eyes
from edge_agent.vision.driver_phone import PhoneNetwork
from wire.messages import DrivingKind

AT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
FACES = Path(models.__file__).parent / "faces" / "manifest.toml"
FRAMES_PER_S = 8


def network(path: Path, *, classes: int = 3, height: int = 8) -> Path:
    """Ten times the mean of red, green and blue: scores of three classes."""
    weights = np.eye(3, classes, dtype=np.float32) * 10
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["picture"], ["mean"], axes=[2, 3], keepdims=0),
            helper.make_node("MatMul", ["mean", "weights"], ["scores"]),
        ],
        "phone",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, height, 12])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, classes])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def manifest(folder: Path, *, more: str = "", phone: str = '["ear", "hand"]', **shape: int) -> Path:
    file = network(folder / "phone.onnx", **shape)
    path = folder / "manifest.toml"
    path.write_text(
        f'name = "phone"\nversion = "1"\nfile = "{file.name}"\n'
        f'sha256 = "{hashlib.sha256(file.read_bytes()).hexdigest()}"\n'
        f'input_width = 12\ninput_height = 8\nclasses = ["none", "ear", "hand"]\nphone = {phone}\n'
        + (more or 'activation = "softmax"\n')
    )
    return path


def plain(*, red: int = 0, green: int = 0, blue: int = 0) -> Image:
    return np.full((48, 64, 3), (blue, green, red), np.uint8)


@pytest.mark.parametrize(
    ("more", "image", "belief"),
    [
        ("", plain(red=255), 0.0),
        ("", plain(green=255), 1.0),
        ("", plain(green=255, blue=255), 1.0),
        ("", plain(), 2 / 3),
        ('activation = "sigmoid"\nmean = [0.0, 0.5, 0.5]\n', plain(green=127), 0.5),
        ('activation = "none"\ndeviation = [1.0, 20.0, 1.0]\n', plain(green=255), 0.5),
        ('activation = "none"\n', plain(green=255), 1.0),
    ],
    ids=["no phone", "at the ear", "two classes", "undecided", "with a mean", "with a deviation", "at most 1"],
)
def test_the_manifest_says_what_the_numbers_mean(tmp_path: Path, more: str, image: Image, belief: float) -> None:
    assert PhoneNetwork(manifest(tmp_path, more=more)).look(image) == pytest.approx(belief, abs=0.02)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"phone": '["pocket"]'}, "pocket"),
        ({"classes": 2}, "gives 2 numbers; 3 classes"),
        ({"height": 16}, "no picture of this size"),
        ({"more": 'activation = "argmax"\n'}, "activation"),
        ({"more": 'activation = "none"\ndeviation = [1, 0, 1]\n'}, "deviation"),
    ],
)
def test_what_does_not_fit_is_said_at_the_start(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        PhoneNetwork(manifest(tmp_path, **changes))  # pyright: ignore[reportArgumentType]


@dataclass
class Driving:
    """A driver's camera: a hand without a phone, and with one for so many seconds."""

    held_s: float
    is_live: bool = True

    def readings(self) -> Iterator[Reading]:
        for number in range(12 * FRAMES_PER_S):
            second = number / FRAMES_PER_S
            image = plain(green=255) if 4 <= second < 4 + self.held_s else plain(red=255)
            yield FrameReading(at=AT + timedelta(seconds=second), camera_id="driver", image=image)


@pytest.mark.parametrize(("held_s", "kinds"), [(3.0, [DrivingKind.PHONE]), (1.0, [])], ids=["held", "put away"])
def test_a_phone_in_the_picture_becomes_an_event_and_the_picture_stays(
    tmp_path: Path, held_s: float, kinds: list[DrivingKind]
) -> None:
    settings = DriverCamera(source="/dev/video1", phone=manifest(tmp_path))
    scenario = SafeDriving(DrivingSettings())
    source = DriverCameraSource(Driving(held_s), open_eyes(settings, FACES))
    found = [
        each
        for seen in source.readings()
        for each in scenario.take(
            seen, EgoState(at=seen.at, lon=120.4, lat=27.5, speed_mps=10, heading_deg=0, accuracy_m=3)
        )
    ]
    assert [each.message.kind for each in found] == kinds
    assert all(each.image is None for each in found)


def test_without_a_manifest_nothing_looks_for_a_phone() -> None:
    eyes = open_eyes(DriverCamera(source="/dev/video1"), FACES)
    frame = FrameReading(at=AT, camera_id="driver", image=plain(green=255))
    assert eyes.look(frame).phone is None
