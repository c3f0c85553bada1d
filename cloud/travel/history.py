"""Who did what with somebody's data: a chain of lines for each person, which their guardians read."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from cloud.cases.model import FIRST_HASH, Details, HistoryLine, Reason
from cloud.cases.repository import history_line_of

_LOCK: Final = "SELECT id FROM travel_people WHERE id = %s FOR UPDATE"
_LAST_LINE: Final = "SELECT serial, hash FROM travel_history WHERE traveller = %s ORDER BY serial DESC LIMIT 1"
_APPEND: Final = """
INSERT INTO travel_history (
    traveller, serial, at, actor, action, reason, from_state, to_state, previous_hash, hash, details)
VALUES (%s, %s, %s, %s, %s, %s, NULL, %s, %s, %s, %s)
"""
_LINES: Final = """
SELECT traveller AS case_id, serial, at, actor, action, reason, from_state, to_state, previous_hash, hash, details
FROM travel_history WHERE traveller = %s ORDER BY serial
"""


class Deed(StrEnum):
    """What was done."""

    ADD = "add"
    CONSENT = "consent"
    WITHDRAW = "withdraw"
    ADD_TAG = "add_tag"
    RENEW_BATTERY = "renew_battery"
    END_TAG = "end_tag"
    ADD_GUARDIAN = "add_guardian"
    END_GUARDIAN = "end_guardian"
    AGREE = "agree"
    END_JOURNEY = "end_journey"
    ASK_TO_LOOK = "ask_to_look"
    APPROVE_LOOK = "approve_look"
    REFUSE_LOOK = "refuse_look"
    LOOK = "look"
    CLOSE_LOOK = "close_look"
    ERASE = "erase"


def append(
    connection: Connection[Any],
    traveller: UUID,
    deed: Deed,
    *,
    at: datetime,
    actor: str,
    purpose: str = "",
    details: Details | None = None,
) -> None:
    """Append a line to somebody's chain, in the caller's transaction."""
    connection.execute(_LOCK, (traveller,))
    last = connection.execute(_LAST_LINE, (traveller,)).fetchone()
    serial, previous_hash = (int(last[0]) + 1, bytes(last[1])) if last else (1, FIRST_HASH)
    line = HistoryLine(
        case_id=str(traveller),
        serial=serial,
        at=at,
        actor=actor,
        action=deed,
        reason=Reason(zh=purpose, en=purpose),
        from_state=None,
        to_state=deed,
        previous_hash=previous_hash,
        details=details or {},
    )
    words = Jsonb({"zh": purpose, "en": purpose})
    values = (traveller, serial, at, actor, deed, words, deed, previous_hash, line.hash)
    connection.execute(_APPEND, (*values, Jsonb(dict(line.details))))


def read_lines(connection: Connection[Any], traveller: UUID) -> list[tuple[HistoryLine, bytes]]:
    """Lines of somebody's chain, each with the hash that was stored with it."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return [history_line_of(row) for row in cursor.execute(_LINES, (traveller,)).fetchall()]
