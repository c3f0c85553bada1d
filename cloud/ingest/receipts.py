"""Receipts: what a device need not send again."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Final

from cloud.fleet.devices import Device
from cloud.fleet.streams import Range, Settled
from wire.codec import encode_envelope
from wire.envelope import Envelope, make_id
from wire.messages import Kind, Stored
from wire.topics import Topic

MIN_INTERVAL_S: Final = 2.0
_MAX_MISSING: Final = 1024  # what a receipt can hold


def make_receipt(settled: Settled) -> Stored:
    """Say it as a receipt; with more gaps than it can hold it speaks only up to there."""
    gaps = _gaps(settled.ranges)
    up_to = settled.ranges[-1][1] if settled.ranges else 0
    if len(gaps) > _MAX_MISSING:
        up_to, gaps = gaps[_MAX_MISSING][0] - 1, gaps[:_MAX_MISSING]
    return Stored(stream=str(settled.stream), up_to=up_to, missing=tuple(gaps))


def encode_receipt(settled: Settled, *, at: datetime) -> tuple[str, bytes]:
    """Topic and payload. The cloud speaks in the device's own channel, thus with the device's source."""
    topic = Topic(city=settled.city, device=settled.device, kind=Kind.STORED)
    envelope = Envelope(id=make_id(at), source=topic.source, time=at, data=make_receipt(settled))
    return str(topic), encode_envelope(envelope)


def _gaps(ranges: Iterable[Range]) -> list[Range]:
    gaps: list[Range] = []
    expected = 1
    for first, last in ranges:
        if first > expected:
            gaps.append((expected, first - 1))
        expected = last + 1
    return gaps


class Courier:
    """Sends receipts: the first of a device at once, then at most one in two seconds, the last one always.

    A receipt that is lost on the way is healed by the next one, or by the device, which sends again. What is told is
    read when it is told: meanwhile other ingesters may have stored what this one saw missing.
    """

    def __init__(
        self,
        publish: Callable[[str, bytes], Awaitable[None]],
        *,
        settled_now: Callable[[Sequence[Settled]], Awaitable[Sequence[Settled]]],
        now: Callable[[], datetime],
    ) -> None:
        self._publish = publish
        self._settled_now = settled_now
        self._now = now
        self._waiting: dict[Device, dict[str, Settled]] = {}
        self._sent_at: dict[Device, datetime] = {}

    def note(self, settled: Iterable[Settled]) -> None:
        """Keep the newest word about each outbox; call it only after the commit."""
        for item in settled:
            self._waiting.setdefault((item.city, item.device), {})[str(item.stream)] = item

    async def send_due(self) -> None:
        """Send to every device that has not had a receipt for two seconds."""
        now = self._now()
        self._sent_at = {
            device: at for device, at in self._sent_at.items() if (now - at).total_seconds() < MIN_INTERVAL_S
        }
        await self._send([device for device in self._waiting if device not in self._sent_at], now)

    async def send_all(self) -> None:
        """Send whatever waits, before the end."""
        await self._send(list(self._waiting), self._now())

    async def _send(self, devices: Iterable[Device], now: datetime) -> None:
        due = {device: self._waiting.pop(device) for device in devices}
        if not due:
            return
        known = [item for of_device in due.values() for item in of_device.values()]
        for settled in await self._settled_now(known):
            await self._publish(*encode_receipt(settled, at=now))
        self._sent_at |= dict.fromkeys(due, now)
