"""From what is desired to what is in use, with agents that only say how many frames they have seen."""

import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge_agent.config import UpdateSettings
from edge_agent.errors import ConfigurationError, ModelError, OutboxError
from edge_agent.updates.generation import OwnFile
from edge_agent.updates.slots import Slots
from edge_agent.updates.updater import Start, Updater
from edge_agent.uplink.cloud import CloudAddress
from tests.unit.edge_agent.updates.releases import FOREIGN, KEY, PackageServer, settings_release, signed
from tests.unit.edge_agent.updates.test_slots import own_file
from tests.waiting import wait_until
from wire.messages import CameraState, Settings, TwinDesired, TwinReported
from wire.package import MANIFEST, About, PackageKind, write_package

WINTER = settings_release("[health]\nevery_s = 30\n")


class SomeAgent:
    """Sees as many frames a second as it is told."""

    def __init__(self, frames_per_s: float = 200.0) -> None:
        self._frames_per_s = frames_per_s
        self._began_s = time.monotonic()
        self.camera_state = CameraState.WORKING

    @property
    def frames(self) -> int:
        return int(self._frames_per_s * (time.monotonic() - self._began_s))


class Bus:
    """An updater, and the agents that follow each other."""

    def __init__(self, own: OwnFile, folder: Path, url: str) -> None:
        self.own = own
        self._settings = UpdateSettings(folder=folder, keys=(KEY,), trial_s=1)
        cloud = CloudAddress(url=url, city="testcity", device="bus-1", secret="hush")  # noqa: S106
        self.updater = Updater(own, self._settings, cloud)
        self.start: Start | None = None

    def desire(self, version: int, settings: Settings) -> None:
        self.updater.desire(TwinDesired(version=version, settings=settings))

    @contextmanager
    def living(self, frames_per_s: float = 200.0) -> Generator[threading.Event]:
        """One agent; the event says that it shall end."""
        self.start = self.updater.start()
        config, end = self.own.with_generation(self.start.generation), threading.Event()
        with self.updater.watching(SomeAgent(frames_per_s), config, self.start, end):
            yield end

    @property
    def version_in_use(self) -> int:
        assert self.start is not None
        return 0 if self.start.generation is None else self.start.generation.version

    def reports(self, version: int) -> TwinReported:
        wait_until(lambda: self.updater.report.version == version, 30)
        return self.updater.report


@pytest.fixture
def server() -> Iterator[PackageServer]:
    with PackageServer().running() as server:
        server.add(WINTER)
        yield server


@pytest.fixture
def bus(tmp_path: Path, server: PackageServer) -> Iterator[Bus]:
    bus = Bus(own_file(tmp_path), tmp_path / "updates", server.url)
    with bus.updater.running():
        yield bus


def test_what_is_desired_is_in_use_when_its_trial_has_passed(bus: Bus) -> None:
    settings: Settings = {"package.settings": WINTER.sha256, "camera.pitch_deg": 9.5}
    with bus.living() as end:
        bus.desire(7, settings)
        assert end.wait(30)
        assert bus.updater.report == TwinReported(version=0, settings={})
    with bus.living() as end:
        assert bus.version_in_use == 7
        assert bus.reports(7) == TwinReported(version=7, settings=settings)
        assert not end.is_set()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"camera.source": "/dev/video1"}, "camera.source cannot be set from afar"),
        ({"camera.pitch_deg": 100}, "camera.pitch_deg"),
        ({"package.settings": settings_release("", pair=FOREIGN).sha256}, "none of the trusted keys"),
        ({"package.settings": settings_release("[broker]\nurl = 'mqtt://other'").sha256}, "must not hold broker"),
        ({"package.settings": settings_release("[health]\nevery_s = 0").sha256}, "health.every_s"),
        ({"package.settings": settings_release("[health").sha256}, "settings.toml"),
        ({"package.model": WINTER.sha256}, "is of kind settings"),
    ],
    ids=["key", "value", "signature", "fixed", "setting", "toml", "kind"],
)
def test_what_cannot_be_used_is_settled_with_its_problem(
    bus: Bus, server: PackageServer, settings: Settings, words: str
) -> None:
    server.add(settings_release("", pair=FOREIGN))
    for text in ("[broker]\nurl = 'mqtt://other'", "[health]\nevery_s = 0", "[health"):
        server.add(settings_release(text))
    with bus.living() as end:
        bus.desire(3, settings)
        report = bus.reports(3)
        assert words in (report.problem or "")
        assert report.settings == {}
        assert not end.is_set()
    with bus.living():
        assert bus.version_in_use == 0


