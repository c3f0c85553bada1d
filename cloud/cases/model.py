"""What a case is."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from cloud.people.model import Actor as Actor  # noqa: PLC0414 - who acts belongs to the words of a case
from cloud.people.model import Role as Role  # noqa: PLC0414

FIRST_HASH: Final = bytes(32)


class CaseState(StrEnum):
    """Where a case stands."""

    REPORTED = "reported"
    FILED = "filed"
    DISPATCHED = "dispatched"
    ACCEPTED = "accepted"
    DONE = "done"
    VERIFIED = "verified"
    CLOSED = "closed"
    REJECTED = "rejected"
    RETURNED = "returned"
    SUSPENDED = "suspended"
    REOPENED = "reopened"
    MERGED = "merged"


class Action(StrEnum):
    """What can be done with a case."""

    OPEN = "open"
    FILE = "file"
    ADD_SIGHTING = "add_sighting"
    WITHDRAW = "withdraw"
    REJECT = "reject"
    CORRECT = "correct"
    DISPATCH = "dispatch"
    REASSIGN = "reassign"
    ACCEPT = "accept"
    ARRIVE = "arrive"
    ADD_PHOTO = "add_photo"
    RETURN = "return"
    ASK_SUSPENSION = "ask_suspension"
    DECLINE_SUSPENSION = "decline_suspension"
    SUSPEND = "suspend"
    RESUME = "resume"
    DONE = "done"
    CALL_PERSON = "call_person"
    VERIFY = "verify"
    REOPEN = "reopen"
    CLOSE = "close"
    MERGE = "merge"
    SEPARATE = "separate"
    COMMENT = "comment"
    WARN = "warn"
    OVERDUE = "overdue"
    ESCALATE = "escalate"


Detail = str | int | float | bool | None | list[str]
Details = Mapping[str, Detail]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why something was done, for people."""

    zh: str
    en: str

    @classmethod
    def as_written(cls, words: str) -> "Reason":
        """What a person wrote is shown to everybody as it was written."""
        return cls(zh=words, en=words)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLine:
    """Who did what, when and why, with a case or a request; the hash binds it to the line before."""

    case_id: str
    serial: int
    at: datetime
    actor: str
    action: str
    reason: Reason
    from_state: str | None
    to_state: str
    previous_hash: bytes
    details: Details = field(default_factory=dict[str, Detail])

    @property
    def hash(self) -> bytes:
        """SHA-256 over all fields in a fixed form; details came later and only count where there are any."""
        fields: list[object] = [
            self.case_id,
            self.serial,
            self.at.astimezone(UTC).isoformat(timespec="microseconds"),
            self.actor,
            self.action,
            [self.reason.zh, self.reason.en],
            self.from_state,
            self.to_state,
            self.previous_hash.hex(),
        ]
        if self.details:
            fields.append(dict(sorted(self.details.items())))
        return hashlib.sha256(json.dumps(fields, ensure_ascii=True, separators=(",", ":")).encode()).digest()


def first_broken_line(lines: Sequence[tuple[HistoryLine, bytes]]) -> int | None:
    """Serial of the first line of a case that was changed, or that misses the one before it.

    `lines` are a case's lines in their order, each with the hash that was stored with it.
    """
    expected_hash = FIRST_HASH
    for serial, (line, stored_hash) in enumerate(lines, start=1):
        if line.serial != serial or line.previous_hash != expected_hash or line.hash != stored_hash:
            return serial
        expected_hash = stored_hash
    return None


def case_number(*, city: str, year: int, serial: int) -> str:
    """Number that people use, such as `demo-2026-000042`."""
    return f"{city}-{year}-{serial:06d}"
