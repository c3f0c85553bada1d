"""What each finding keeps of its sightings, looks and passes: the newest, and what its cases need."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, LiteralString
from uuid import UUID

from psycopg import Connection, sql

from cloud.db.value import fetch_value
from cloud.findings.evidence import WINDOW
from cloud.work.place import cells_around, wait_for_cells

# While a case is open all stays: what is attached to it, its pictures, what verifies its repair.
_HAS_OPEN_CASE: Final = """
EXISTS (SELECT FROM findings g JOIN cases c ON c.finding_id = g.id
    WHERE (g.id = t.finding_id OR g.merged_into = t.finding_id) AND NOT is_ended(c.state))
"""
# Afterwards the passes that prove its repair stay, and those of sightings that the fusion works on.
_IS_PROOF: Final = """
EXISTS (SELECT FROM findings g JOIN cases c ON c.finding_id = g.id
    WHERE (g.id = t.finding_id OR g.merged_into = t.finding_id)
        AND t.at BETWEEN c.done_at - interval '30 days' AND coalesce(c.closed_at, 'infinity'))
OR EXISTS (SELECT FROM finding_observations l
    WHERE l.city = t.city AND l.device = t.device AND l.observation_id = t.observation_id
        AND l.finding_id = t.finding_id)
"""
# What a person said is said of sightings: without them the fusion would forget it.
_IS_NAMED: Final = """
t.observation_id IN (SELECT observation_id FROM named_sightings)
"""
# By what a county's list told, a thing is known again when the list comes again.
_IS_OF_LIST: Final = "t.device = 'inventory'"
_FINDINGS: Final = """
SELECT f.id, f.cell FROM findings f JOIN (
    SELECT finding_id FROM finding_passes GROUP BY finding_id HAVING count(*) > %(passes)s
    UNION SELECT finding_id FROM finding_looks GROUP BY finding_id HAVING count(*) > %(window)s
    UNION SELECT finding_id FROM finding_observations GROUP BY finding_id HAVING count(*) > %(window)s
) t ON t.finding_id = f.id
ORDER BY f.id
"""
_RANKED: Final = """
(SELECT {key}, row_number() OVER (ORDER BY {order}) > %(keep)s AS is_beyond
    FROM {table} WHERE finding_id = %(id)s) n
"""
_DELETE: Final = "DELETE FROM {table} t USING {ranked} WHERE n.is_beyond AND ({key}) = ({ranked_key}) AND NOT {is_held}"
_DELETE_PASSES: Final = """
WITH gone AS (
    DELETE FROM {table} t USING {ranked} WHERE n.is_beyond AND ({key}) = ({ranked_key}) AND NOT {is_held}
    RETURNING t.kind
), counted AS (
    SELECT count(*) FILTER (WHERE kind = 'seen') AS seen, count(*) FILTER (WHERE kind = 'not_seen') AS missed FROM gone
), noted AS (
    UPDATE findings f SET trimmed_seen = trimmed_seen + c.seen, trimmed_missed = trimmed_missed + c.missed
    FROM counted c WHERE f.id = %(id)s AND c.seen + c.missed > 0
)
SELECT FROM gone
"""
_COUNT: Final = """
SELECT count(*) FILTER (WHERE n.is_beyond), count(*) FILTER (WHERE n.is_beyond AND {is_held})
FROM {ranked} JOIN {table} t ON ({key}) = ({ranked_key})
"""
_COUNT_ALL: Final = "SELECT count(*) FROM {table}"


@dataclass(slots=True, kw_only=True)
class Trimmed:
    """One of the tables: what went, and what was counted under the same lock."""

    table: str
    deleted: int = 0
    left: int = 0
    beyond: int = 0
    held: int = 0  # of those beyond the newest


@dataclass(frozen=True, slots=True)
class _Evidence:
    """One of the tables; constant text of this module."""

    table: LiteralString
    key: tuple[LiteralString, ...]
    order: LiteralString
    is_held: LiteralString
    delete: LiteralString = _DELETE

    def say(self, statement: LiteralString) -> sql.Composed:
        table = sql.Identifier(self.table)
        plain_key, order = _names("", self.key), sql.SQL(self.order)
        return sql.SQL(statement).format(
            table=table,
            key=_names("t.", self.key),
            ranked_key=_names("n.", self.key),
            ranked=sql.SQL(_RANKED).format(key=plain_key, order=order, table=table),
            is_held=sql.SQL("({})").format(sql.SQL(self.is_held)),
        )


_OBSERVATIONS: Final = _Evidence(
    "finding_observations",
    ("city", "device", "observation_id"),
    "at DESC, observation_id",
    _HAS_OPEN_CASE + "OR" + _IS_NAMED + "OR " + _IS_OF_LIST,
)
_LOOKS: Final = _Evidence(
    "finding_looks", ("finding_id", "city", "device", "coverage_id"), "to_at DESC, coverage_id", _HAS_OPEN_CASE
)
_PASSES: Final = _Evidence(
    "finding_passes",
    ("finding_id", "at", "city", "device"),
    "at DESC, city, device",
    _HAS_OPEN_CASE + "OR" + _IS_PROOF,
    delete=_DELETE_PASSES,
)


def trim_findings(
    connection: Connection[Any], *, keep: int, should_stop: Callable[[], bool] = lambda: False
) -> list[Trimmed]:
    """Delete what is beyond the newest, one finding in one transaction, and count what is left of it.

    The numbers of its passes stay true: the finding counts what was trimmed. The connection is in autocommit.

    Args:
        connection: in autocommit.
        keep: newest passes of each finding; of sightings and looks those that the fusion works on.
        should_stop: asked before each finding.
    """
    tables = [(_OBSERVATIONS, WINDOW), (_LOOKS, WINDOW), (_PASSES, keep)]
    trimmed = [Trimmed(table=evidence.table) for evidence, _ in tables]
    for finding_id, cell in connection.execute(_FINDINGS, {"passes": keep, "window": WINDOW}).fetchall():
        if should_stop():
            break
        with connection.transaction():
            wait_for_cells(connection, cells_around(cell))
            for (evidence, kept), sums in zip(tables, trimmed, strict=True):
                _trim(connection, evidence, {"id": finding_id, "keep": kept}, sums)
    for (evidence, _), sums in zip(tables, trimmed, strict=True):
        sums.left = fetch_value(connection, evidence.say(_COUNT_ALL))
    return trimmed


def _trim(connection: Connection[Any], evidence: _Evidence, values: dict[str, UUID | int], sums: Trimmed) -> None:
    sums.deleted += connection.execute(evidence.say(evidence.delete), values).rowcount
    row = connection.execute(evidence.say(_COUNT), values).fetchone() or (0, 0)
    sums.beyond += row[0]
    sums.held += row[1]


def _names(prefix: LiteralString, key: tuple[LiteralString, ...]) -> sql.Composed:
    return sql.SQL(", ").join(sql.SQL(prefix) + sql.Identifier(name) for name in key)
