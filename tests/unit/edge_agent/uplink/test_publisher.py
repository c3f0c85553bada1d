"""What a real broker does not do on request: never answer, hang up, send nonsense."""

import contextlib
import socket
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_agent.clock import AGREEING, BusClock
from edge_agent.uplink.outbox import Outbox
from edge_agent.uplink.publisher import BrokerAddress, Publisher
from telemetry.server import Needs
from tests.waiting import wait_until
from wire.messages import Fix, Kind, Stored, Track, TrackPoint

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
TRACK = Track(points=(TrackPoint(at=NOW, lon=120.4, lat=27.5, accuracy_m=3, fix=Fix.GNSS),))
Read = Callable[[int], bytes]
CONNECT, PUBLISH, SUBSCRIBE, PING = 1, 3, 8, 12


class FakeBroker:
    """Speaks as much MQTT 3.1.1 as the publisher needs, and acknowledges only from a given connection on."""

    def __init__(self, *, silent_connections: int) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(0.05)
        self._silent = silent_connections
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.connections = 0
        self.tracks = 0
        self.tracks_of_first = 0
        self.acknowledged = 0

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self._server.getsockname()[1]}"

    @contextmanager
    def running(self) -> Generator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            self._thread.join(20)
            self._server.close()

    def _serve(self) -> None:
        while not self._is_over.is_set():
            try:
                connection, _ = self._server.accept()
            except TimeoutError:
                continue
            self.connections += 1
            with connection, connection.makefile("rb") as stream, contextlib.suppress(OSError):
                self._talk(connection, stream.read)

    def _talk(self, connection: socket.socket, read: Read) -> None:
        for kind, body in packets(read):
            if kind == CONNECT:
                connection.sendall(b"\x20\x02\x00\x00")
            elif kind == SUBSCRIBE:
                connection.sendall(b"\x90\x05" + body[:2] + b"\x01\x01\x01")
            elif kind == PING:
                connection.sendall(b"\xd0\x00")
            elif kind == PUBLISH:
                end = 2 + int.from_bytes(body[:2], "big")
                self.tracks += body[2:end].endswith(b"/track")
                self.tracks_of_first += self.connections == 1 and body[2:end].endswith(b"/track")
                if self.connections > self._silent:
                    self.acknowledged += body[2:end].endswith(b"/track")
                    connection.sendall(b"\x40\x02" + body[end : end + 2])


def packets(read: Read) -> Iterator[tuple[int, bytes]]:
    while head := read(1):
        length, shift = 0, 0
        while True:
            byte = read(1)[0]
            length |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        yield head[0] >> 4, read(length)


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    box = Outbox(tmp_path / "outbox.db", source="/testcity/bus-1", max_bytes=10_000_000, now=lambda: NOW)
    yield box
    box.close()


@contextmanager
def publishing(outbox: Outbox, url: str, *, puback_timeout_s: float) -> Generator[Publisher]:
    address = BrokerAddress(url=url, city="testcity", device="bus-1", secret="s")  # noqa: S106
    publisher = Publisher([address], outbox, now=lambda: NOW, puback_timeout_s=puback_timeout_s)
    stop = threading.Event()
    thread = threading.Thread(target=publisher.run, args=(stop,), daemon=True)
    thread.start()
    try:
        yield publisher
    finally:
        stop.set()
        thread.join(20)
    assert not thread.is_alive()


def test_a_broker_that_does_not_acknowledge_gets_a_new_connection_and_the_message_again(
    outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    outbox.put(TRACK, observed_at=NOW)
    broker = FakeBroker(silent_connections=1)
    with broker.running(), publishing(outbox, broker.url, puback_timeout_s=0.2):
        wait_until(lambda: broker.acknowledged == 1)
        assert broker.connections == 2
        assert broker.tracks == 2
        assert "has not acknowledged" in caplog.text
        outbox.apply_receipt(stored(outbox))
    assert outbox.depth().messages == 0


def test_a_broker_that_is_not_there_is_tried_again(outbox: Outbox, caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with publishing(outbox, f"mqtt://127.0.0.1:{port}", puback_timeout_s=1) as publisher:
        wait_until(lambda: caplog.text.count("broker_lost") >= 2)
    assert publisher.connections == 0


@pytest.mark.parametrize(("scheme", "is_relay"), [("mqtts", False), ("mqtt", True)], ids=["to the cloud", "to a stop"])
def test_a_certificate_that_cannot_be_read_does_not_end_the_bus(
    outbox: Outbox, tmp_path: Path, caplog: pytest.LogCaptureFixture, *, scheme: str, is_relay: bool
) -> None:
    certificate = tmp_path / "certificate.pem"
    certificate.write_text("what a failing card left of it")
    address = BrokerAddress(
        url=f"{scheme}://127.0.0.1:1",
        city="testcity",
        device="bus-1",
        secret="s",  # noqa: S106
        certificate_file=certificate,
        is_relay=is_relay,
    )
    needs = Needs()
    publisher = Publisher([address], outbox, now=lambda: NOW, needs=needs)
    stop = threading.Event()
    thread = threading.Thread(target=publisher.run, args=(stop,), daemon=True)
    thread.start()
    wait_until(lambda: caplog.text.count("broker_lost") >= 2)
    stop.set()
    thread.join(20)
    assert str(certificate) in needs.missing()["broker"]


def test_what_is_in_flight_is_bounded(outbox: Outbox) -> None:
    for _ in range(200):
        outbox.put(TRACK, observed_at=NOW)
    broker = FakeBroker(silent_connections=1)
    with broker.running(), publishing(outbox, broker.url, puback_timeout_s=0.4):
        wait_until(lambda: broker.connections == 2)
        assert broker.tracks_of_first == 64
        wait_until(lambda: broker.acknowledged >= 200)  # on a slow machine some are sent again
        outbox.apply_receipt(stored(outbox))


def test_nothing_is_told_with_a_time_that_cannot_be_right_while_it_may_soon_be_known(outbox: Outbox) -> None:
    outbox.put(TRACK, observed_at=NOW)
    asked = threading.Event()

    def long_ago() -> datetime:
        asked.set()
        return datetime(1970, 1, 1, tzinfo=UTC)

    clock = BusClock(monotonic=lambda: 0.0, system=long_ago, is_synchronised=lambda: False)
    broker = FakeBroker(silent_connections=0)
    address = BrokerAddress(url=broker.url, city="testcity", device="bus-1", secret="s")  # noqa: S106
    publisher = Publisher([address], outbox, now=clock.now, clock=clock)
    stop = threading.Event()
    thread = threading.Thread(target=publisher.run, args=(stop,), daemon=True)
    asked.clear()
    with broker.running():
        thread.start()
        assert asked.wait(10)  # it looks at the clock, and waits
        assert broker.connections == 0
        for _ in range(AGREEING):
            clock.hear_gnss(NOW)
        wait_until(lambda: broker.acknowledged == 1)
        outbox.apply_receipt(stored(outbox))
        stop.set()
        thread.join(20)
    assert not thread.is_alive()


def stored(outbox: Outbox) -> Stored:
    return Stored(stream=outbox.stream_of(Kind.TRACK), up_to=outbox.numbered, missing=())
