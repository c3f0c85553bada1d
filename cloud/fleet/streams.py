"""Which numbers of each device's outbox have arrived."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncCursor
from psycopg.types.json import Jsonb
from psycopg.types.multirange import Multirange

Range = tuple[int, int]  # first and last, both included
Stream = tuple[str, str, str]  # city, device, id of its outbox

# What was stored before and comes again counts as redelivered; so does what comes twice in one batch. A device that
# gives a message up cannot know whether it has arrived: what is stored is not given up.
_UPSERT: Final = """
INSERT INTO device_streams AS s (city, device, stream, first_seen_at, last_seen_at, stored, given_up, redelivered)
SELECT city, device, stream, seen_at, seen_at, stored::int8multirange,
    given_up::int8multirange - stored::int8multirange, doubled
FROM jsonb_to_recordset(%s) AS n(
    city text, device text, stream uuid, seen_at timestamptz, stored text, given_up text, doubled bigint)
ORDER BY city, device, stream
ON CONFLICT ON CONSTRAINT device_streams_pkey DO UPDATE SET
    last_seen_at = greatest(s.last_seen_at, EXCLUDED.last_seen_at),
    stored = s.stored + EXCLUDED.stored,
    given_up = s.given_up + EXCLUDED.given_up - (s.stored + EXCLUDED.stored),
    redelivered = s.redelivered + EXCLUDED.redelivered
        + (SELECT coalesce(sum(upper(r) - lower(r)), 0) FROM unnest(s.stored * EXCLUDED.stored) AS r)
RETURNING city, device, stream, stored + given_up
"""

_READ: Final = """
SELECT s.city, s.device, s.stream, s.stored + s.given_up
FROM device_streams s JOIN jsonb_to_recordset(%s) AS n(city text, device text, stream uuid)
    ON s.city = n.city AND s.device = n.device AND s.stream = n.stream
"""
# Of these numbers those that are stored: hardly ever any.
_FIND_STORED: Final = """
SELECT s.city, s.device, s.stream::text, s.stored * n.came::int8multirange
FROM device_streams s JOIN jsonb_to_recordset(%s) AS n(city text, device text, stream uuid, came text)
    ON s.city = n.city AND s.device = n.device AND s.stream = n.stream
WHERE s.stored && n.came::int8multirange
"""


@dataclass(slots=True, kw_only=True)
class StreamNews:
    """What a batch brought of one outbox."""

    city: str
    device: str
    stream: UUID
    seen_at: datetime
    sequences: list[int] = field(default_factory=list[int])  # in quarantine or stored
    given_up: list[Range] = field(default_factory=list[Range])


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What the device need not send again: stored, in quarantine, or given up."""

    city: str
    device: str
    stream: UUID
    ranges: tuple[Range, ...]  # in order, apart from each other


async def apply_stream_news(cursor: AsyncCursor[tuple[Any, ...]], news: Iterable[StreamNews]) -> list[Settled]:
    """Count the batch in; the answer holds as soon as the transaction is committed."""
    await cursor.execute(_UPSERT, (Jsonb([_record(item) for item in news]),))
    return await _all_settled(cursor)


async def read_settled(cursor: AsyncCursor[tuple[Any, ...]], known: Iterable[Settled]) -> list[Settled]:
    """Tell how the same outboxes stand now, with what other ingesters have stored since."""
    keys = [{"city": item.city, "device": item.device, "stream": str(item.stream)} for item in known]
    await cursor.execute(_READ, (Jsonb(keys),))
    return await _all_settled(cursor)


async def find_stored(
    cursor: AsyncCursor[tuple[Any, ...]], sequences: Mapping[Stream, Iterable[int]]
) -> dict[Stream, set[int]]:
    """Tell which of these numbers are stored, or in quarantine, already."""
    asked = [
        {"city": city, "device": device, "stream": stream, "came": _multirange(runs(numbers))}
        for (city, device, stream), numbers in sequences.items()
    ]
    await cursor.execute(_FIND_STORED, (Jsonb(asked),))
    return {
        (city, device, stream): {number for first, last in _ranges(stored) for number in range(first, last + 1)}
        async for city, device, stream, stored in cursor
    }


def runs(numbers: Iterable[int]) -> list[Range]:
    """Numbers as ranges, in order; doubled ones once: pure."""
    found: list[Range] = []
    for number in sorted(set(numbers)):
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


async def _all_settled(cursor: AsyncCursor[tuple[Any, ...]]) -> list[Settled]:
    return [
        Settled(city=city, device=device, stream=stream, ranges=_ranges(settled))
        async for city, device, stream, settled in cursor
    ]


def _record(news: StreamNews) -> dict[str, object]:
    return {
        "city": news.city,
        "device": news.device,
        "stream": str(news.stream),
        "seen_at": news.seen_at.isoformat(),
        "stored": _multirange(runs(news.sequences)),
        "given_up": _multirange(news.given_up),
        "doubled": len(news.sequences) - len(set(news.sequences)),
    }


def _multirange(ranges: Iterable[Range]) -> str:
    """PostgreSQL's notation; it joins what touches."""
    return "{" + ",".join(f"[{first},{last}]" for first, last in ranges) + "}"


def _ranges(multirange: Multirange[int]) -> tuple[Range, ...]:
    """PostgreSQL gives integer ranges without their upper end."""
    return tuple(
        (part.lower, part.upper - 1) for part in multirange if part.lower is not None and part.upper is not None
    )
