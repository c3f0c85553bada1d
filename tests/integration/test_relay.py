"""Buses without a network of their own, a stop that carries for them, and the real cloud behind it."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nats
import pytest

from busense.local.broker import BrokerTls, LocalBroker
from cloud.db.pool import connect
from cloud.fleet.enrolment import revoke
from edge_agent.uplink.outbox import Outbox
from edge_agent.uplink.publisher import BrokerAddress, Publisher
from simulator.faults.link import Behaviour, FaultyLink
from tests.conftest import RunningBroker
from tests.integration.ingest_process import running_ingesters
from tests.integration.test_device_certificates import CITY, NOW, Depot
from tests.integration.test_device_certificates import depot as depot  # noqa: PLC0414 - a fixture
from tests.integration.test_edge_uplink import AT, TRACK, running
from tests.waiting import wait_until
from wire.codec import encode_envelope
from wire.envelope import Envelope, make_id
from wire.messages import Presence, State
from wire.relayed import Signer, carried_topic

WAIT_S = 60.0
AWAY = Behaviour(is_cut=True)
PASSWORD = "of the stop"  # noqa: S105


@dataclass(kw_only=True)
class Stop:
    """A stop with its own broker, the program that carries, and the air between it and a bus."""

    depot: Depot
    broker: LocalBroker
    certificate: Path
    air: FaultyLink
    process: "subprocess.Popen[bytes] | None" = field(default=None)

    def carry(self) -> None:
        """Start the program, and wait until it is there for buses; from then on the stop's broker keeps for it."""
        folder, log_file = self.depot.folder, self.depot.folder / "relay.log"
        times = log_file.read_text().count("stop_connected") if log_file.exists() else 0
        (folder / "password").write_text(PASSWORD)
        config = folder / "relay.toml"
        config.write_text(
            f"""
identity = {{ city = "{CITY}", device = "stop-1", certificate_file = "{self.certificate}" }}
broker = {{ url = "{self.depot.broker.mqtt_url}", ca_file = "server.pem" }}
stop = {{ url = "{self.broker.mqtt_url}", ca_file = "server.pem", user = "cloud", password_file = "password" }}
"""
        )
        with log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "busense", "relay", "--config", config],
                env=os.environ,
                stdout=log,
                stderr=log,
            )
        wait_until(lambda: log_file.read_text().count("stop_connected") > times, WAIT_S)

    def kill(self) -> None:
        """As a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def stop(depot: Depot, tmp_path: Path) -> Iterator[Stop]:
    tls = BrokerTls(
        certificate=tmp_path / "server.pem",
        key=tmp_path / "server.key",
        authority=tmp_path / "authority" / "authority.pem",
    )
    broker = LocalBroker(
        tmp_path / "stop",
        city=CITY,
        cloud_password=PASSWORD,
        device_secrets={},
        ack_wait_s=1,
        tls=tls,
        is_of_stop=True,
    )
    broker.start()
    with FaultyLink(broker.mqtt_url) as air:
        certificate = depot.certificate("stop-1", is_relay=True)
        running_stop = Stop(depot=depot, broker=broker, certificate=certificate, air=air)
        yield running_stop
        running_stop.kill()
    broker.stop()


@pytest.fixture
def ingest(depot: Depot, tmp_path: Path) -> Iterator[None]:
    broker = RunningBroker(server=depot.broker, city=CITY, cloud_password="cloud", device_secrets={})  # noqa: S106
    with running_ingesters(tmp_path / "ingest", database=depot.url, broker=broker, kind="jetstream"):
        yield


@dataclass(kw_only=True)
class BusWithoutNetwork:
    """A bus that keeps what it saw until it halts somewhere."""

    outbox: Outbox
    certificate: Path
    depot: Depot

    def address(self, url: str, *, is_relay: bool) -> BrokerAddress:
        return BrokerAddress(
            url=url,
            city=CITY,
            device="bus-1",
            secret="of pictures only",  # noqa: S106
            ca_file=self.depot.folder / "server.pem",
            certificate_file=self.certificate,
            is_relay=is_relay,
        )

    def put(self, count: int) -> None:
        for _ in range(count):
            self.outbox.put(TRACK, observed_at=AT)

    @contextmanager
    def sending(self, *addresses: BrokerAddress) -> Generator[Publisher]:
        with running(Publisher(addresses, self.outbox, now=lambda: datetime.now(UTC))) as publisher:
            yield publisher

    @property
    def waiting(self) -> int:
        return self.outbox.depth().messages


@pytest.fixture
def bus(depot: Depot, tmp_path: Path) -> Iterator[BusWithoutNetwork]:
    box = Outbox(tmp_path / "outbox.db", source=f"/{CITY}/bus-1", max_bytes=10_000_000, now=lambda: AT)
    yield BusWithoutNetwork(outbox=box, certificate=depot.certificate("bus-1"), depot=depot)
    box.close()


def stored(depot: Depot) -> list[tuple[Any, ...]]:
    """Numbers of the messages with positions that are stored."""
    with connect(depot.url) as connection:
        return connection.execute("SELECT sequence FROM track_points ORDER BY sequence").fetchall()


def redelivered(depot: Depot) -> int:
    """Messages that came again."""
    with connect(depot.url) as connection:
        row = connection.execute("SELECT coalesce(sum(redelivered), 0)::int FROM device_streams").fetchone()
    return row[0] if row is not None else 0


def waiting_as_said(depot: Depot) -> int | None:
    """Messages that wait at the stop, as it said last."""
    with connect(depot.url) as connection:
        row = connection.execute("SELECT (carrying ->> 'waiting')::int FROM devices WHERE device = 'stop-1'").fetchone()
    return row[0] if row is not None else None


def waiting_at(stop: Stop) -> int:
    """Messages in the store of the stop's broker."""

    async def count() -> int:
        client = await nats.connect(stop.broker.nats_url, user="cloud", password=PASSWORD)  # pyright: ignore[reportUnknownMemberType]
        state = (await client.jetstream().stream_info("$MQTT_msgs")).state  # pyright: ignore[reportUnknownMemberType]
        await client.close()
        return state.messages

    return asyncio.run(count())


