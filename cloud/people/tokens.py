"""Tokens for programs: each with its scopes and its end, kept as a hash."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection, Connection
from psycopg.rows import class_row

from cloud.errors import PersonError
from cloud.people.model import Actor, Role
from cloud.people.permissions import FOR_TOKENS, GRANTS, Permission
from cloud.people.random_secret import draw, hash_of
from wire.envelope import make_id

PREFIX: Final = "bst_"
MAX_TOKENS: Final = 50
_USED_EVERY: Final = timedelta(minutes=1)

_INSERT: Final = """
INSERT INTO api_tokens (id, token_sha256, person, label, scopes, created_at, expires_at)
VALUES (%(id)s, %(hash)s, %(person)s, %(label)s, %(scopes)s, %(at)s, %(expires_at)s)
"""
_FIND: Final = """
SELECT t.id, t.scopes, t.last_used_at, p.name, p.role, p.unit, p.crew, p.areas
FROM api_tokens t JOIN people p ON p.name = t.person
WHERE t.token_sha256 = %(hash)s AND t.ended_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > %(at)s)
    AND p.disabled_at IS NULL
"""
_LIST: Final = """
SELECT id, label, scopes, created_at, expires_at, last_used_at FROM api_tokens
WHERE person = %(person)s AND ended_at IS NULL AND (expires_at IS NULL OR expires_at > %(at)s) ORDER BY id
"""
_END: Final = "UPDATE api_tokens SET ended_at = %s WHERE id = %s AND person = %s AND ended_at IS NULL"
_END_ALL: Final = "UPDATE api_tokens SET ended_at = %s WHERE person = %s AND ended_at IS NULL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token as its owner sees it; the secret itself was shown once."""

    id: UUID
    label: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


def add_token(
    connection: Connection[Any],
    actor: Actor,
    *,
    label: str,
    scopes: frozenset[Permission],
    at: datetime,
    expires_at: datetime | None,
    secret: str | None = None,
) -> str:
    """Make a token of an account and give its secret, which is drawn unless it was drawn before.

    Raises:
        PersonError: a scope that the role or a token cannot have, or too many tokens.
    """
    if beyond := scopes - (FOR_TOKENS & GRANTS[actor.role]):
        raise PersonError(f"a token of {actor.role} cannot be for {', '.join(sorted(beyond))}")
    if not scopes:
        raise PersonError("a token is for something")
    if len(list_tokens(connection, actor.name, at=at)) >= MAX_TOKENS:
        raise PersonError(f"at most {MAX_TOKENS} tokens: end one first")
    drawn = secret or draw(PREFIX)
    values = {
        "id": UUID(make_id(at)),
        "hash": hash_of(drawn),
        "person": actor.name,
        "label": label,
        "scopes": sorted(scopes),
        "at": at,
        "expires_at": expires_at,
    }
    connection.execute(_INSERT, values)
    return drawn


async def find_token(
    connection: AsyncConnection[Any], secret: str, *, at: datetime
) -> tuple[frozenset[Permission], Actor] | None:
    """Tell whose token it is and what for, and that it was used."""
    cursor = await connection.execute(_FIND, {"hash": hash_of(secret), "at": at})
    row = await cursor.fetchone()
    if row is None:
        return None
    token_id, scopes, last_used_at, name, role, unit, crew, areas = row
    if last_used_at is None or at - last_used_at > _USED_EVERY:
        await connection.execute("UPDATE api_tokens SET last_used_at = %s WHERE id = %s", (at, token_id))
    actor = Actor(name=name, role=Role(role), unit=unit, crew=crew, areas=tuple(areas))
    return frozenset(Permission(scope) for scope in scopes), actor


def list_tokens(connection: Connection[Any], person: str, *, at: datetime) -> list[Token]:
    """List somebody's tokens, the oldest first."""
    with connection.cursor(row_factory=class_row(Token)) as cursor:
        return cursor.execute(_LIST, {"person": person, "at": at}).fetchall()


def end_token(connection: Connection[Any], token_id: UUID, *, person: str, at: datetime) -> bool:
    """End one of somebody's tokens; whether there was one."""
    return connection.execute(_END, (at, token_id, person)).rowcount == 1


def end_tokens(connection: Connection[Any], person: str, *, at: datetime) -> None:
    """End all of somebody's tokens."""
    connection.execute(_END_ALL, (at, person))
