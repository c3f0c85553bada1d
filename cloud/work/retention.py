"""What is kept how long: a job that deletes rows and pictures, and proves it by counting what is left."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, LiteralString, Protocol

from psycopg import Connection, sql
from psycopg.types.json import Jsonb
from pydantic import BaseModel, ConfigDict, Field

from cloud.data_file import load_data_file

BATCH: Final = 5000
PICTURES: Final = "pictures"

# A hold names a device and a time. A picture is also held by what it shows: a case that is not closed.
_IS_HELD: Final = """
EXISTS (SELECT FROM legal_holds h WHERE h.lifted_at IS NULL AND h.city = t.city AND h.device = t.device
    AND {at} BETWEEN h.from_at AND h.to_at)
"""
_OF_OPEN_CASE: Final = """
EXISTS (SELECT FROM finding_observations l JOIN findings f ON f.id = l.finding_id
    JOIN findings g ON coalesce(g.merged_into, g.id) = coalesce(f.merged_into, f.id)
    JOIN cases c ON c.finding_id = g.id
    WHERE l.picture_sha256 = t.sha256 AND c.state NOT IN ('closed', 'rejected', 'merged'))
OR EXISTS (SELECT FROM case_photos p WHERE p.sha256 = t.sha256)
"""
_DELETE: Final = """
DELETE FROM {table} t WHERE ({key}) IN (
    SELECT {key} FROM {table} t WHERE {at} < %(before)s AND {is_done} AND NOT {is_held} ORDER BY {at} LIMIT %(limit)s)
"""
_COUNT: Final = """
SELECT count(*), count(*) FILTER (WHERE {at} < %(before)s AND {is_done}),
    count(*) FILTER (WHERE {at} < %(before)s AND {is_done} AND {is_held}) FROM {table} t
"""
_EDGE_OF_ROWS: Final = "SELECT {at} FROM {table} t WHERE {is_done} ORDER BY {at} DESC OFFSET %s LIMIT 1"
_EDGE_OF_BYTES: Final = """
SELECT max({at}) FROM (
    SELECT {at}, sum(size_bytes) OVER (ORDER BY {at} DESC) AS sum FROM {table} t WHERE {is_done}) t WHERE sum > %s
"""
_OLD_PICTURES: Final = """
SELECT sha256 FROM {table} t WHERE {at} < %(before)s AND {is_done} AND NOT {is_held} ORDER BY {at} LIMIT %(limit)s
"""
_FORGET_PICTURES: Final = "DELETE FROM pictures WHERE sha256 = ANY(%s)"
_NAMES: Final = "SELECT sha256 FROM pictures WHERE received_at IS NOT NULL UNION SELECT sha256 FROM case_photos"
_KEEP_REPORT: Final = "INSERT INTO retention_reports (at, report) VALUES (%s, %s)"


class Store(Protocol):
    """Where pictures lie."""

    def remove(self, sha256: str) -> None: ...

    def names(self) -> set[str]: ...


class Rule(BaseModel):
    """How long and how much of one class."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: Annotated[float, Field(gt=0)]
    most_rows: Annotated[int, Field(ge=0)] | None = None


class PictureRule(Rule):
    most_bytes: Annotated[int, Field(ge=0)] | None = None


class RetentionRules(BaseModel):
    """All classes; one that is not named is kept for ever."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    track_points: Rule | None = None
    health_reports: Rule | None = None
    tag_sightings: Rule | None = None
    driving_events: Rule | None = None
    coverages: Rule | None = None
    quarantine: Rule | None = None
    pictures: PictureRule | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """One class: what went, and what was counted afterwards."""

    name: str
    before: datetime  # what is older goes
    deleted: int
    left: int
    left_too_old: int
    held: int  # of those, for a legal hold or an open case

    @property
    def is_proven(self) -> bool:
        """Whether nothing is left that should not be."""
        return self.left_too_old == self.held


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One run."""

    at: datetime
    classes: tuple[Purged, ...]
    pictures_without_row: int  # files in the store that no row names
    rows_without_picture: int

    @property
    def is_proven(self) -> bool:
        return (
            all(each.is_proven for each in self.classes)
            and not self.pictures_without_row
            and not self.rows_without_picture
        )

    def as_json(self) -> dict[str, Any]:
        return {"is_proven": self.is_proven} | asdict(self)


