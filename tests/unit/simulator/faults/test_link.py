import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from simulator.faults.link import SOUND, Behaviour, FaultyLink
from tests.waiting import wait_until

CONNECT = b"\x10\x03abc"


def publish(number: int) -> bytes:
    return b"\x32\x01" + bytes([number])


class Listener:
    """Keeps what it hears and answers nothing but by hand."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.heard = b""
        self.ends = 0
        self.connections: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return self._server.getsockname()[1]

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._server.close()
        for connection in self.connections:
            connection.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self._hear, args=(connection,), daemon=True).start()

    def _hear(self, connection: socket.socket) -> None:
        try:
            while heard := connection.recv(1000):
                self.heard += heard
        except OSError:
            pass
        self.ends += 1


@pytest.fixture
def listener() -> Generator[Listener]:
    running = Listener()
    yield running
    running.close()


@contextmanager
def through(link: FaultyLink) -> Generator[socket.socket]:
    port = int(link.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        yield connection


@contextmanager
def linked(listener: Listener, scheme: str = "mqtt") -> Generator[FaultyLink]:
    with FaultyLink(f"{scheme}://127.0.0.1:{listener.port}") as link:
        yield link


def test_a_sound_link_passes_bytes_both_ways(listener: Listener) -> None:
    with linked(listener, "http") as link, through(link) as bus:
        bus.sendall(b"GET / HTTP/1.1\r\n\r\n")
        wait_until(lambda: listener.heard == b"GET / HTTP/1.1\r\n\r\n")
        listener.connections[0].sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        assert bus.recv(100) == b"HTTP/1.1 200 OK\r\n\r\n"


def test_a_cut_link_resets_what_is_open_and_refuses_what_comes(listener: Listener) -> None:
    with linked(listener) as link, through(link) as bus:
        bus.sendall(CONNECT)
        wait_until(lambda: listener.heard)
        link.behave(Behaviour(is_cut=True))
        with pytest.raises(ConnectionResetError):
            bus.recv(1)
        wait_until(lambda: listener.ends == 1)
        with pytest.raises(ConnectionResetError), through(link) as refused:
            refused.recv(1)
        link.behave(SOUND)
        with through(link) as again:
            again.sendall(CONNECT)
            wait_until(lambda: listener.heard == CONNECT * 2)


def test_what_is_about_to_be_opened_is_cut_too(listener: Listener) -> None:
    with linked(listener) as link:
        for _ in range(60):
            link.behave(SOUND)
            with through(link) as bus:
                link.behave(Behaviour(is_cut=True))
                with pytest.raises(ConnectionResetError):
                    bus.recv(1)


def test_a_stalled_link_stays_open_and_passes_nothing_until_it_goes_on(listener: Listener) -> None:
    with linked(listener) as link, through(link) as bus:
        link.behave(Behaviour(is_stalled=True))
        bus.sendall(CONNECT)
        wait_until(lambda: listener.connections)
        listener.connections[0].sendall(b"answer")
        bus.settimeout(0.2)
        with pytest.raises(TimeoutError):
            bus.recv(1)
        assert listener.heard == b""
        link.behave(SOUND)
        bus.settimeout(5)
        assert bus.recv(10) == b"answer"
        wait_until(lambda: listener.heard == CONNECT)


def test_messages_are_doubled_and_nothing_else(listener: Listener) -> None:
    with linked(listener) as link, through(link) as bus:
        link.behave(Behaviour(doubled=1.0))
        bus.sendall(CONNECT + publish(1) + publish(2))
        wait_until(lambda: listener.heard == CONNECT + publish(1) * 2 + publish(2) * 2)
        assert link.messages_doubled == 2


def test_a_message_is_overtaken_by_the_one_behind_it(listener: Listener) -> None:
    with linked(listener) as link, through(link) as bus:
        link.behave(Behaviour(overtaken=1.0))
        bus.sendall(publish(1) + publish(2) + publish(3) + publish(4))
        wait_until(lambda: listener.heard == publish(2) + publish(1) + publish(4) + publish(3))


def test_a_slow_link_passes_everything_in_the_end(listener: Listener) -> None:
    with linked(listener) as link, through(link) as bus:
        link.behave(Behaviour(bytes_per_s=1000.0, delay_s=0.01))
        bus.sendall(CONNECT + publish(1))
        wait_until(lambda: listener.heard == CONNECT + publish(1))


def test_a_reset_ends_what_is_open_and_new_connections_pass(listener: Listener) -> None:
    with linked(listener) as link, through(link) as bus:
        bus.sendall(CONNECT)
        wait_until(lambda: listener.heard)
        link.reset()
        with pytest.raises(ConnectionResetError):
            bus.recv(1)
        with through(link) as again:
            again.sendall(CONNECT)
            wait_until(lambda: listener.heard == CONNECT * 2)
        assert link.connections == 2


def test_a_server_that_is_away_closes_the_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with FaultyLink(f"mqtt://127.0.0.1:{port}") as link, pytest.raises(ConnectionResetError), through(link) as bus:
        bus.recv(1)