def test_a_bus_of_older_software_takes_what_it_knows_and_says_what_it_does_not(bus: Bus) -> None:
    newer: Settings = {"package.settings": WINTER.sha256, "package.firmware": "f" * 64}
    with bus.living() as end:
        bus.desire(4, newer)
        assert end.wait(30)
    with bus.living():
        report = bus.reports(4)
        assert report.settings == {"package.settings": WINTER.sha256}
        assert report.problem == "package.firmware cannot be set from afar"
        bus.desire(5, {**newer, "package.firmware": "e" * 64})
        assert bus.reports(5) == TwinReported(version=5, settings=report.settings, problem=report.problem)
        bus.desire(6, {"package.settings": WINTER.sha256})
        assert bus.reports(6).problem is None


def test_a_program_that_knows_more_than_the_one_before_takes_what_that_left_out(
    tmp_path: Path, server: PackageServer
) -> None:
    Slots(tmp_path / "updates").settle(4, "camera.pitch_deg cannot be set from afar", is_partial=True)
    bus = Bus(own_file(tmp_path), tmp_path / "updates", server.url)
    with bus.updater.running():
        with bus.living() as end:
            bus.desire(4, {"camera.pitch_deg": 9})
            assert end.wait(30)
        with bus.living():
            assert bus.version_in_use == 4
            wait_until(lambda: bus.updater.report.problem is None, 30)
            assert bus.updater.report.settings == {"camera.pitch_deg": 9}


def test_what_was_refused_before_a_restart_is_not_tried_again(tmp_path: Path, server: PackageServer) -> None:
    Slots(tmp_path / "updates").settle(4, "12 frames per second are too few")
    bus = Bus(own_file(tmp_path), tmp_path / "updates", server.url)
    with bus.updater.running(), bus.living() as end:
        bus.desire(4, {"camera.pitch_deg": 9})
        bus.desire(5, {})
        assert bus.reports(5) == TwinReported(version=5, settings={})
        assert not end.is_set()


def test_a_model_that_cannot_be_opened_is_given_up_on_paper(bus: Bus, server: PackageServer) -> None:
    about = About(kind=PackageKind.MODEL, name="small", version="1")
    release = signed(write_package(about, {MANIFEST: b'name = "small"\n', "model.onnx": b"weights"}))
    server.add(release)
    with bus.living() as end:
        bus.desire(1, {"package.model": release.sha256})
        assert "manifest" in (bus.reports(1).problem or "")
        assert not end.is_set()


def test_a_model_beside_the_one_in_use_is_opened_on_paper_first(bus: Bus, server: PackageServer) -> None:
    about = About(kind=PackageKind.MODEL, name="small", version="1")
    release = signed(write_package(about, {MANIFEST: b'name = "small"\n', "model.onnx": b"weights"}))
    server.add(release)
    with bus.living() as end:
        bus.desire(1, {"package.shadow": release.sha256, "shadow.share": 0.5})
        assert "manifest" in (bus.reports(1).problem or "")
        assert not end.is_set()


def test_an_older_version_is_ignored(bus: Bus) -> None:
    with bus.living() as end:
        bus.desire(5, {"camera.focal": 1})
        assert bus.reports(5).problem
        bus.desire(4, {"camera.pitch_deg": 9})
        bus.desire(5, {"camera.pitch_deg": 9})
        bus.desire(6, {"camera.focal": 1})
        bus.reports(6)
        assert not end.is_set()


def test_what_is_in_use_already_needs_no_restart(bus: Bus) -> None:
    with bus.living() as end:
        bus.desire(2, {})
        assert bus.reports(2) == TwinReported(version=2, settings={})
        assert not end.is_set()


def test_the_newest_wins_while_an_older_one_is_fetched(bus: Bus, server: PackageServer) -> None:
    server.answers = [503] * 1000
    with bus.living() as end:
        bus.desire(1, {"package.settings": WINTER.sha256})
        wait_until(lambda: server.heard)
        bus.desire(2, {"camera.pitch_deg": 9})
        assert end.wait(30)
    with bus.living():
        assert bus.reports(2).settings == {"camera.pitch_deg": 9}


