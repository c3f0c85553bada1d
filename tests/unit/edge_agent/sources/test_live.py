"""Sources that are opened again when they are lost."""

import socket
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_agent.config import AgentConfig
from edge_agent.errors import ConfigurationError
from edge_agent.readings import FrameReading, GnssReading
from edge_agent.sources import make_sources
from edge_agent.sources.camera import CameraSource
from edge_agent.sources.gps import GpsSource
from edge_agent.sources.replay import ReplaySource
from edge_agent.sources.turned import TurnedSource
from tests.unit.edge_agent.sources.test_track_file import NMEA


def now() -> datetime:
    return datetime.now(UTC)


def as_told(at: datetime) -> datetime:
    return at


@contextmanager
def served(parts: Sequence[bytes]) -> Generator[tuple[int, list[bytes]]]:
    """A TCP server that gives one part to each connection and then hangs up; its port and what it was told."""
    told: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for part in parts:
                connection, _ = server.accept()
                with connection:
                    connection.sendall(part)
                    connection.shutdown(socket.SHUT_WR)
                    while heard := connection.recv(100):
                        told.append(heard)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1], told
        thread.join(10)


def test_the_receiver_is_opened_again_when_it_hangs_up() -> None:
    waits: list[float] = []
    with served([NMEA.encode(), b"\xff\x00garbage" * 100, NMEA.encode()]) as (port, _):
        readings = list(islice(GpsSource(f"tcp://127.0.0.1:{port}", hear=as_told, wait=waits.append).readings(), 4))
    assert all(isinstance(reading, GnssReading) for reading in readings)
    assert waits == [1.0, 2.0]


def test_the_clock_is_told_each_fix_and_says_what_its_time_is() -> None:
    heard: list[datetime] = []

    def hear(at: datetime) -> datetime:
        heard.append(at)
        return at + timedelta(weeks=1024)

    with served([NMEA.encode()]) as (port, _):
        readings = GpsSource(f"tcp://127.0.0.1:{port}", hear=hear, wait=lambda _s: None).readings()
        fix = next(readings)
        readings.close()  # type: ignore[attr-defined]
    assert fix.at == heard[0] + timedelta(weeks=1024)


def test_gpsd_is_asked_for_nmea() -> None:
    with served([NMEA.encode()]) as (port, told):
        readings = GpsSource(f"gpsd://127.0.0.1:{port}", hear=as_told, wait=lambda _s: None).readings()
        next(readings)
        readings.close()  # type: ignore[attr-defined]
    assert b'"nmea":true' in b"".join(told)


def test_a_serial_device_is_read_like_a_file(tmp_path: Path) -> None:
    device = tmp_path / "ttyUSB0"
    device.write_text(NMEA)
    assert len(list(islice(GpsSource(str(device), hear=as_told, wait=lambda _s: None).readings(), 3))) == 3


class _EnoughError(Exception):
    pass


def test_waits_grow_while_nothing_is_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 7:
            raise _EnoughError

    with pytest.raises(_EnoughError):
        next(GpsSource(str(tmp_path / "missing"), hear=as_told, wait=wait).readings())
    assert waits == [1, 2, 4, 8, 16, 30, 30]
    assert caplog.text.count("source_lost source=receiver") == 7


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "drive.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for _ in range(10):
        writer.write(np.full((48, 64, 3), 120, np.uint8))
    writer.release()
    return path


def camera(address: str, waits: list[float], *, step_s: float) -> CameraSource:
    times = iter(range(10_000))
    return CameraSource(
        address,
        camera_id="front",
        width_px=64,
        height_px=48,
        frames_per_s=5,
        now=lambda: datetime.fromtimestamp(1_790_000_000 + next(times) * step_s, tz=UTC),
        wait=waits.append,
    )


def test_a_camera_that_ends_is_opened_again(video: Path) -> None:
    waits: list[float] = []
    readings = list(islice(camera(f"file://{video}", waits, step_s=0.2).readings(), 15))
    assert len(readings) == 15
    assert waits == [1.0]
    first = readings[0]
    assert isinstance(first, FrameReading)
    assert first.image.shape == (48, 64, 3)