def in_quarantine(depot: Depot) -> list[tuple[Any, ...]]:
    with connect(depot.url) as connection:
        return connection.execute("SELECT reason, device, sequence FROM quarantine").fetchall()


@pytest.mark.usefixtures("ingest")
def test_what_is_handed_over_while_the_bus_halts_is_stored_and_its_receipt_waits_at_the_stop(
    stop: Stop, bus: BusWithoutNetwork
) -> None:
    stop.carry()
    bus.put(20)
    with bus.sending(bus.address(stop.air.url, is_relay=True)):
        wait_until(lambda: bus.waiting == 0, WAIT_S)
        assert stored(stop.depot) == [(number,) for number in range(1, 21)]
        stop.air.behave(AWAY)
        bus.put(5)
        stop.air.behave(Behaviour())
        wait_until(lambda: bus.waiting == 0, WAIT_S)
    assert len(stored(stop.depot)) == 25
    assert in_quarantine(stop.depot) == []
    with connect(stop.depot.url) as connection:
        states = connection.execute("SELECT presence FROM devices WHERE device = 'bus-1'").fetchall()
        came = connection.execute("SELECT way, messages FROM heard_days WHERE device = 'bus-1'").fetchall()
    assert states
    assert came == [("stop-1", 25)]


def test_a_certificate_that_cannot_be_read_any_more_does_not_end_the_connections_of_a_stop(stop: Stop) -> None:
    log = stop.depot.folder / "relay.log"
    stop.carry()
    wait_until(lambda: "broker_connected" in log.read_text(), WAIT_S)
    stop.certificate.write_text("what a failing card left of it")
    stop.depot.broker.stop()
    stop.depot.broker.start()
    wait_until(lambda: log.read_text().count("broker_connected") == 2, WAIT_S)


