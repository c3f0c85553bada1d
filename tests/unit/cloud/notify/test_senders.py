import base64
from collections.abc import Iterator
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


class Body(httpx.SyncByteStream):
    """Parts of an answer, and then silence."""

    def __init__(self, *parts: bytes) -> None:
        self._parts = parts

    def __iter__(self) -> Iterator[bytes]:
        yield from self._parts
        raise httpx.ReadTimeout("nothing more came")


def send(folder: Path, response: httpx.Response) -> None:
    secret = folder / "secret"
    secret.write_text("whsec_" + base64.b64encode(bytes(32)).decode())
    webhook = Webhook(key="county", url="https://county.example/hook", secret_file=secret)
    with httpx.Client(transport=httpx.MockTransport(lambda _: response)) as client:
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