def test_a_newer_version_waits_for_the_verdict_on_the_one_on_trial(bus: Bus) -> None:
    with bus.living() as end:
        bus.desire(1, {"camera.pitch_deg": 9})
        assert end.wait(30)
    bus.desire(2, {"camera.pitch_deg": 10})
    with bus.living() as end:
        assert bus.version_in_use == 1
        bus.reports(1)
        assert end.wait(30)
    with bus.living():
        assert bus.version_in_use == 2
        bus.reports(2)


def test_an_empty_twin_goes_back_to_the_own_file(bus: Bus) -> None:
    with bus.living() as end:
        bus.desire(1, {"camera.pitch_deg": 9})
        assert end.wait(30)
    with bus.living() as end:
        bus.reports(1)
        bus.desire(2, {})
        assert end.wait(30)
    with bus.living():
        assert bus.start is not None
        assert bus.start.generation is not None
        assert not bus.start.generation.settings
        assert bus.reports(2) == TwinReported(version=2, settings={})


def test_what_is_too_slow_falls_back_and_is_not_tried_again(bus: Bus) -> None:
    with bus.living() as end:
        bus.desire(1, {"camera.pitch_deg": 9})
        assert end.wait(30)
    with bus.living(frames_per_s=2) as end:
        assert end.wait(30)
        report = bus.reports(1)
        assert "frames per second" in (report.problem or "")
    with bus.living() as end:
        assert bus.version_in_use == 0
        bus.desire(1, {"camera.pitch_deg": 9})
        bus.desire(2, {})
        assert bus.reports(2) == TwinReported(version=2, settings={})
        assert not end.is_set()


@pytest.mark.parametrize("error", [OutboxError("taken"), ModelError("wrong"), ValueError()], ids=repr)
def test_whatever_ends_an_agent_on_trial_is_held_against_it(bus: Bus, error: Exception) -> None:
    with bus.living() as end:
        bus.desire(1, {"camera.pitch_deg": 9})
        assert end.wait(30)
    assert bus.updater.forgives(error, bus.updater.start())
    assert bus.updater.report.version == 1
    assert bus.updater.report.problem == (str(error) or "ValueError")
    start = bus.updater.start()
    assert start == Start(generation=None, trial=None)
    assert not bus.updater.forgives(error, start)


def test_the_end_of_the_agent_before_is_not_held_against_what_comes(bus: Bus) -> None:
    with bus.living() as end:
        bus.desire(1, {"camera.pitch_deg": 9})
        assert end.wait(30)
        assert bus.start is not None
        assert not bus.updater.forgives(OutboxError("taken"), bus.start)
    with bus.living():
        assert bus.reports(1).problem is None


def test_a_proven_generation_is_left_only_for_what_it_brought(bus: Bus) -> None:
    with bus.living() as end:
        bus.desire(1, {"camera.pitch_deg": 9})
        assert end.wait(30)
    with bus.living():
        bus.reports(1)
    start = bus.updater.start()
    assert not bus.updater.forgives(OutboxError("taken"), start)
    assert bus.updater.start() == start
    assert bus.updater.forgives(ConfigurationError("camera.pitch_deg is wrong now"), start)
    assert bus.updater.start().generation is None
    assert bus.updater.report == TwinReported(version=1, settings={}, problem="camera.pitch_deg is wrong now")


def test_what_ends_an_agent_after_its_trial_is_not_held_against_it(bus: Bus) -> None:
    with bus.living() as end:
        bus.desire(1, {"camera.pitch_deg": 9})
        assert end.wait(30)
    with bus.living():
        bus.reports(1)
        assert bus.start is not None
        assert not bus.updater.forgives(OutboxError("taken"), bus.start)
    with bus.living():
        assert bus.version_in_use == 1


def test_a_switch_while_no_agent_runs_ends_the_next_one_at_once(bus: Bus) -> None:
    """It began with the old generation, and must not be taken for the new one."""
    old = bus.updater.start()
    with bus.living() as end:
        bus.desire(1, {"camera.pitch_deg": 9})
        assert end.wait(30)
    with bus.updater.watching(SomeAgent(), bus.own.with_generation(None), old, threading.Event()) as end:
        assert end.is_set()
