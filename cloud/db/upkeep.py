"""The record of who did what with messages of the quarantine and with work set aside."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from psycopg.types.json import Jsonb

COMMAND_LINE: Final = "command line"

INSERT: Final = """
INSERT INTO upkeep_log (actor, thing, number, action, reason, details)
VALUES (%(actor)s, %(thing)s, %(number)s, %(action)s, %(reason)s, %(details)s)
"""
LIST: Final = """
SELECT at, actor, action, reason, details FROM upkeep_log WHERE thing = %(thing)s AND number = %(number)s
ORDER BY id
"""


class Thing(StrEnum):
    """What it was done with."""

    QUARANTINE = "quarantine"
    SET_ASIDE = "set_aside"


class Deed(StrEnum):
    """What was done."""

    REPLAY = "replay"
    RETURN = "return"
    DISCARD = "discard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something to be noted, in the transaction in which it is done."""

    actor: str
    thing: Thing
    number: int
    action: Deed
    reason: str | None = None
    details: dict[str, Any] = field(default_factory=dict[str, Any])

    def values(self) -> dict[str, Any]:
        """Values of INSERT."""
        return {
            "actor": self.actor,
            "thing": self.thing,
            "number": self.number,
            "action": self.action,
            "reason": self.reason,
            "details": Jsonb(self.details),
        }
