"""Sessions of browsers, and which browsers have signed in before."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection, Connection
from psycopg.rows import class_row

from cloud.people.links import drop_link
from cloud.people.model import Actor, Role
from cloud.people.random_secret import draw, hash_of
from wire.envelope import make_id

IDLE: Final = timedelta(hours=12)
IDLE_OF_CREW: Final = timedelta(days=7)
"""A crew's phone may be without network for days."""
LONGEST: Final = timedelta(days=30)
KNOWN_FOR: Final = timedelta(days=180)
_SEEN_EVERY: Final = timedelta(minutes=1)

_INSERT: Final = """
INSERT INTO sessions (id, token_sha256, person, way, browser, address, created_at, last_seen_at, idle_s, expires_at)
VALUES (%(id)s, %(hash)s, %(person)s, %(way)s, %(browser)s, %(address)s, %(at)s, %(at)s, %(idle_s)s, %(expires_at)s)
"""
_LIVES: Final = """
s.ended_at IS NULL AND s.expires_at > %(at)s AND s.last_seen_at + make_interval(secs => s.idle_s) > %(at)s
"""
_FIND: Final = (
    """
SELECT s.id, s.last_seen_at, p.name, p.role, p.unit, p.crew, p.areas FROM sessions s JOIN people p ON p.name = s.person
WHERE s.token_sha256 = %(hash)s AND p.disabled_at IS NULL AND
"""
    + _LIVES
)
_LIST: Final = (
    """
SELECT s.id, s.way, s.browser, s.address, s.created_at, s.last_seen_at FROM sessions s WHERE s.person = %(person)s AND
"""
    + _LIVES
    + "ORDER BY s.last_seen_at DESC, s.id LIMIT 200"
)
_END_ONE: Final = "UPDATE sessions SET ended_at = %s WHERE id = %s AND person = %s AND ended_at IS NULL"
_END_ALL: Final = """
UPDATE sessions SET ended_at = %(at)s
WHERE person = %(person)s AND ended_at IS NULL AND id IS DISTINCT FROM %(but)s::uuid
"""
_SUIT: Final = "UPDATE sessions SET idle_s = %s WHERE person = %s AND ended_at IS NULL"
_KNOW: Final = "INSERT INTO known_browsers (token_sha256, person, known_at) VALUES (%s, %s, %s)"
_IS_KNOWN: Final = "SELECT FROM known_browsers WHERE token_sha256 = %s AND person = %s AND known_at > %s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session as its owner sees it."""

    id: UUID
    way: str
    browser: str
    address: str
    created_at: datetime
    last_seen_at: datetime


def open_session(
    connection: Connection[Any], actor: Actor, *, way: str, browser: str, address: str, at: datetime
) -> str:
    """Open a session and give its secret."""
    secret = draw()
    values = {
        "id": UUID(make_id(at)),
        "hash": hash_of(secret),
        "person": actor.name,
        "way": way,
        "browser": browser[:200],
        "address": address,
        "at": at,
        "idle_s": _idle_of(actor.role).total_seconds(),
        "expires_at": at + LONGEST,
    }
    connection.execute(_INSERT, values)
    return secret


async def find_session(connection: AsyncConnection[Any], secret: str, *, at: datetime) -> tuple[UUID, Actor] | None:
    """Tell whose session it is, and that it was used."""
    cursor = await connection.execute(_FIND, {"hash": hash_of(secret), "at": at})
    row = await cursor.fetchone()
    if row is None:
        return None
    session_id, last_seen_at, name, role, unit, crew, areas = row
    if at - last_seen_at > _SEEN_EVERY:
        await connection.execute("UPDATE sessions SET last_seen_at = %s WHERE id = %s", (at, session_id))
    return session_id, Actor(name=name, role=Role(role), unit=unit, crew=crew, areas=tuple(areas))


def list_sessions(connection: Connection[Any], person: str, *, at: datetime) -> list[Session]:
    """List somebody's open sessions, the last used first."""
    with connection.cursor(row_factory=class_row(Session)) as cursor:
        return cursor.execute(_LIST, {"person": person, "at": at}).fetchall()


def end_session(connection: Connection[Any], session_id: UUID, *, person: str, at: datetime) -> bool:
    """End one of somebody's sessions; whether there was one."""
    return connection.execute(_END_ONE, (at, session_id, person)).rowcount == 1


def end_sessions(connection: Connection[Any], person: str, *, at: datetime, but: UUID | None = None) -> None:
    """End all of somebody's sessions, or all but one; a one-time link of theirs is not good any longer either."""
    connection.execute(_END_ALL, {"person": person, "at": at, "but": but})
    drop_link(connection, person)


def suit_sessions(connection: Connection[Any], person: str, role: Role) -> None:
    """Let somebody's open sessions idle as long as those of the role that the account has now."""
    connection.execute(_SUIT, (_idle_of(role).total_seconds(), person))


def know_browser(connection: Connection[Any], person: str, *, at: datetime) -> str:
    """Remember that somebody signed in here, and give the proof of it."""
    proof = draw()
    connection.execute("DELETE FROM known_browsers WHERE known_at < %s", (at - KNOWN_FOR,))
    connection.execute(_KNOW, (hash_of(proof), person, at))
    return proof


def is_known_browser(connection: Connection[Any], person: str, proof: str, *, at: datetime) -> bool:
    """Whether a browser proves that this person signed in with it."""
    return connection.execute(_IS_KNOWN, (hash_of(proof), person, at - KNOWN_FOR)).fetchone() is not None


def _idle_of(role: Role) -> timedelta:
    return IDLE_OF_CREW if role is Role.CREW else IDLE
