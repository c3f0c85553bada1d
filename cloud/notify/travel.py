"""What guardians are told of those in their care. A mail is open to many eyes: it names nobody and no place."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from cloud.scenarios.safe_travel.model import ALARMS, EventKind
from wire.envelope import make_id

PREFIX: Final = "travel."

# Who has withdrawn is not told about any more; what late news took back is not told at all.
_TAKE: Final = """
WITH taken AS (
    DELETE FROM travel_news WHERE event IN (
        SELECT event FROM travel_news ORDER BY event LIMIT %s FOR UPDATE SKIP LOCKED)
    RETURNING event
)
SELECT t.event, e.kind, e.at, array_remove(array_agg(g.person), NULL) AS guardians
FROM taken t JOIN travel_events e ON e.id = t.event AND e.withdrawn_at IS NULL
LEFT JOIN travel_guardians g ON g.traveller = e.traveller
GROUP BY t.event, e.kind, e.at ORDER BY t.event
"""
_PUT: Final = """
INSERT INTO deliveries (id, channel, target, travel_event, event_ids, payload, created_at, next_at)
VALUES (%s, 'email', %s, %s, '{}', %s, %s, %s) ON CONFLICT ON CONSTRAINT deliveries_travel_event_key DO NOTHING
"""
_URGENT: Final = frozenset(PREFIX + kind for kind in ALARMS)
WORDS: Final = {
    EventKind.BOARDED: ("上车", "boarded a bus"),
    EventKind.LEFT_BUS: ("下车", "left the bus"),
    EventKind.ARRIVED: ("已到达", "arrived"),
    EventKind.NOT_ARRIVED: ("未按约定到达", "has not arrived as agreed"),
    EventKind.ARRIVAL_UNKNOWN: ("是否到达未知", "it is not known whether they arrived"),
    EventKind.LEFT_AREA: ("离开约定区域", "left the agreed area"),
    EventKind.UNUSUAL_HOUR: ("非常规时间出行", "is out at an unusual hour"),
}


def take_news(connection: Connection[Any], *, limit: int) -> list[dict[str, Any]]:
    """Take events that are to be told; they are given back when the transaction fails."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_TAKE, (limit,)).fetchall()


def is_alarm(event: dict[str, Any]) -> bool:
    """Whether it cannot wait for the end of quiet hours."""
    return EventKind(event["kind"]) in ALARMS


def is_urgent(payload: dict[str, Any]) -> bool:
    """The same of what a delivery tells, whatever it is of."""
    return payload["type"] in _URGENT


def put(connection: Connection[Any], event: dict[str, Any], *, target: str, at: datetime, next_at: datetime) -> None:
    """Note that a guardian is to be told."""
    payload = {
        "type": PREFIX + event["kind"],
        "timestamp": event["at"].isoformat(),
        "data": {"id": str(event["event"])},
    }
    connection.execute(_PUT, (UUID(make_id(at)), target, event["event"], Jsonb(payload), at, next_at))


def line_of(payload: dict[str, Any], page: str | None) -> str:
    """One event in words, without its time."""
    chinese, english = WORDS[EventKind(payload["type"].removeprefix(PREFIX))]
    return " ".join([f"{chinese} / {english}", *([f"{page.rstrip('/')}/guardian"] if page else [])])
