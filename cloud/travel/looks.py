"""Looks at the whereabouts of those who travel with a tag, under a consent; guardians read them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

from psycopg import Connection

from cloud.cases.chain import TRAVELLERS
from cloud.db.value import fetch_value
from cloud.errors import LookError, LookNotFoundError
from cloud.looks.door import LookDoor, LookTable
from cloud.looks.rules import Look, require_box
from cloud.people.model import Role
from cloud.travel.history import lock
from cloud.travel.people import has_consent
from wire.envelope import make_id

LookKind = Literal["history", "search"]
LONGEST_MIN: Final = {"history": 60, "search": 1440}

IS_WARD: Final = "SELECT EXISTS (SELECT FROM travel_guardians WHERE traveller = %s AND person = %s)"


@dataclass(frozen=True, slots=True, kw_only=True)
class TravelLook(Look):
    """A look at somebody's recent whereabouts, or for somebody who is lost."""

    kind: LookKind
    traveller: UUID


TRAVEL_LOOKS: Final = LookTable(
    look=TravelLook, table="travel_looks", own=("traveller",), desk=Role.CARE, chain=TRAVELLERS
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks(LookDoor[TravelLook]):
    """What somebody does with looks at one time, within the caller's transaction."""

    @property
    def kept(self) -> LookTable[TravelLook]:
        return TRAVEL_LOOKS

    def ask(self, traveller: UUID, *, kind: LookKind, purpose: str, minutes: int) -> UUID:
        """Ask for a look.

        Raises:
            LookError: there is no consent to it, or it is too long.
        """
        require_box(minutes=minutes, longest_min=LONGEST_MIN[kind])
        lock(self.connection, traveller)
        return self.put(
            TravelLook(
                id=UUID(make_id(self.at)),
                traveller=traveller,
                kind=kind,
                purpose=purpose,
                minutes=minutes,
                asked_at=self.at,
                asked_by=self.actor.name,
            )
        )

    def require_grounds(self, look: TravelLook) -> None:
        cover = "journeys" if look.kind == "history" else "search"
        if not has_consent(self.connection, look.traveller, cover, at=self.at):
            raise LookError("there is no consent to this")

    def require_part(self, look: TravelLook) -> None:
        """A guardian has part in looks at those in their care, and only there."""
        if self.actor.role is Role.GUARDIAN and not is_guardian(self.connection, look.traveller, self.actor.name):
            raise LookNotFoundError(f"there is no look {look.id}")

    def chains_of(self, look: TravelLook) -> Sequence[UUID]:
        lock(self.connection, look.traveller)
        return (look.traveller,)


def is_guardian(connection: Connection[Any], traveller: UUID, person: str) -> bool:
    """Whether somebody is in this person's care."""
    return fetch_value(connection, IS_WARD, (traveller, person))


def looks_of(connection: Connection[Any], traveller: UUID) -> list[TravelLook]:
    """The looks at somebody, newest first."""
    return TRAVEL_LOOKS.read(connection, "WHERE traveller = %s ORDER BY asked_at DESC, id DESC LIMIT 200", traveller)
