"""`busense agent` as it runs on a bus, told over a real broker how it is wanted to be."""

import signal
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import pytest

from edge_agent.config import MODELS
from tests.conftest import RunningBroker
from tests.integration.edge_cloud import EdgeCloud
from tests.integration.test_edge_agent import numbered
from tests.unit.edge_agent.scenes import CAMERA, LON, road_image
from tests.unit.edge_agent.updates.releases import KEY, PackageServer, Release, settings_release, signed
from tests.waiting import wait_until
from wire.envelope import Envelope
from wire.messages import Command, CommandKind, Health, Presence, Settings, TwinDesired, TwinReported
from wire.package import MANIFEST, About, PackageKind, write_package

DEVICE = "bus-1"
START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
DRIVE_S = 240
OWN = TwinReported(version=0, settings={})
PATIENCE_S = 60.0


@pytest.fixture
def server(broker: RunningBroker) -> Iterator[PackageServer]:
    with PackageServer(secret=broker.device_secrets[DEVICE]).running() as server:
        yield server


@pytest.fixture
def config(tmp_path: Path, broker: RunningBroker, server: PackageServer) -> Path:
    """A bus on a recorded drive of four minutes, whose trials take six seconds.

    It asks for 3.2 frames a second and gets 4, so that a busy machine may lose some.
    """
    frames = tmp_path / "frames"
    frames.mkdir()
    picture = cv2.imencode(".jpg", road_image())[1].tobytes()
    for number in range(4 * DRIVE_S):
        at = START + timedelta(seconds=number / 4)
        (frames / f"{at:%Y%m%dT%H%M%S.%f}.jpg").write_bytes(picture)
    rows = [
        f"{(START + timedelta(seconds=i / 4)).isoformat(timespec='milliseconds')},{LON},{27.5 + i * 2.25e-5}"
        for i in range(4 * DRIVE_S + 1)
    ]
    (tmp_path / "track.csv").write_text("\n".join(["at,lon,lat", *rows]))
    (tmp_path / "secret").write_text(broker.device_secrets[DEVICE])
    path = tmp_path / "agent.toml"
    path.write_text(
        f"""
identity = {{city = "{broker.city}", device = "{DEVICE}", secret_file = "secret"}}
broker.url = "{broker.mqtt_url}"
cloud.url = "{server.url}"
gnss.source = "track.csv"
replay = {{pace = "real_time", start = "now"}}
model.threads = 1
outbox.path = "outbox.db"
health.every_s = 1
updates = {{folder = "updates", keys = ["{KEY}"], trial_s = 6}}
[camera]
source = "frames"
frames_per_s = 3.2
width_px = {CAMERA.width_px}
height_px = {CAMERA.height_px}
focal_px = {CAMERA.focal_px}
height_m = {CAMERA.height_m}
pitch_deg = {CAMERA.pitch_deg}
"""
    )
    return path