@dataclass(frozen=True, slots=True)
class _Table:
    """How one class is asked for; constant text of this module."""

    name: LiteralString
    key: LiteralString
    at: LiteralString
    is_done: LiteralString = "TRUE"
    also_held: LiteralString = "FALSE"

    def say(self, statement: LiteralString) -> sql.Composed:
        is_held = sql.SQL(_IS_HELD).format(at=sql.SQL(self.at)) + sql.SQL(" OR ") + sql.SQL(self.also_held)
        return sql.SQL(statement).format(
            table=sql.Identifier(self.name),
            key=sql.SQL(self.key),
            at=sql.SQL(self.at),
            is_done=sql.SQL(self.is_done),
            is_held=sql.SQL("(") + is_held + sql.SQL(")"),
        )


_ROW: Final = "t.id_at, t.city, t.device, t.id"
_TABLES: Final = {
    name: _Table(name, _ROW, "t.id_at")
    for name in ("track_points", "health_reports", "tag_sightings", "driving_events", "coverages")
} | {
    "quarantine": _Table("quarantine", "t.id", "t.received_at", is_done="t.replayed_at IS NOT NULL"),
    PICTURES: _Table(
        "pictures", "t.sha256", "t.announced_at", is_done="t.received_at IS NOT NULL", also_held=_OF_OPEN_CASE
    ),
}


def load_retention(path: Path | None) -> RetentionRules:
    """Read the rules; without a path those shipped in the package.

    Raises:
        ConfigError: names file, line and key.
    """
    return load_data_file(RetentionRules, path, shipped=("cloud.work", "retention.toml"))


def purge(connection: Connection[Any], store: Store, rules: RetentionRules, *, at: datetime) -> Report:
    """Delete what is too old or too much, in small transactions, and count what is left. In autocommit.

    A picture leaves the store before its row goes: killed in between, the next run finds the row and goes on.
    """
    classes = tuple(
        _purge(connection, store, _TABLES[name], rule, at=at)
        for name in _TABLES
        if (rule := getattr(rules, name)) is not None
    )
    names, stored = {name for (name,) in connection.execute(_NAMES)}, store.names()
    report = Report(
        at=at,
        classes=classes,
        pictures_without_row=len(stored - names),
        rows_without_picture=len(names - stored),
    )
    connection.execute(_KEEP_REPORT, (at, Jsonb(report.as_json(), dumps=partial(json.dumps, default=str))))
    return report


def _purge(connection: Connection[Any], store: Store, table: _Table, rule: Rule, *, at: datetime) -> Purged:
    before = max(_edges(connection, table, rule, at=at))
    deleted = 0
    while count := _delete_some(connection, store, table, before=before):
        deleted += count
    row = connection.execute(table.say(_COUNT), {"before": before}).fetchone() or (0, 0, 0)
    return Purged(name=table.name, before=before, deleted=deleted, left=row[0], left_too_old=row[1], held=row[2])


def _edges(connection: Connection[Any], table: _Table, rule: Rule, *, at: datetime) -> Iterable[datetime]:
    """Times before which all goes: by age, by number, by size."""
    yield at - timedelta(days=rule.days)
    statements: list[tuple[LiteralString, int | None]] = [(_EDGE_OF_ROWS, rule.most_rows)]
    if isinstance(rule, PictureRule):
        statements.append((_EDGE_OF_BYTES, rule.most_bytes))
    for statement, most in statements:
        row = connection.execute(table.say(statement), (most,)).fetchone() if most is not None else None
        if row is not None and row[0] is not None:
            yield row[0] + timedelta(microseconds=1)


def _delete_some(connection: Connection[Any], store: Store, table: _Table, *, before: datetime) -> int:
    values = {"before": before, "limit": BATCH}
    if table.name != PICTURES:
        return connection.execute(table.say(_DELETE), values).rowcount
    names = [name for (name,) in connection.execute(table.say(_OLD_PICTURES), values).fetchall()]
    for name in names:
        store.remove(name)
    return connection.execute(_FORGET_PICTURES, (names,)).rowcount
