"""Who did what with somebody's data: a chain of lines for each person, which their guardians read."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from cloud.cases import chain
from cloud.cases.model import Details, Reason

_LOCK: Final = "SELECT id FROM travel_people WHERE id = %s FOR UPDATE"
_NO_WORDS: Final = Reason(zh="", en="")


class Deed(StrEnum):
    """What was done, beside looks."""

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
    ERASE = "erase"


def append(
    connection: Connection[Any],
    traveller: UUID,
    deed: Deed,
    *,
    at: datetime,
    actor: str,
    details: Details | None = None,
) -> None:
    """Append a line to somebody's chain, in the caller's transaction."""
    lock(connection, traveller)
    line = chain.Deed(at=at, actor=actor, action=deed, reason=_NO_WORDS, to_state=deed, details=details or {})
    chain.TRAVELLERS.append(connection, traveller, line)


def lock(connection: Connection[Any], traveller: UUID) -> None:
    """Keep somebody's chain until the end of the transaction."""
    connection.execute(_LOCK, (traveller,))
