"""A write that comes again gets the same answer, not a second effect.

The key is taken in the transaction of the effect: of two at the same time the second waits for the first; what failed
left nothing behind and may be tried again under the same key.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from cloud.db.value import fetch_value
from cloud.errors import KeyReusedError

KEPT_FOR: Final = timedelta(days=14)  # a crew may be without network for long

_TAKE: Final = """
INSERT INTO idempotency_keys (actor, key, request_hash, created_at) VALUES (%s, %s, %s, %s)
ON CONFLICT ON CONSTRAINT idempotency_keys_pkey DO NOTHING
"""
_IS_THE_SAME: Final = """
SELECT coalesce(request_hash = %s, true) FROM idempotency_keys WHERE actor = %s AND key = %s
"""
_FIND: Final = "SELECT status, headers, body FROM idempotency_keys WHERE actor = %s AND key = %s"
_REMEMBER: Final = "UPDATE idempotency_keys SET status = %s, headers = %s, body = %s WHERE actor = %s AND key = %s"
_FORGET: Final = "DELETE FROM idempotency_keys WHERE actor = %s AND key = %s"
_TRIM: Final = "DELETE FROM idempotency_keys WHERE created_at < %s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A write, by who sent it under which key."""

    actor: str
    key: str
    content: bytes  # all that makes it this request: method, path and body

    @property
    def hash(self) -> bytes:
        """SHA-256 of the content."""
        return hashlib.sha256(self.content).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was answered."""

    status: int
    headers: dict[str, str]
    body: str | None
    """As it may lie in the database; none: it was too long, or a file, and is not kept."""


def take(connection: Connection[Any], request: Request, *, at: datetime) -> Answer | None:
    """Take the key; the answer that was given before, if this request has come before.

    Raises:
        KeyReusedError: another request came under this key.
    """
    taken = connection.execute(_TAKE, (request.actor, request.key, request.hash, at))
    if taken.rowcount:
        return None
    if not fetch_value(connection, _IS_THE_SAME, (request.hash, request.actor, request.key)):
        raise KeyReusedError(f"another request came under the key {request.key}: draw a new one")
    with connection.cursor(row_factory=class_row(Answer)) as cursor:
        return cursor.execute(_FIND, (request.actor, request.key)).fetchone()


def remember(connection: Connection[Any], request: Request, answer: Answer) -> None:
    """Keep the answer with the key that this transaction took."""
    values = (answer.status, Jsonb(answer.headers), answer.body, request.actor, request.key)
    connection.execute(_REMEMBER, values)


def forget(connection: Connection[Any], request: Request) -> None:
    """Give the key back that this transaction took."""
    connection.execute(_FORGET, (request.actor, request.key))


def trim(connection: Connection[Any], *, at: datetime) -> int:
    """Forget old keys; returns how many."""
    return connection.execute(_TRIM, (at - KEPT_FOR,)).rowcount
