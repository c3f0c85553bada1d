"""What was heard of each bus and stop by the day: by which way it came, how late, and how many tags it told of."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from psycopg import AsyncCursor
from psycopg.types.json import Jsonb

from cloud.fleet.streams import Stream, find_stored

LATE_S: Final = (10.0, 60.0, 600.0, 3600.0, 21_600.0)
"""Bounds of how late messages are counted: up to 10 s, a minute, ten minutes, an hour, six hours, and later."""

_NOTE: Final = """
INSERT INTO heard_days AS h (city, day, device, way, messages, tags, last_at, hours, late)
SELECT city, day, device, way, messages, tags, last_at, hours, late
FROM jsonb_to_recordset(%s) AS n(city text, day date, device text, way text, messages bigint, tags bigint,
    last_at timestamptz, hours integer, late bigint[])
ORDER BY city, day, device, way
ON CONFLICT ON CONSTRAINT heard_days_pkey DO UPDATE SET
    messages = h.messages + EXCLUDED.messages, tags = h.tags + EXCLUDED.tags,
    last_at = greatest(h.last_at, EXCLUDED.last_at), hours = h.hours | EXCLUDED.hours,
    late = ARRAY[h.late[1] + EXCLUDED.late[1], h.late[2] + EXCLUDED.late[2], h.late[3] + EXCLUDED.late[3],
        h.late[4] + EXCLUDED.late[4], h.late[5] + EXCLUDED.late[5], h.late[6] + EXCLUDED.late[6]]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One counted message as it came."""

    city: str
    device: str
    stream: str
    sequence: int
    stop: str | None  # that carried it; none: by the device's own network
    at: datetime  # when it was received, UTC
    late_s: float | None  # since it was taken; none where the device's clock is not to be believed
    tags: int


@dataclass(slots=True, kw_only=True)
class Day:
    """What a batch brings of one device by one way on one day."""

    last_at: datetime
    messages: int = 0
    tags: int = 0
    hours: int = 0  # bit h: something came in hour h
    late: list[int] = field(default_factory=lambda: [0] * (len(LATE_S) + 1))

    def add(self, heard: Heard) -> None:
        """Count one message in."""
        self.messages += 1
        self.tags += heard.tags
        self.last_at = max(self.last_at, heard.at)
        self.hours |= 1 << heard.at.hour
        if heard.late_s is not None:
            self.late[bisect_right(LATE_S, heard.late_s)] += 1


Key = tuple[str, date, str, str]  # city, day, device, way


def sum_up(heard: Iterable[Heard]) -> dict[Key, Day]:
    """Count messages by day and way; one that comes twice counts once, as it came first: pure."""
    days: dict[Key, Day] = {}
    known: set[tuple[str, str, str, int]] = set()
    for item in sorted(heard, key=lambda item: item.at):
        number = (item.city, item.device, item.stream, item.sequence)
        if number in known:
            continue
        known.add(number)
        key = (item.city, item.at.date(), item.device, item.stop or "")
        if key not in days:
            days[key] = Day(last_at=item.at)
        days[key].add(item)
    return days


async def note_heard(cursor: AsyncCursor[tuple[Any, ...]], heard: Sequence[Heard]) -> None:
    """Count a batch in, before its numbers are: what is stored already does not count again. The devices are locked."""
    sequences: defaultdict[Stream, list[int]] = defaultdict(list)
    for item in heard:
        sequences[item.city, item.device, item.stream].append(item.sequence)
    if not sequences:
        return
    stored = await find_stored(cursor, sequences)
    fresh = [item for item in heard if item.sequence not in stored.get((item.city, item.device, item.stream), ())]
    rows = [_record(key, day) for key, day in sum_up(fresh).items()]
    if rows:
        await cursor.execute(_NOTE, (Jsonb(rows),))


def _record(key: Key, day: Day) -> dict[str, object]:
    city, date, device, way = key
    return {
        "city": city,
        "day": date.isoformat(),
        "device": device,
        "way": way,
        "messages": day.messages,
        "tags": day.tags,
        "last_at": day.last_at.isoformat(),
        "hours": day.hours,
        "late": day.late,
    }