@pytest.mark.usefixtures("ingest")
def test_what_goes_two_ways_counts_once(stop: Stop, bus: BusWithoutNetwork) -> None:
    stop.carry()
    stop.kill()
    bus.put(30)
    with bus.sending(bus.address(stop.air.url, is_relay=True)):
        wait_until(lambda: waiting_at(stop) >= 30, WAIT_S)
    with bus.sending(bus.address(stop.depot.broker.mqtt_url, is_relay=False)):
        wait_until(lambda: bus.waiting == 0, WAIT_S)
    stop.carry()
    wait_until(lambda: redelivered(stop.depot) >= 30, WAIT_S)
    with connect(stop.depot.url) as connection:
        came = connection.execute("SELECT way, messages FROM heard_days WHERE device = 'bus-1'").fetchall()
    assert came == [("", 30)], "by which way it came first"
    wait_until(lambda: waiting_as_said(stop.depot) == 0, WAIT_S)
    assert stored(stop.depot) == [(number,) for number in range(1, 31)]
    assert in_quarantine(stop.depot) == []


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # paho leaves a failed handshake's socket
@pytest.mark.usefixtures("ingest")
def test_a_stop_that_is_killed_while_it_carries_loses_nothing(stop: Stop, bus: BusWithoutNetwork) -> None:
    bus.put(400)
    with bus.sending(bus.address(stop.air.url, is_relay=True)):
        for before in (0, 150):
            stop.carry()
            wait_until(lambda before=before: len(stored(stop.depot)) > before, WAIT_S)
            stop.kill()
            stop.broker.kill()
            stop.broker.start()
        stop.carry()
        wait_until(lambda: bus.waiting == 0, WAIT_S)
    assert stored(stop.depot) == [(number,) for number in range(1, 401)]
    assert in_quarantine(stop.depot) == []


@pytest.mark.usefixtures("ingest")
def test_a_stop_can_neither_speak_for_a_bus_nor_make_it_throw_away(stop: Stop, bus: BusWithoutNetwork) -> None:
    """Who has the stop's computer has its certificate, and may speak on the topic of any bus."""
    bus.put(1)
    waiting = bus.outbox.next_to_send(1)[0]
    with ExitStack() as stack:
        thief = stop.depot.come_in(stop.certificate, "stop-1")
        stack.callback(thief.close)
        forged = Signer.read(stop.certificate).sign(waiting.payload)
        other_stop = carried_topic(city=CITY, device="bus-1", stop="stop-2")
        thief.client.publish(other_stop, forged, qos=1)  # the broker drops it: that is not its name
        thief.client.publish(carried_topic(city=CITY, device="bus-1", stop="stop-1"), forged, qos=1)
        at = datetime.now(UTC)
        said = State(presence=Presence.ONLINE, since=at)
        own = Envelope(id=make_id(at), source=f"/{CITY}/stop-1", time=at, data=said)
        thief.client.publish(f"busense/v1/{CITY}/bus-1/state", encode_envelope(own), qos=1)
        wait_until(lambda: in_quarantine(stop.depot), WAIT_S)
    assert in_quarantine(stop.depot) == [("bad_signature", "bus-1", None)], "its number does not count as stored"
    with connect(stop.depot.url) as connection:
        assert connection.execute("SELECT count(*) FROM device_streams").fetchone() == (0,)


@pytest.mark.usefixtures("ingest")
def test_a_revoked_bus_is_not_believed_by_way_of_a_stop_either(stop: Stop, bus: BusWithoutNetwork) -> None:
    with connect(stop.depot.url) as connection:
        revoke(connection, city=CITY, device="bus-1", at=NOW)
    stop.carry()
    bus.put(1)
    with bus.sending(bus.address(stop.air.url, is_relay=True)):
        wait_until(lambda: in_quarantine(stop.depot), WAIT_S)
    assert {reason for reason, _, _ in in_quarantine(stop.depot)} == {"bad_signature"}
    assert bus.waiting == 1
    assert stored(stop.depot) == []
