"""Which message goes next: what is live, then what got no receipt in time, then the rest by value, newest first.

It lives in memory: after a restart everything that has no receipt is sent again, and the cloud takes it once.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from edge_agent.uplink.store import Row, Store, Stream
from wire.messages import Kind, Stored

MOST_VALUABLE_FIRST: Final = (
    Kind.DETECTION,
    Kind.DRIVING,
    Kind.SIGHTING,
    Kind.MEASUREMENT,
    Kind.HEALTH,
    Kind.COVERAGE,
    Kind.TRACK,
)
RESEND_AFTER_S: Final = 30.0
"""A receipt comes within seconds; a broker that lost an acknowledged message never brings one."""
LONGEST_RESEND_S: Final = 1800.0  # when the cloud is away for long, telling it over and over only fills the broker
RESEND_AFTER_CONNECTING_S: Final = 5.0
"""Receipts are sent once: those of the time without a connection are lost, the messages are told again."""
RECEIPT_GRACE_S: Final = 5.0
"""A receipt may have been written while a message that it misses was on its way."""
MAX_UNRECEIPTED: Final = 4000
"""What is sent and not yet stored: it bounds our memory, and what a fleet leaves with a broker whose cloud is away.
With a receipt each two seconds it allows 2,000 messages a second. Live messages may be as many again."""
LOOK_EVERY_S: Final = 1.0  # for receipts that are overdue

Number = tuple[str, Kind, int]  # stream, kind, sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A message that is to be sent."""

    stream: str
    sequence: int
    kind: Kind
    payload: bytes

    @property
    def number(self) -> Number:
        return self.stream, self.kind, self.sequence


@dataclass(slots=True)
class _Way:
    """How far a stream has been told in this session: up from where it stood, and down from there."""

    up: int
    down: int


@dataclass(slots=True)
class _Sent:
    at_s: float
    due_s: float
    tries: int


class Sending:
    """What has been handed out, by monotonic time: no clock that is set can hold a message back."""

    def __init__(self) -> None:
        self._ways: dict[tuple[str, Kind], _Way] = {}
        self._sent: dict[Number, _Sent] = {}
        self._under_way: set[Number] = set()
        self._looked_at_s = 0.0

    def begin(self, streams: Iterable[Stream], *, now_s: float) -> None:
        """Begin a session: all that is kept now is backlog, all that comes is live."""
        self._ways.clear()
        self._under_way.clear()
        for stream in streams:
            self.restart(stream)
        for sent in self._sent.values():
            sent.due_s = min(sent.due_s, max(now_s, sent.at_s + RESEND_AFTER_CONNECTING_S))

    def restart(self, stream: Stream) -> None:
        """Look through a stream from its newest message on."""
        last = stream.last_sequence
        self._ways[stream.stream, stream.kind] = _Way(up=last, down=last + 1)

    def next(self, store: Store, limit: int, *, now_s: float) -> list[Waiting]:
        """Hand out up to `limit` messages."""
        streams = sorted(store.streams(), key=lambda each: (MOST_VALUABLE_FIRST.index(each.kind), -each.number))
        found: list[Waiting] = []
        if self._handed_out < 2 * MAX_UNRECEIPTED:
            self._take(found, streams, limit, lambda stream, wanted: self._live(store, stream, wanted))
        found += self._overdue(store, streams, limit - len(found), now_s)
        if self._handed_out < MAX_UNRECEIPTED:
            self._take(found, streams, limit, lambda stream, wanted: self._backlog(store, stream, wanted))
        return found

    def acknowledged(self, numbers: Iterable[Number], *, now_s: float) -> None:
        """Note the broker's answers."""
        for number in numbers:
            if number in self._under_way:
                self._under_way.discard(number)
                tries = self._sent[number].tries + 1 if number in self._sent else 0
                wait_s = min(RESEND_AFTER_S * 2.0**tries, LONGEST_RESEND_S)
                self._sent[number] = _Sent(at_s=now_s, due_s=now_s + wait_s, tries=tries)

    def receipted(self, receipt: Stored, *, now_s: float) -> None:
        """Forget what is stored, and be quick with what is missing."""
        missing = sorted(receipt.missing)
        for number, sent in list(self._sent.items()):
            stream, _, sequence = number
            if stream != receipt.stream or sequence > receipt.up_to:
                continue
            if not _is_within(sequence, missing):
                del self._sent[number]
            elif sent.at_s <= now_s - RECEIPT_GRACE_S:
                sent.due_s, self._looked_at_s = now_s, 0.0

    def was_handed_out(self, number: Number) -> bool:
        return number in self._sent or number in self._under_way

    @property
    def unreceipted(self) -> int:
        return len(self._sent)

    @property
    def _handed_out(self) -> int:
        return len(self._sent) + len(self._under_way)

    def _take(
        self,
        found: list[Waiting],
        streams: Iterable[Stream],
        limit: int,
        read: Callable[[Stream, int], list[Row]],
    ) -> None:
        for stream in streams:
            if len(found) < limit:
                found += [self._hand_out(stream, row) for row in read(stream, limit - len(found))]

    def _live(self, store: Store, stream: Stream, limit: int) -> list[Row]:
        way = self._way(stream)
        if stream.last_sequence <= way.up:
            return []
        rows = store.rows_after(stream, way.up, limit)
        way.up = rows[-1].sequence if rows else stream.last_sequence
        return rows

    def _backlog(self, store: Store, stream: Stream, limit: int) -> list[Row]:
        way = self._way(stream)
        while way.down > 1:
            rows = store.rows_before(stream, way.down, limit)
            way.down = rows[-1].sequence if rows else 1
            fresh = [row for row in rows if not self.was_handed_out((stream.stream, stream.kind, row.sequence))]
            if fresh:
                return fresh
        return []

    def _overdue(self, store: Store, streams: Iterable[Stream], limit: int, now_s: float) -> list[Waiting]:
        if limit <= 0 or now_s - self._looked_at_s < LOOK_EVERY_S:
            return []
        by_name = {(stream.stream, stream.kind): stream for stream in streams}
        due = [number for number, sent in self._sent.items() if sent.due_s <= now_s and number not in self._under_way]
        self._looked_at_s = now_s if len(due) <= limit else 0.0
        found: list[Waiting] = []
        for number in due[:limit]:
            stream = by_name.get(number[:2])
            row = None if stream is None else store.row(stream, number[2])
            if stream is None or row is None:  # given up since
                del self._sent[number]
            else:
                found.append(self._hand_out(stream, row))
        return found

    def _way(self, stream: Stream) -> _Way:
        """Where it stands; all of a stream that was not there when the session began is live."""
        return self._ways.setdefault((stream.stream, stream.kind), _Way(up=0, down=1))

    def _hand_out(self, stream: Stream, row: Row) -> Waiting:
        waiting = Waiting(stream=stream.stream, sequence=row.sequence, kind=stream.kind, payload=row.payload)
        self._under_way.add(waiting.number)
        return waiting


def _is_within(sequence: int, ranges: Sequence[tuple[int, int]]) -> bool:
    """Whether a number lies in one of some ranges, which are in order."""
    place = bisect_right(ranges, sequence, key=lambda each: each[0]) - 1
    return place >= 0 and sequence <= ranges[place][1]
