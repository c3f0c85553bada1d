"""Requests in the database."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from cloud.db.value import fetch_value
from cloud.errors import RequestNotFoundError
from cloud.requests.model import RequestKind, RequestRow, RequestState, Step

_NEXT_SERIAL: Final = """
INSERT INTO data_request_numbers AS n (city, year, last) VALUES (%s, %s, 1)
ON CONFLICT ON CONSTRAINT data_request_numbers_pkey DO UPDATE SET last = n.last + 1 RETURNING last
"""
_INSERT: Final = """
INSERT INTO data_requests (id, city, number, kind, state, received_at, warn_at, due_at)
VALUES (%(id)s, %(city)s, %(number)s, %(kind)s, %(state)s, %(received_at)s, %(warn_at)s, %(due_at)s)
"""
_INSERT_PERSON: Final = "INSERT INTO data_request_persons (request_id, wish) VALUES (%s, %s)"
_COLUMNS: Final = """
SELECT id, number, kind, state, version, received_at, warn_at, due_at, decided_at, closed_at FROM data_requests
"""
_LOCK: Final = _COLUMNS + "WHERE id = %s FOR UPDATE"
_UPDATE: Final = """
UPDATE data_requests SET state = %(state)s, version = version + 1, decided_at = %(decided_at)s,
    closed_at = %(closed_at)s WHERE id = %(id)s
"""
_ANSWER: Final = "UPDATE data_request_persons SET answer = %s WHERE request_id = %s"
_CLOSE_PERSON: Final = "UPDATE data_request_persons SET closed_at = %s WHERE request_id = %s"
_DUE: Final = """
SELECT id, overdue_at IS NULL AND due_at <= %(at)s FROM data_requests
WHERE state IN ('received', 'identity_checked')
    AND (overdue_at IS NULL AND due_at <= %(at)s OR warned_at IS NULL AND overdue_at IS NULL AND warn_at <= %(at)s)
ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED
"""
_WARNED: Final = "UPDATE data_requests SET warned_at = %s WHERE id = %s"
_OVERDUE: Final = "UPDATE data_requests SET overdue_at = %s WHERE id = %s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A request whose clock has come to a mark."""

    request_id: UUID
    step: Step


def next_serial(connection: Connection[Any], *, city: str, year: int) -> int:
    """Number the next request of a year, without gaps."""
    return fetch_value(connection, _NEXT_SERIAL, (city, year))


def insert(connection: Connection[Any], request: RequestRow, *, city: str, wish: str) -> None:
    """Put in a request, and apart from it what its sender wrote."""
    connection.execute(_INSERT, asdict(request) | {"city": city})
    connection.execute(_INSERT_PERSON, (request.id, wish))


def lock(connection: Connection[Any], request_id: UUID) -> RequestRow:
    """Read a request and keep it until the end of the transaction.

    Raises:
        RequestNotFoundError: there is no such request.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_LOCK, (request_id,)).fetchone()
    if row is None:
        raise RequestNotFoundError(f"there is no request {request_id}")
    row["kind"], row["state"] = RequestKind(row["kind"]), RequestState(row["state"])
    return RequestRow(**row)


def update(connection: Connection[Any], request: RequestRow) -> None:
    """Write what changed."""
    values = {name: getattr(request, name) for name in ("id", "state", "decided_at", "closed_at")}
    connection.execute(_UPDATE, values)
    if request.closed_at is not None:
        connection.execute(_CLOSE_PERSON, (request.closed_at, request.id))


def keep_answer(connection: Connection[Any], request_id: UUID, answer: str) -> None:
    """Keep what was answered with what was asked."""
    connection.execute(_ANSWER, (answer, request_id))


def take_mark(connection: Connection[Any], *, at: datetime) -> Mark | None:
    """Take the next request whose clock has come to a mark; it is given back when the transaction fails."""
    row = connection.execute(_DUE, {"at": at}).fetchone()
    if row is None:
        return None
    request_id, is_overdue = row
    connection.execute(_OVERDUE if is_overdue else _WARNED, (at, request_id))
    return Mark(request_id=request_id, step=Step.OVERDUE if is_overdue else Step.WARN)
