"""`busense agent` as it is started on a bus, with a recorded drive."""

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import pytest

from tests.conftest import RunningBroker
from tests.integration.edge_cloud import EdgeCloud
from tests.integration.watched import Watched
from tests.unit.edge_agent.scenes import CAMERA, LON, road_image
from tests.waiting import wait_until
from wire.messages import Coverage, Track, Unusable

START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    """Twenty seconds of frames and fixes."""
    write_drive(tmp_path, seconds=20, frames_per_s=4)
    return tmp_path


def write_drive(folder: Path, *, seconds: int, frames_per_s: int) -> None:
    """Write frames and fixes for a bus to replay."""
    frames = folder / "frames"
    frames.mkdir()
    for number in range(seconds * frames_per_s):
        at = START + timedelta(seconds=number / frames_per_s)
        cv2.imwrite(str(frames / f"{at:%Y%m%dT%H%M%S.%f}.jpg"), road_image(number))
    rows = [f"{(START + timedelta(seconds=i)).isoformat()},{LON},{27.5 + i * 9e-5}" for i in range(seconds + 1)]
    (folder / "track.csv").write_text("\n".join(["at,lon,lat", *rows]))


def configuration(folder: Path, broker: RunningBroker, *, pace: str) -> Path:
    (folder / "secret").write_text(broker.device_secrets["bus-1"])
    path = folder / "agent.toml"
    path.write_text(
        f"""
[identity]
city = "{broker.city}"
device = "bus-1"
secret_file = "secret"
[broker]
url = "{broker.mqtt_url}"
[cloud]
url = "http://127.0.0.1:9"
[camera]
source = "frames"
frames_per_s = 4
width_px = {CAMERA.width_px}
height_px = {CAMERA.height_px}
focal_px = {CAMERA.focal_px}
height_m = {CAMERA.height_m}
pitch_deg = {CAMERA.pitch_deg}
[gnss]
source = "track.csv"
[replay]
pace = "{pace}"
start = "now"
[model]
threads = 1
[outbox]
path = "outbox.db"
"""
    )
    return path


def command(config: Path) -> list[str]:
    return [sys.executable, "-m", "busense", "agent", "--config", str(config)]


def test_a_recorded_drive_is_told_and_the_agent_ends(drive: Path, broker: RunningBroker) -> None:
    with EdgeCloud(broker, gives_receipts=True) as cloud:
        ended = subprocess.run(
            command(configuration(drive, broker, pace="fast")), capture_output=True, text=True, timeout=60, check=False
        )
        assert ended.returncode == 0, ended.stderr
    messages = [envelope.data for envelope in cloud.heard]
    assert sum(len(message.points) for message in messages if isinstance(message, Track)) == 21
    assert "frames=80" in ended.stderr
    # The first lies before the second fix: where the bus heads is not known yet, so it is of no stretch.
    assert sum(message.frames for message in messages if isinstance(message, Coverage)) == 79
    assert broker.device_secrets["bus-1"] not in ended.stderr


def test_a_stopped_agent_tells_what_it_has_and_ends(drive: Path, broker: RunningBroker) -> None:
    with (
        EdgeCloud(broker, gives_receipts=True) as cloud,
        subprocess.Popen(command(configuration(drive, broker, pace="real_time"))) as agent,
    ):
        try:
            wait_until(lambda: cloud.heard, 30)
            agent.send_signal(signal.SIGTERM)
            assert agent.wait(30) == 0
        finally:
            agent.kill()
    assert 1 in cloud.sequences()


def test_who_watches_the_agent_sees_what_it_sees_and_what_waits(drive: Path, broker: RunningBroker) -> None:
    watched = Watched()
    config = configuration(drive, broker, pace="real_time")
    config.write_text(f'{config.read_text()}\n[telemetry]\naddress = "{watched.address}"\n')
    with EdgeCloud(broker, gives_receipts=False), subprocess.Popen(command(config)) as agent:
        try:
            wait_until(lambda: watched.is_up, 60)
            wait_until(lambda: watched.value("busense_agent_frames_total") > 8, 30)
            wait_until(lambda: not {"broker", "camera"} & watched.missing.keys(), 30)
            wait_until(lambda: watched.value("busense_agent_sent_bytes_total", kind="health") > 0)
            assert watched.value("busense_agent_outbox_messages", kind="health") >= 1  # no receipt has come
            assert watched.value("busense_agent_outbox_oldest_seconds", kind="health") > 0
            assert watched.value("busense_agent_outbox_on_disk") == 1
            assert len(watched.samples("busense_agent_frames_unusable_total")) == len(Unusable)
            broker.server.stop()
            wait_until(lambda: "broker" in watched.missing, 30)
            assert broker.device_secrets["bus-1"] not in str(watched.missing)
        finally:
            agent.kill()
