"""Simulated buses with the real agent against a real broker; nobody stores what they send."""

import socket
import sqlite3
import threading
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from edge_agent.uplink.database import TABLE_OF_KIND
from simulator.devices import secret_file
from simulator.errors import SimulatorError
from simulator.faults.link import FaultyLink
from simulator.fleet import Fleet, FleetPlan
from simulator.stop_radio import StopRadio
from simulator.world import make_world
from tests.conftest import RunningBroker
from tests.waiting import wait_until
from wire.codec import decode_envelope
from wire.error_model import load_error_model
from wire.messages import ClockSource, Coverage, Health

ERRORS = Path("models/road_damage/error_model.json")


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


def test_buses_whose_machines_think_it_is_1970_tell_the_true_time(plan: FleetPlan, stop: threading.Event) -> None:
    far_off = replace(plan, clock_off_s=-1.79e9, broker_url="mqtt://127.0.0.1:9")  # nothing leaves
    fleet = Fleet(far_off, make_world(seed=0, buses=2, frames=None), stop=stop)
    begun = datetime.now(UTC)
    fleet.start()
    wait_until(lambda: fleet.counts().sent > 8, 30)
    stop.set()
    fleet.wait_until_stored()
    fleet.close()
    kept = [decode_envelope(payload) for payload in payloads(plan.work / "bus-1" / "outbox.db")]
    assert kept
    for envelope in kept:
        assert begun - timedelta(seconds=5) < envelope.time < datetime.now(UTC) + timedelta(seconds=5), envelope
    last = [envelope.data for envelope in kept if isinstance(envelope.data, Health)][-1]
    assert last.clock is ClockSource.GNSS
    assert last.clock_corrected_s is not None
    assert last.clock_offset_s == pytest.approx(-1.79e9, abs=60)


def test_buses_with_measured_errors_say_whose_they_are(plan: FleetPlan, stop: threading.Event) -> None:
    """So that the cloud weighs their passes by the same error model."""
    offline = replace(plan, errors=ERRORS, for_s=12.0, broker_url="mqtt://127.0.0.1:9")
    fleet = Fleet(offline, make_world(seed=0, buses=2, frames=None), stop=stop)
    fleet.start()
    wait_until(lambda: not fleet.is_driving, 60)
    stop.set()
    fleet.wait_until_stored()
    fleet.close()
    kept = [decode_envelope(payload).data for payload in payloads(plan.work / "bus-1" / "outbox.db")]

    models = {data.model for data in kept if isinstance(data, Coverage) and data.looked_for is None}
    assert models == {load_error_model(ERRORS).model}


def payloads(outbox: Path) -> list[bytes]:
    with closing(sqlite3.connect(outbox)) as database:
        statements = [f"SELECT payload FROM {table} ORDER BY key" for table in TABLE_OF_KIND.values()]  # noqa: S608
        return [payload for statement in statements for (payload,) in database.execute(statement)]


def test_buses_without_a_network_reach_something_only_where_they_halt(plan: FleetPlan, stop: threading.Event) -> None:
    with pytest.raises(SimulatorError, match="--stop-broker"):
        Fleet(replace(plan, without_network=1), make_world(seed=0, buses=2, frames=None), stop=stop)
    with FaultyLink(plan.broker_url) as target, StopRadio(stop_broker_url=target.url, cloud_url=target.url) as radio:
        address = urlsplit(radio.broker_url)

        def is_reached() -> bool:
            before = target.connections
            with socket.create_connection((address.hostname, address.port)) as connection:
                connection.settimeout(0.2)
                with suppress(OSError):
                    connection.recv(1)
            return target.connections > before

        assert not is_reached()
        radio.follow(is_halting=True)
        assert is_reached()
        radio.follow(is_halting=False)
        assert not is_reached()
