"""From the outbox over a real broker: a message leaves only by the cloud's receipt."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_agent.uplink.orders import NO_UPDATES, Orders
from edge_agent.uplink.outbox import Outbox
from edge_agent.uplink.publisher import BrokerAddress, Publisher
from tests.conftest import RunningBroker
from tests.integration.edge_cloud import EdgeCloud
from tests.waiting import wait_until
from wire.messages import (
    Command,
    CommandKind,
    Fix,
    Kind,
    Presence,
    Track,
    TrackPoint,
    TwinDesired,
    TwinReported,
)

DEVICE = "bus-1"
AT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
TRACK = Track(points=(TrackPoint(at=AT, lon=120.4, lat=27.5, accuracy_m=3, fix=Fix.GNSS),))


@pytest.fixture
def outbox(tmp_path: Path) -> Generator[Outbox]:
    box = Outbox(tmp_path / "outbox.db", source=f"/testcity/{DEVICE}", max_bytes=10_000_000, now=lambda: AT)
    yield box
    box.close()


@contextmanager
def publishing(
    outbox: Outbox, broker: RunningBroker, *, secret: str | None = None, orders: Orders | None = None
) -> Generator[Publisher]:
    address = BrokerAddress(
        url=broker.mqtt_url, city=broker.city, device=DEVICE, secret=secret or broker.device_secrets[DEVICE]
    )
    with running(Publisher([address], outbox, now=lambda: datetime.now(UTC), orders=orders)) as publisher:
        yield publisher


@contextmanager
def running(publisher: Publisher) -> Generator[Publisher]:
    """Let a publisher send while the context lasts."""
    stop = threading.Event()
    thread = threading.Thread(target=publisher.run, args=(stop,))
    thread.start()
    try:
        yield publisher
    finally:
        stop.set()
        thread.join(20)
    assert not thread.is_alive()


def put(outbox: Outbox, count: int) -> None:
    for _ in range(count):
        outbox.put(TRACK, observed_at=AT)


def test_a_message_leaves_by_the_receipt_and_not_before(outbox: Outbox, broker: RunningBroker) -> None:
    put(outbox, 5)
    stream = outbox.stream_of(Kind.TRACK)
    with EdgeCloud(broker, gives_receipts=False) as cloud, publishing(outbox, broker):
        wait_until(lambda: len(cloud.heard) == 5)
        assert outbox.depth().messages == 5
        cloud.give_receipt(device=DEVICE, stream=stream, up_to=4, missing=((2, 3),))
        wait_until(lambda: outbox.depth().messages == 3)
        cloud.give_receipt(device=DEVICE, stream=stream, up_to=5)
        wait_until(lambda: outbox.depth().messages == 0)
    assert sorted(cloud.sequences()) == [1, 2, 3, 4, 5]


def test_everything_arrives_over_a_restart_of_the_broker(outbox: Outbox, broker: RunningBroker) -> None:
    with EdgeCloud(broker, gives_receipts=True) as cloud, publishing(outbox, broker) as publisher:
        put(outbox, 50)
        wait_until(lambda: len(set(cloud.sequences())) >= 10)
        broker.server.kill()
        put(outbox, 50)
        broker.server.start()
        wait_until(lambda: set(cloud.sequences()) == set(range(1, 101)), 30)
        wait_until(lambda: outbox.depth().messages == 0, 30)
    assert publisher.connections >= 1


def test_what_the_broker_lost_with_its_disk_after_its_puback_is_sent_again(
    outbox: Outbox, broker: RunningBroker
) -> None:
    with EdgeCloud(broker, gives_receipts=True):
        pass  # its session stays: the broker keeps what comes for it
    with publishing(outbox, broker):
        put(outbox, 100)
        wait_until(lambda: outbox.unreceipted == 100)
        broker.server.kill()
        broker.server.lose_disk()
        broker.server.start()
        with EdgeCloud(broker, gives_receipts=True) as cloud:
            wait_until(lambda: outbox.depth().messages == 0, 40)
    assert set(cloud.sequences()) == set(range(1, 101))


def test_the_broker_knows_whether_the_bus_is_there(outbox: Outbox, broker: RunningBroker) -> None:
    with EdgeCloud(broker, gives_receipts=False) as cloud:
        with publishing(outbox, broker):
            wait_until(lambda: cloud.presences == [Presence.ONLINE])
        wait_until(lambda: cloud.presences == [Presence.ONLINE, Presence.OFFLINE])


def test_a_wrong_secret_is_told_and_tried_again(
    outbox: Outbox, broker: RunningBroker, caplog: pytest.LogCaptureFixture
) -> None:
    put(outbox, 1)
    with publishing(outbox, broker, secret="guessed"):  # noqa: S106
        wait_until(lambda: caplog.text.count("broker_lost") >= 2)
    assert "refuses bus-1" in caplog.text
    assert "guessed" not in caplog.text
    assert outbox.depth().messages == 1


def test_a_bus_says_at_each_contact_what_it_is_and_declines_what_it_does_not_take(
    outbox: Outbox, broker: RunningBroker
) -> None:
    before = TwinReported(version=0, settings={})
    declined = TwinReported(version=3, settings={}, problem=NO_UPDATES)
    orders = Orders()
    with EdgeCloud(broker, gives_receipts=False) as cloud:
        with publishing(outbox, broker, orders=orders):
            wait_until(lambda: cloud.reports == [before])
            cloud.send(DEVICE, TwinDesired(version=3, settings={"camera.pitch_deg": 9.5}))
            wait_until(lambda: cloud.reports == [before, declined])
            cloud.send(DEVICE, TwinDesired(version=2, settings={}))
        with publishing(outbox, broker, orders=orders):
            wait_until(lambda: cloud.reports == [before, declined, declined])
    with EdgeCloud(broker, gives_receipts=False) as late:
        wait_until(lambda: late.reports == [declined])  # it is retained


def test_a_restart_is_asked_for_until_it_expires(outbox: Outbox, broker: RunningBroker) -> None:
    restarts: list[datetime] = []
    orders = Orders(restart=lambda: restarts.append(datetime.now(UTC)))
    now = datetime.now(UTC)
    with EdgeCloud(broker, gives_receipts=False) as cloud, publishing(outbox, broker, orders=orders):
        wait_until(lambda: cloud.presences)
        for kind, lasts_s in (
            (CommandKind.RESTART, -1),
            (CommandKind.SEND_PICTURE, 60),
            (CommandKind.RESTART, 60),
        ):
            cloud.send(DEVICE, Command(kind=kind, expires_at=now + timedelta(seconds=lasts_s)))
        wait_until(lambda: restarts)
    assert len(restarts) == 1
