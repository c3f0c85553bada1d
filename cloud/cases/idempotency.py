"""A write that comes again gets the same answer, not a second effect.

The key is taken in the transaction of the effect: of two at the same time the second waits for the first; what failed
left nothing behind and may be tried again under the same key.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection
from psycopg.types.json import Jsonb

from cloud.errors import KeyReusedError

KEPT_FOR: Final = timedelta(days=14)  # a crew may be without network for long

_TAKE: Final = """
INSERT INTO idempotency_keys (actor, key, request_hash, created_at) VALUES (%s, %s, %s, %s)
ON CONFLICT ON CONSTRAINT idempotency_keys_pkey DO NOTHING
"""
_FIND: Final = "SELECT request_hash, answer FROM idempotency_keys WHERE actor = %s AND key = %s"
_ANSWER: Final = "UPDATE idempotency_keys SET answer = %s WHERE actor = %s AND key = %s"
_TRIM: Final = "DELETE FROM idempotency_keys WHERE created_at < %s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A write, by who sent it under which key."""

    actor: str
    key: str
    content: bytes  # all that makes it this request: path and body

    @property
    def hash(self) -> bytes:
        """SHA-256 of the content."""
        return hashlib.sha256(self.content).digest()


def take(connection: Connection[Any], request: Request, *, at: datetime) -> dict[str, Any] | None:
    """Take the key; the answer that was given before, if this request has come before.

    Raises:
        KeyReusedError: another request came under this key.
    """
    taken = connection.execute(_TAKE, (request.actor, request.key, request.hash, at))
    if taken.rowcount:
        return None
    row = connection.execute(_FIND, (request.actor, request.key)).fetchone()
    if row is None or bytes(row[0]) != request.hash or row[1] is None:
        raise KeyReusedError(f"another request came under the key {request.key}")
    answer: dict[str, Any] = row[1]
    return answer


def remember(connection: Connection[Any], request: Request, answer: dict[str, Any]) -> None:
    """Keep the answer with the key that this transaction took."""
    connection.execute(_ANSWER, (Jsonb(answer), request.actor, request.key))


def trim(connection: Connection[Any], *, at: datetime) -> int:
    """Forget old keys; returns how many."""
    return connection.execute(_TRIM, (at - KEPT_FOR,)).rowcount