@pytest.mark.parametrize("shape", [(48, 64), (72, 64), (48, 64, 4)], ids=["grey", "NV12", "BGRx"])
def test_a_camera_that_gives_no_three_colours_is_named(
    shape: tuple[int, ...], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Capture:
        def isOpened(self) -> bool:  # noqa: N802 - its name in OpenCV
            return True

        def grab(self) -> bool:
            return True

        def retrieve(self) -> tuple[bool, object]:
            return True, np.zeros(shape, np.uint8)

        def release(self) -> None:
            pass

    def wait(_seconds: float) -> None:
        raise _EnoughError

    def opened(*_: object) -> Capture:
        return Capture()

    monkeypatch.setattr(cv2, "VideoCapture", opened)
    source = CameraSource(
        "gst:v4l2src ! appsink", camera_id="front", width_px=64, height_px=48, frames_per_s=5, now=now, wait=wait
    )
    with pytest.raises(_EnoughError):
        next(source.readings())
    assert "three colours" in caplog.text


def test_a_fast_camera_is_thinned_out(video: Path) -> None:
    readings = list(islice(camera(f"file://{video}", [], step_s=0.05).readings(), 3))
    steps = [(b.at - a.at).total_seconds() for a, b in pairwise(readings)]
    assert min(steps) >= 0.16


def test_a_clock_that_is_set_back_does_not_stop_the_camera(video: Path) -> None:
    times = iter([4_000_000_000.0, *(1_790_000_000.0 + tick * 0.2 for tick in range(100))])
    source = CameraSource(
        f"file://{video}",
        camera_id="front",
        width_px=64,
        height_px=48,
        frames_per_s=5,
        now=lambda: datetime.fromtimestamp(next(times), tz=UTC),
        wait=lambda _s: None,
    )
    assert len(list(islice(source.readings(), 5))) == 5


@pytest.mark.parametrize(
    "address",
    ["file://admin:hidden@/missing.avi", "gst:rtspsrc location=rtsp://127.0.0.1:9/1 user-id=bus user-pw=hidden ! none"],
    ids=["address", "pipeline"],
)
def test_the_password_of_a_camera_is_not_logged(address: str, caplog: pytest.LogCaptureFixture) -> None:
    def wait(_seconds: float) -> None:
        raise _EnoughError

    source = CameraSource(
        address,
        camera_id="front",
        width_px=64,
        height_px=48,
        frames_per_s=5,
        now=lambda: datetime.now(UTC),
        wait=wait,
    )
    with pytest.raises(_EnoughError):
        next(source.readings())
    assert "source_lost source=camera front" in caplog.text
    assert "hidden" not in caplog.text


def config(tmp_path: Path, *, camera: str, gnss: str, upside_down: bool = False) -> AgentConfig:
    secret = tmp_path / "secret"
    secret.write_text("s")
    return AgentConfig.model_validate(
        {
            "identity": {"city": "c", "device": "d", "secret_file": secret},
            "broker": {"url": "mqtt://localhost:1883"},
            "cloud": {"url": "http://localhost"},
            "camera": {
                "source": camera,
                "upside_down": upside_down,
                "width_px": 64,
                "height_px": 48,
                "focal_px": 50,
                "height_m": 2.5,
                "pitch_deg": 10,
            },
            "gnss": {"source": gnss},
            "outbox": {"path": tmp_path / "outbox.db"},
        }
    )


@pytest.mark.parametrize(
    ("address", "kinds"),
    [("/dev/video0", [CameraSource, GpsSource]), ("rtsp://camera/1", [CameraSource, GpsSource])],
)
def test_an_address_becomes_a_live_source(tmp_path: Path, address: str, kinds: list[type]) -> None:
    sources = make_sources(
        config(tmp_path, camera=address, gnss="/dev/ttyUSB0"), now=lambda: datetime.now(UTC), hear=as_told
    )
    assert [type(source) for source in sources] == kinds


def test_a_folder_becomes_a_replay(tmp_path: Path) -> None:
    (source,) = make_sources(
        config(tmp_path, camera=str(tmp_path), gnss="t.csv"), now=lambda: datetime.now(UTC), hear=as_told
    )
    assert isinstance(source, ReplaySource)


def test_a_recording_of_a_camera_that_hangs_upside_down_is_turned(tmp_path: Path) -> None:
    image = np.arange(48 * 64 * 3, dtype=np.uint8).reshape(48, 64, 3)
    cv2.imwrite(str(tmp_path / "1.png"), image)
    (tmp_path / "t.csv").write_text("at,lon,lat\n2026-11-24T08:00:00Z,120.4,27.5\n")
    settings = config(tmp_path, camera=str(tmp_path), gnss=str(tmp_path / "t.csv"), upside_down=True)
    (source,) = make_sources(settings, now=now, hear=as_told)

    fix, frame = source.readings()

    assert isinstance(fix, GnssReading)
    assert isinstance(frame, FrameReading)
    np.testing.assert_array_equal(frame.image, image[::-1, ::-1])
    assert frame.image.flags.c_contiguous


def test_a_camera_that_hangs_upside_down_is_turned_before_anything_else(tmp_path: Path) -> None:
    settings = config(tmp_path, camera="/dev/video0", gnss="/dev/ttyUSB0", upside_down=True)

    camera, _ = make_sources(settings, now=now, hear=as_told)

    assert isinstance(camera, TurnedSource)
    assert camera.is_live


@pytest.mark.parametrize(("camera", "gnss"), [("", "/dev/ttyUSB0"), ("/dev/video0", ""), ("/no/such/folder", "t.csv")])
def test_a_missing_source_is_said_at_once(tmp_path: Path, camera: str, gnss: str) -> None:
    with pytest.raises(ConfigurationError, match="source"):
        make_sources(config(tmp_path, camera=camera, gnss=gnss), now=now, hear=as_told)
