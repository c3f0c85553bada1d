"""What was heard of each bus and stop by the day: by which way it came, how late, and how many tags it told of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncCursor

LATE_S: Final = (10.0, 60.0, 600.0, 3600.0, 21_600.0)
"""Bounds of how late messages are counted: up to 10 s, a minute, ten minutes, an hour, six hours, and later."""

# What is stored already, or comes twice in one batch, is counted once: as it came first. The devices are locked.
_NOTE: Final = """
WITH came AS (
    SELECT DISTINCT ON (city, device, stream, sequence) * FROM unnest(%(city)s::text[], %(device)s::text[],
        %(stream)s::uuid[], %(sequence)s::int8[], %(way)s::text[], %(at)s::timestamptz[], %(late_s)s::float8[],
        %(tags)s::int4[]) AS c(city, device, stream, sequence, way, at, late_s, tags)
    ORDER BY city, device, stream, sequence, at
), fresh AS (
    SELECT c.city, c.device, c.way, c.at, c.tags, width_bucket(c.late_s, %(bounds)s::float8[]) AS late
    FROM came c LEFT JOIN device_streams s ON s.city = c.city AND s.device = c.device AND s.stream = c.stream
    WHERE NOT coalesce(s.stored @> c.sequence, false)
)
INSERT INTO heard_days AS h (city, day, device, way, messages, tags, last_at, hours, late)
SELECT city, (at AT TIME ZONE 'UTC')::date, device, way, count(*), sum(tags), max(at),
    bit_or(1 << extract(hour FROM at AT TIME ZONE 'UTC')::int),
    ARRAY[count(*) FILTER (WHERE late = 0), count(*) FILTER (WHERE late = 1), count(*) FILTER (WHERE late = 2),
        count(*) FILTER (WHERE late = 3), count(*) FILTER (WHERE late = 4), count(*) FILTER (WHERE late = 5)]
FROM fresh GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
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
    stream: UUID
    sequence: int
    stop: str | None  # that carried it; none: by the device's own network
    at: datetime  # when it was received
    late_s: float | None  # since it was taken; none where the device's clock is not to be believed
    tags: int


async def note_heard(cursor: AsyncCursor[tuple[Any, ...]], heard: Sequence[Heard]) -> None:
    """Count a batch in, before its numbers are: what is stored already does not count again."""
    if not heard:
        return
    columns = {
        "city": [item.city for item in heard],
        "device": [item.device for item in heard],
        "stream": [item.stream for item in heard],
        "sequence": [item.sequence for item in heard],
        "way": [item.stop or "" for item in heard],
        "at": [item.at for item in heard],
        "late_s": [item.late_s for item in heard],
        "tags": [item.tags for item in heard],
    }
    await cursor.execute(_NOTE, {**columns, "bounds": list(LATE_S)})
