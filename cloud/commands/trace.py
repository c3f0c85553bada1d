"""`busense trace`: the way of one event through the system, with times, by its id."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import click
from psycopg import Connection, sql
from psycopg.rows import class_row

from cloud.cli import config_option
from cloud.config import load_config
from cloud.db.pool import connect
from cloud.errors import CloudError
from cloud.observations.tables import TABLE_OF_KIND
from wire.envelope import time_of_id

_UUID_VERSION: Final = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something that happened to an event; where nobody noted when, there is no time."""

    at: datetime | None
    what: str
    detail: str


# The id's own time is the partition key, so each table is asked for one row of one partition.
_STORED: Final = """
SELECT received_at AS at, 'taken by the broker' AS what,
    format('stored as {kind} in {table}, number %%s of stream %%s from %%s/%%s', sequence, stream, city, device)
        AS detail
FROM {table} WHERE id = %(id)s AND id_at = %(id_at)s LIMIT 1
"""
_QUARANTINE: Final = """
SELECT received_at AS at, 'put into quarantine' AS what, format('number %%s, %%s: %%s', id, reason, detail) AS detail
FROM quarantine WHERE event_id = %(id)s
UNION ALL
SELECT replayed_at, CASE WHEN discard_reason IS NULL THEN 'replayed' ELSE 'discarded' END,
    coalesce(discard_reason, 'mended by ' || mended_by, 'as it was') FROM quarantine
WHERE event_id = %(id)s AND replayed_at IS NOT NULL
"""
_WAITING: Final = """
SELECT queued_at AS at, 'waits for the worker' AS what, 'cell ' || cell AS detail FROM fusion_queue WHERE id = %(id)s
UNION ALL
SELECT at, 'set aside', format('number %%s: %%s', id, reason) FROM set_aside
WHERE subject ->> 'id' = %(id)s::text AND returned_at IS NULL
"""
_PICTURE: Final = """
SELECT p.received_at AS at, 'its picture came' AS what, p.sha256 AS detail
FROM observations o JOIN pictures p ON p.sha256 = o.picture_sha256
WHERE o.id = %(id)s AND o.id_at = %(id_at)s AND p.received_at IS NOT NULL
"""
_FINDING: Final = """
SELECT NULL::timestamptz AS at, 'belongs to a finding' AS what,
    format('%%s: %%s %%s, probability %%s, seen by %%s passes', f.id, f.class_code, f.state,
        round(f.existence::numeric, 3), f.passes_seen) AS detail
FROM finding_observations l JOIN findings f ON f.id = l.finding_id WHERE l.observation_id = %(id)s
"""
_CASE: Final = """
WITH thing AS (
    SELECT coalesce(f.merged_into, f.id) AS id
    FROM finding_observations l JOIN findings f ON f.id = l.finding_id WHERE l.observation_id = %(id)s
), its AS (
    SELECT c.id, c.number FROM cases c JOIN findings f ON f.id = c.finding_id
    JOIN thing ON thing.id = coalesce(f.merged_into, f.id)
)
SELECT h.at, 'case: ' || h.action AS what,
    format('%%s by %%s, now %%s: %%s', its.number, h.actor, h.to_state, h.reason ->> 'en') AS detail
FROM its JOIN case_history h ON h.case_id = its.id
UNION ALL
SELECT coalesce(d.sent_at, d.created_at), 'case: told',
    format('%%s, %%s to %%s: %%s after %%s tries', its.number, d.id, d.target, d.state, d.attempts)
FROM its JOIN deliveries d ON d.case_id = its.id
"""


def read_trace(connection: Connection[Any], event_id: UUID) -> list[Step]:
    """All that is known of an event, in order of time; what has no time comes where it belongs."""
    made_at = time_of_id(str(event_id))
    values = {"id": event_id, "id_at": made_at}
    stored = [
        sql.SQL(_STORED).format(kind=sql.SQL(kind.value), table=sql.Identifier(table.name))
        for kind, table in TABLE_OF_KIND.items()
    ]
    others = [sql.SQL(statement) for statement in (_QUARANTINE, _WAITING, _PICTURE, _FINDING, _CASE)]
    steps = [step for statement in (*stored, *others) for step in _read(connection, statement, values)]
    if not steps:
        return []
    steps.insert(0, Step(at=made_at, what="observed on the bus", detail="the time inside its id"))
    return list(_in_order(steps))


def _read(connection: Connection[Any], statement: sql.SQL | sql.Composed, values: dict[str, Any]) -> list[Step]:
    with connection.cursor(row_factory=class_row(Step)) as cursor:
        return cursor.execute(statement, values).fetchall()


def _in_order(steps: list[Step]) -> Iterator[Step]:
    last = datetime.min.replace(tzinfo=UTC)
    placed: list[tuple[datetime, int, Step]] = []
    for number, step in enumerate(steps):
        last = step.at or last
        placed.append((last, number, step))
    return (step for _, _, step in sorted(placed, key=lambda each: each[:2]))


@click.command()
@config_option
@click.argument("event_id", type=click.UUID)
def trace(event_id: UUID, config: Path | None) -> None:
    """Show the way of the event ID (a message's id, as logs and pages show it) from the bus to the case."""
    if event_id.version != _UUID_VERSION:
        raise click.BadParameter("an event's id is a UUID of version 7")
    try:
        time_of_id(str(event_id))
    except OverflowError:
        raise click.BadParameter(f"{event_id} is no event's id: its time is in no calendar") from None
    with connect(load_config(config).database.read_url()) as connection:
        steps = read_trace(connection, event_id)
    if not steps:
        raise CloudError(f"nothing is known of {event_id}")
    for step in steps:
        at = f"{step.at:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z" if step.at is not None else "-" * 3
        click.echo(f"{at:<24}  {step.what:<24}  {step.detail}")
