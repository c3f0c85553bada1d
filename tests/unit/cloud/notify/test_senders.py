import base64
import contextlib
import select
import socketserver
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from cloud.errors import DeliveryError
from cloud.notify.repository import Delivery
from cloud.notify.senders import send_webhook
from cloud.notify.targets import Webhook

AT = datetime(2027, 6, 1, tzinfo=UTC)
DELIVERY = Delivery(
    id=UUID(int=1), channel="webhook", target="county", payload={}, created_at=AT, attempts=1, event_ids=[]
)


class Body(httpx.AsyncByteStream):
    """Parts of an answer, and then silence."""

    def __init__(self, *parts: bytes) -> None:
        self._parts = parts

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            yield part
        raise httpx.ReadTimeout("nothing more came")


def send(folder: Path, response: httpx.Response) -> None:
    send_by(folder, httpx.AsyncClient(transport=httpx.MockTransport(lambda _: response)))


def send_by(folder: Path, client: httpx.AsyncClient, *, url: str = "https://county.example/hook") -> None:
    secret = folder / "secret"
    secret.write_text("whsec_" + base64.b64encode(bytes(32)).decode())
    webhook = Webhook(key="county", url=url, secret_file=secret)
    send_webhook(webhook, DELIVERY, client=client, at=AT)


def test_who_has_taken_it_need_not_end_what_else_they_say(tmp_path: Path) -> None:
    send(tmp_path, httpx.Response(200, stream=Body(b"thank")))


@pytest.mark.parametrize(
    ("status", "parts", "told", "is_final"),
    [
        (500, (b"it hurts",), "HTTP 500: it hurts", False),
        (500, (), "HTTP 500: ", False),
        (410, (), "HTTP 410: ", True),
        (503, (b"\x00\x1b[2Jaway\n",), "HTTP 503:   [2Jaway ", False),
        (429, (b"a" * 5000,), "HTTP 429: " + "a" * 300, False),
    ],
    ids=["slow to end", "no word", "gone", "no letters", "much"],
)
def test_who_refuses_is_understood_by_what_came(
    tmp_path: Path, status: int, parts: tuple[bytes, ...], told: str, *, is_final: bool
) -> None:
    with pytest.raises(DeliveryError) as error:
        send(tmp_path, httpx.Response(status, stream=Body(*parts)))
    assert (str(error.value), error.value.is_final) == (told, is_final)


class Dripping(socketserver.BaseRequestHandler):
    """Answers a letter at a time, for as long as somebody listens."""

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            self.request.sendall(b"HTTP/1.1 200 OK\r\nx-word: ")
            while not select.select([self.request], [], [], 0.01)[0] or self.request.recv(4096):
                self.request.sendall(b"a")


def test_who_answers_a_letter_at_a_time_is_not_waited_for(tmp_path: Path) -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Dripping) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        with pytest.raises(DeliveryError, match="TimeoutError"):
            send_by(tmp_path, httpx.AsyncClient(timeout=0.3), url=url)
        server.shutdown()


def test_who_is_busy_is_asked_when_to_come_again(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError) as error:
        send(tmp_path, httpx.Response(429, headers={"retry-after": "600"}))
    assert error.value.wait_s == 600