@contextmanager
def agent(config: Path) -> Generator[subprocess.Popen[str]]:
    log = config.with_name("agent.log").open("a")
    command = [sys.executable, "-m", "busense", "agent", "--config", str(config)]
    with log, subprocess.Popen(command, stdout=log, stderr=log, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def desire(cloud: EdgeCloud, version: int, settings: Settings) -> None:
    cloud.send(DEVICE, TwinDesired(version=version, settings=settings))


def reported(cloud: EdgeCloud, version: int) -> TwinReported:
    wait_until(lambda: version in {each.version for each in cloud.reports}, PATIENCE_S)
    return next(each for each in cloud.reports if each.version == version)


def starts(config: Path) -> int:
    return config.with_name("agent.log").read_text().count("agent_started")


def model_release(**more: bytes) -> Release:
    folder = MODELS / "road_damage"
    files = {name: (folder / name).read_bytes() for name in (MANIFEST, "model.onnx", "second_look.onnx")}
    about = About(kind=PackageKind.MODEL, name="road_damage", version="9")
    return signed(
        write_package(about, files | {name.replace("_json", ".json"): content for name, content in more.items()})
    )


@pytest.mark.timeout(300)
def test_what_is_desired_is_reported_after_its_trial_and_nothing_is_lost(
    config: Path, broker: RunningBroker, server: PackageServer
) -> None:
    release = settings_release("[track]\nbatch_s = 2\n")
    server.add(release)
    server.cuts = [20, 100]
    settings: Settings = {"package.settings": release.sha256, "camera.pitch_deg": CAMERA.pitch_deg + 1}
    with EdgeCloud(broker, gives_receipts=True) as cloud:
        with agent(config) as process:
            wait_until(lambda: cloud.reports == [OWN], PATIENCE_S)
            desire(cloud, 5, settings)
            assert reported(cloud, 5) == TwinReported(version=5, settings=settings)
            assert starts(config) == 2
            cloud.send(DEVICE, Command(kind=CommandKind.RESTART, expires_at=datetime.now(UTC) + timedelta(minutes=1)))
            wait_until(lambda: starts(config) == 3, PATIENCE_S)
            desire(cloud, 5, {})
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_S) == 0
        with agent(config) as process:
            wait_until(lambda: cloud.presences[-1] is Presence.ONLINE, PATIENCE_S)
            desire(cloud, 6, {})
            assert reported(cloud, 6) == TwinReported(version=6, settings={})
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_S) == 0
    versions = [each.version for each in cloud.reports]
    assert versions == sorted(versions)
    assert {(each.stream, each.sequence) for each in cloud.heard} == numbered(cloud.heard)


def looks_on(envelope: Envelope) -> str | None:
    """The package of the model that looks on beside the one in use."""
    shadow = envelope.data.shadow if isinstance(envelope.data, Health) else None
    return None if shadow is None else shadow.package


@pytest.mark.timeout(300)
def test_a_model_that_ends_the_agent_falls_back_and_a_good_one_is_used_and_may_look_on(
    config: Path, broker: RunningBroker, server: PackageServer
) -> None:
    bad, good = model_release(error_model_json=b"{}"), model_release()
    beside: Settings = {"package.model": good.sha256, "package.shadow": good.sha256, "shadow.share": 0.5}
    server.add(bad, good)
    wrong = "f" * 64
    server.releases[wrong] = settings_release("")
    with EdgeCloud(broker, gives_receipts=True) as cloud, agent(config) as process:
        wait_until(lambda: cloud.reports == [OWN], PATIENCE_S)
        desire(cloud, 1, {"package.model": wrong})
        assert "has the SHA-256" in (reported(cloud, 1).problem or "")
        assert starts(config) == 1  # the bus goes on
        desire(cloud, 2, {"package.model": bad.sha256})
        assert "error_model.json" in (reported(cloud, 2).problem or "")
        assert reported(cloud, 2).settings == {}
        desire(cloud, 3, beside)
        assert reported(cloud, 3) == TwinReported(version=3, settings=beside)
        assert starts(config) == 3  # the bad one never came so far
        heard = len(cloud.heard)
        wait_until(lambda: any(looks_on(each) == good.sha256 for each in cloud.heard[heard:]), PATIENCE_S)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
    assert f"{config.parent}/updates/" in config.with_name("agent.log").read_text()


@pytest.mark.timeout(300)
def test_a_crash_loop_on_trial_falls_back(config: Path, broker: RunningBroker) -> None:
    config.write_text(config.read_text().replace("trial_s = 6", "trial_s = 12"))
    with EdgeCloud(broker, gives_receipts=True) as cloud:
        with agent(config):
            wait_until(lambda: cloud.reports == [OWN], PATIENCE_S)
            desire(cloud, 1, {"camera.pitch_deg": 9.5})
            wait_until(lambda: starts(config) == 2, 2 * PATIENCE_S)
        with agent(config):
            wait_until(lambda: starts(config) == 3, PATIENCE_S)
        assert {each.version for each in cloud.reports} == {0}
        with agent(config):
            assert "started 2 times" in (reported(cloud, 1).problem or "")
            assert reported(cloud, 1).settings == {}
