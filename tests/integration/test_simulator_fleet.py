"""Simulated buses with the real agent against a real broker; nobody stores what they send."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from simulator.devices import secret_file
from simulator.fleet import Fleet, FleetPlan
from simulator.world import make_world
from tests.conftest import RunningBroker
from tests.waiting import wait_until


@pytest.fixture
def stop() -> threading.Event:
    return threading.Event()


@pytest.fixture
def plan(broker: RunningBroker, tmp_path: Path) -> FleetPlan:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for device, secret in broker.device_secrets.items():
        secret_file(secrets, device).write_text(secret)
    return FleetPlan(
        city=broker.city,
        buses=2,
        full=0,
        seed=0,
        for_s=None,
        broker_url=broker.mqtt_url,
        cloud_url="http://127.0.0.1:9",
        secrets=secrets,
        work=tmp_path / "buses",
    )


def test_buses_drive_look_and_fill_their_outboxes(plan: FleetPlan, stop: threading.Event) -> None:
    fleet = Fleet(plan, make_world(seed=0, buses=2, frames=None), stop=stop)
    fleet.start()
    wait_until(lambda: fleet.counts().frames > 20 and fleet.counts().sent > 6, 30)
    assert fleet.is_driving
    stop.set()
    assert not fleet.wait_until_stored()
    assert not fleet.is_driving
    counts = fleet.counts()
    assert counts.frames_unusable == 0
    assert counts.observations == counts.pictures
    fleet.close()


def test_buses_end_by_themselves_when_their_time_is_over(plan: FleetPlan, stop: threading.Event) -> None:
    fleet = Fleet(replace(plan, for_s=3.0), make_world(seed=0, buses=2, frames=None), stop=stop)
    fleet.start()
    wait_until(lambda: not fleet.is_driving, 30)
    stop.set()
    fleet.wait_until_stored()
    assert 10 <= fleet.counts().frames <= 26
    fleet.close()


def test_the_first_buses_have_the_real_detector(plan: FleetPlan, stop: threading.Event) -> None:
    fleet = Fleet(replace(plan, full=1), make_world(seed=0, buses=2, frames=None), stop=stop)
    assert [(bus.device, bus.is_full) for bus in fleet.buses] == [("bus-1", True), ("bus-2", False)]
    fleet.close()
