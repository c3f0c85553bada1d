"""What holds for every look at somebody's whereabouts. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Literal
from uuid import UUID

from cloud.errors import LookError

ASKED_FOR: Final = timedelta(hours=1)
"""Nobody approves what was asked long ago."""
ONE_LOOK: Final = timedelta(minutes=5)
"""A page that follows what comes is one look."""

LookState = Literal["asked", "open", "closed"]


class LookDeed(StrEnum):
    """What was done with a look."""

    ASK = "ask_to_look"
    APPROVE = "approve_look"
    REFUSE = "refuse_look"
    LOOK = "look"
    CLOSE = "close_look"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A look as it was asked for, and what became of it."""

    id: UUID
    kind: str
    purpose: str
    minutes: int
    asked_at: datetime
    asked_by: str
    approved_at: datetime | None = None
    approved_by: str | None = None
    until_at: datetime | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None
    outcome: str | None = None

    def state(self, at: datetime) -> LookState:
        """Whether one may look; time ends it without anybody's doing."""
        if self.closed_at is not None or (self.until_at is not None and self.until_at <= at):
            return "closed"
        if self.until_at is None:
            return "asked" if at - self.asked_at < ASKED_FOR else "closed"
        return "open"


def require_box(*, minutes: int, longest_min: int) -> None:
    """Refuse a look without an end.

    Raises:
        LookError: it is too long.
    """
    if not 0 < minutes <= longest_min:
        raise LookError(f"at most {longest_min} minutes are given for this")


def end_when_approved(look: Look, *, by: str, at: datetime) -> datetime:
    """When a look ends that somebody approves now.

    Raises:
        LookError: it was asked by the same person, or cannot be approved any more.
    """
    if look.state(at) != "asked":
        raise LookError("this look does not wait for an approval")
    if look.asked_by == by:
        raise LookError("another person than the one who asks has to approve it")
    return at + timedelta(minutes=look.minutes)


def require_open(look: Look, *, at: datetime) -> None:
    """Let nobody look before a second person and after the end.

    Raises:
        LookError: it is not open.
    """
    if look.state(at) != "open":
        raise LookError("this look is not open: it waits for a second person, or is over")


def how_it_ends(look: Look) -> LookDeed:
    """What it is to close a look now.

    Raises:
        LookError: it is over already.
    """
    if look.closed_at is not None:
        raise LookError("this look is over")
    return LookDeed.REFUSE if look.approved_at is None else LookDeed.CLOSE
