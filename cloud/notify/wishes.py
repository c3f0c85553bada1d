"""What people want to be told of by mail, as they set it for themselves; never more than they may see."""

from dataclasses import dataclass
from datetime import time
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row, dict_row

from cloud.cases.handling import Handling
from cloud.cases.model import Action
from cloud.cases.scope import scope_of
from cloud.notify.targets import USUAL
from cloud.people.model import Actor, Role
from cloud.people.scope import Scope

_READ: Final = "SELECT address, classes, quiet_from, quiet_to, digest_min FROM notice_wishes WHERE person = %s"
_WRITE: Final = """
INSERT INTO notice_wishes (person, address, classes, quiet_from, quiet_to, digest_min)
VALUES (%(person)s, %(address)s, %(classes)s, %(quiet_from)s, %(quiet_to)s, %(digest_min)s)
ON CONFLICT ON CONSTRAINT notice_wishes_pkey DO UPDATE SET address = EXCLUDED.address, classes = EXCLUDED.classes,
    quiet_from = EXCLUDED.quiet_from, quiet_to = EXCLUDED.quiet_to, digest_min = EXCLUDED.digest_min
"""
_DROP: Final = "DELETE FROM notice_wishes WHERE person = %s"
_SUBSCRIBERS: Final = """
SELECT p.name, p.role, p.unit, p.areas, w.address, w.classes, w.quiet_from, w.quiet_to, w.digest_min
FROM notice_wishes w JOIN people p ON p.name = w.person
WHERE p.disabled_at IS NULL ORDER BY p.name
"""
PREFIX: Final = "@"  # before an account's name, where the keys of the notification file stand as they are


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants."""

    address: str
    classes: list[str]
    """None of them: of all."""
    quiet_from: time | None
    quiet_to: time | None
    digest_min: int

    @property
    def quiet(self) -> tuple[time, time] | None:
        """Hours of the county's clock in which nothing is sent."""
        if self.quiet_from is None or self.quiet_to is None:
            return None
        return self.quiet_from, self.quiet_to


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """Somebody with an account who wants to be told."""

    name: str
    role: Role
    scope: Scope
    wish: Wish

    @property
    def key(self) -> str:
        return PREFIX + self.name

    def wants(self, event: dict[str, Any]) -> bool:
        """Whether a line of a case's history is told: within what the person may see, and not what they did.

        An escalation to somebody, or to a role, is told to them whatever classes they chose.
        """
        is_to_me = event["details"].get("to") in {self.name, self.role}
        return (
            Action(event["action"]) in USUAL
            and event["actor"] != self.name
            and (is_to_me or not self.wish.classes or event["class_code"] in self.wish.classes)
            and self.scope.has_case(unit=event["unit"], lon=event["lon"], lat=event["lat"])
        )


def read_wish(connection: Connection[Any], person: str) -> Wish | None:
    """What somebody wants; None who wants nothing."""
    with connection.cursor(row_factory=class_row(Wish)) as cursor:
        return cursor.execute(_READ, (person,)).fetchone()


def write_wish(connection: Connection[Any], person: str, wish: Wish) -> None:
    """Set what somebody wants."""
    values = {name: getattr(wish, name) for name in Wish.__slots__}
    connection.execute(_WRITE, {"person": person, **values})


def drop_wish(connection: Connection[Any], person: str) -> None:
    """Tell somebody nothing any longer."""
    connection.execute(_DROP, (person,))


def read_subscribers(connection: Connection[Any], handling: Handling) -> list[Subscriber]:
    """Everybody who may sign in and wants to be told."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return [_subscriber(row, handling) for row in cursor.execute(_SUBSCRIBERS)]


def _subscriber(row: dict[str, Any], handling: Handling) -> Subscriber:
    actor = Actor(name=row["name"], role=Role(row["role"]), unit=row["unit"], areas=tuple(row["areas"]))
    wish = Wish(**{name: row[name] for name in Wish.__slots__})
    return Subscriber(name=actor.name, role=actor.role, scope=scope_of(actor, handling), wish=wish)
