"""Chains of lines: who did what, when and why, with a case, a request, a traveller, a driver, a finding or a thing.

Lines never change.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from cloud.cases.model import FIRST_HASH, Details, HistoryLine, Reason

_LAST: Final = "SELECT serial, hash FROM {table} WHERE {subject} = %s ORDER BY serial DESC LIMIT 1"
_APPEND: Final = """
INSERT INTO {table} ({subject}, serial, at, actor, action, reason, from_state, to_state, previous_hash, hash, details)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_LINES: Final = """
SELECT {subject} AS case_id, serial, at, actor, action, reason, from_state, to_state, previous_hash, hash, details
FROM {table}
"""
_OF_ONE: Final = _LINES + "WHERE {subject} = %s ORDER BY serial"
_OF_ALL: Final = _LINES + "ORDER BY {subject}, serial"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What is to be written down."""

    at: datetime
    actor: str
    action: str
    reason: Reason
    to_state: str
    from_state: str | None = None
    details: Details


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A table of chains, one for each subject."""

    table: LiteralString
    subject: LiteralString
    what: LiteralString

    def append(self, connection: Connection[Any], subject: UUID, deed: Deed) -> int:
        """Append to the chain of a subject that is locked (or new), in the caller's transaction; returns its serial."""
        last = connection.execute(self.of(_LAST), (subject,)).fetchone()
        serial, previous_hash = (int(last[0]) + 1, bytes(last[1])) if last else (1, FIRST_HASH)
        line = HistoryLine(
            case_id=str(subject),
            serial=serial,
            at=deed.at,
            actor=deed.actor,
            action=deed.action,
            reason=deed.reason,
            from_state=deed.from_state,
            to_state=deed.to_state,
            previous_hash=previous_hash,
            details=deed.details,
        )
        words = Jsonb({"zh": deed.reason.zh, "en": deed.reason.en})
        values = (subject, serial, deed.at, deed.actor, deed.action, words, deed.from_state, deed.to_state)
        connection.execute(self.of(_APPEND), (*values, previous_hash, line.hash, Jsonb(dict(deed.details))))
        return serial

    def read(self, connection: Connection[Any], subject: UUID) -> list[tuple[HistoryLine, bytes]]:
        """Lines of a subject, each with the hash that was stored with it; what `first_broken_line` checks."""
        with connection.cursor(row_factory=dict_row) as cursor:
            return [line_of(row) for row in cursor.execute(self.of(_OF_ONE), (subject,)).fetchall()]

    @property
    def of_all(self) -> LiteralString:
        """Statement for the lines of all subjects, one after the other, for `line_of`."""
        return self.of(_OF_ALL)

    def of(self, statement: LiteralString) -> LiteralString:
        """A statement about this table; `{table}` and `{subject}` stand for its names."""
        return statement.format(table=self.table, subject=self.subject)


CASES: Final = Chain(table="case_history", subject="case_id", what="case")
REQUESTS: Final = Chain(table="data_request_history", subject="request_id", what="request")
TRAVELLERS: Final = Chain(table="travel_history", subject="traveller", what="traveller")
DRIVERS: Final = Chain(table="driver_history", subject="record", what="driver")
DECISIONS: Final = Chain(table="finding_decision_history", subject="decision", what="decision on findings")
REMOVALS: Final = Chain(table="inventory.removal_history", subject="removal", what="removal of a thing")
CHAINS: Final = (CASES, REQUESTS, TRAVELLERS, DRIVERS, DECISIONS, REMOVALS)


def line_of(row: dict[str, Any]) -> tuple[HistoryLine, bytes]:
    """Shape a row of a history: the line, and the hash that was stored with it."""
    line = HistoryLine(
        case_id=str(row["case_id"]),
        serial=row["serial"],
        at=row["at"],
        actor=row["actor"],
        action=row["action"],
        reason=Reason(**row["reason"]),
        from_state=row["from_state"],
        to_state=row["to_state"],
        previous_hash=bytes(row["previous_hash"]),
        details=row["details"],
    )
    return line, bytes(row["hash"])
