"""The purge: it deletes rows and pictures that are too old, and proves it by counting what is left."""

import json
import logging
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, LiteralString, Protocol

from psycopg import Connection, errors, sql
from psycopg.types.json import Jsonb

from cloud.db.value import fetch_value
from cloud.errors import ConfigError
from cloud.furniture.schema import meaning_inventory_throughout
from cloud.work.retention_rules import PictureRule, RetentionRules, Rule
from cloud.work.retention_tables import PARTITIONED, PICTURES, TABLES, Table
from cloud.work.trim_findings import Trimmed, trim_findings

BATCH: Final = 5000
KEPT_WITHOUT_ROW: Final = timedelta(days=30)
"""A file that no row names is left of a photo whose transaction failed, or comes from a restored store."""
_LANDING: Final = timedelta(hours=1)  # a file may be a moment older or younger than its row
_CLOCKS_DIFFER: Final = timedelta(hours=1)  # of workers, at most

_DELETE: Final = """
DELETE FROM {table} t WHERE ({key}) IN (
    SELECT {key} FROM {table} t WHERE {at} < %(before)s AND {is_done} AND NOT {is_held} ORDER BY {at} LIMIT %(limit)s)
"""
_COUNT: Final = """
SELECT count(*), count(*) FILTER (WHERE {at} < %(before)s),
    count(*) FILTER (WHERE {at} < %(before)s AND (NOT {is_done} OR {is_held})) FROM {table} t
"""
_EDGE_OF_ROWS: Final = "SELECT ({at})::timestamptz FROM {table} t WHERE {is_done} ORDER BY {at} DESC OFFSET %s LIMIT 1"
_EDGE_OF_BYTES: Final = """
SELECT max({at}) FROM (
    SELECT {at}, sum(size_bytes) OVER (ORDER BY {at} DESC) AS sum FROM {table} t WHERE {is_done}) t WHERE sum > %s
"""
# Whole months or chunks that are too old, and chunks to be unpacked before single rows can go.
_OLD_PARTS: Final = "SELECT part_schema, part_name FROM old_parts(%(table)s, %(before)s)"
_OPEN_PARTS: Final = "SELECT open_parts(%(table)s, %(before)s)"
_IS_ANY_OLD: Final = "SELECT EXISTS (SELECT FROM {table} t WHERE {at} < %(before)s AND {is_done} AND NOT {is_held})"
_MAY_NOT_GO: Final = "SELECT count(*), count(*) FILTER (WHERE NOT {is_done} OR {is_held}) FROM {table} t"
_OLD_PICTURES: Final = """
SELECT sha256 FROM {table} t WHERE {at} < %(before)s AND {is_done} AND NOT {is_held} ORDER BY {at} LIMIT %(limit)s
"""
_LOCK_HOLDS: Final = "LOCK TABLE legal_holds IN SHARE MODE"  # no new hold between looking and deleting
_IS_ANY_RECEIVED: Final = "SELECT EXISTS (SELECT FROM pictures WHERE received_at IS NOT NULL)"
_FORGET_PHOTOS: Final = "DELETE FROM case_photos WHERE sha256 = ANY(%s)"
_FORGET_PICTURES: Final = "DELETE FROM pictures WHERE sha256 = ANY(%s)"
_NAMES: Final = "SELECT sha256, received_at IS NOT NULL, erased_at IS NOT NULL FROM pictures"
_KEEP_REPORT: Final = "INSERT INTO retention_reports (at, report) VALUES (%s, %s)"
_LAST: Final = "SELECT at, report FROM retention_reports WHERE at <= %s ORDER BY at DESC LIMIT 1"
_LOCK: Final = "SELECT pg_advisory_lock(hashtextextended('busense.retention', 0)) IS NOT NULL"
_TRY_LOCK: Final = "SELECT pg_try_advisory_lock(hashtextextended('busense.retention', 0))"
_UNLOCK: Final = "SELECT pg_advisory_unlock(hashtextextended('busense.retention', 0))"

_log = logging.getLogger(__name__)


class Store(Protocol):
    """Where pictures lie."""

    def remove(self, sha256: str) -> None: ...

    def stored(self) -> Mapping[str, datetime]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """One class: what went, and what was counted afterwards."""

    name: str
    before: datetime | None  # what is older goes; none: it goes by number
    deleted: int
    left: int
    left_too_old: int
    held: int  # of those: for a legal hold, an open case, or because somebody has still to decide

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
    pictures_left_too_long: int  # of those, older than they may be
    rows_without_picture: int
    erased_pictures_left: int  # a person had them erased, and they lie in the store all the same

    @property
    def is_proven(self) -> bool:
        return (
            all(each.is_proven for each in self.classes)
            and not self.pictures_left_too_long
            and not self.rows_without_picture
            and not self.erased_pictures_left
        )

    def as_json(self) -> dict[str, Any]:
        return {"is_proven": self.is_proven} | asdict(self)


@contextmanager
def alone(connection: Connection[Any], *, waits: bool) -> Generator[bool]:
    """Tell whether nobody else purges, and keep others away meanwhile. The connection is in autocommit."""
    is_alone: bool = fetch_value(connection, _LOCK if waits else _TRY_LOCK)
    try:
        yield is_alone
    finally:
        if is_alone:
            connection.execute(_UNLOCK)


def last_report(connection: Connection[Any], *, at: datetime) -> tuple[datetime, dict[str, Any]] | None:
    """When the last purge was, well or ill, and its report as JSON; one of the future was under a wrong clock."""
    row = connection.execute(_LAST, (at + _CLOCKS_DIFFER,)).fetchone()
    return (row[0], row[1]) if row is not None else None


def purge(
    connection: Connection[Any],
    store: Store,
    rules: RetentionRules,
    *,
    at: datetime,
    should_stop: Callable[[], bool] = lambda: False,
) -> Report | None:
    """Delete what is too old or too much, in small transactions, and count what is left. In autocommit.

    A picture leaves the store before its row goes: killed in between, the next run finds the row and goes on.

    Returns:
        Nothing when it was told to stop; the next run goes on.

    Raises:
        ConfigError: this is not the store where the pictures lie.
    """
    _check_store(connection, store)
    classes = [
        _purge(connection, store, table, rule, at=at, should_stop=should_stop)
        for table in TABLES
        if (rule := getattr(rules, table.name)) is not None
    ]
    if rules.findings is not None:
        classes.extend(_trim(connection, keep=rules.findings.passes, should_stop=should_stop))
    if should_stop():
        return None
    report = _compared(connection, store, classes, at=at)
    connection.execute(_KEEP_REPORT, (at, Jsonb(report.as_json(), dumps=partial(json.dumps, default=str))))
    return report


def _check_store(connection: Connection[Any], store: Store) -> None:
    """See that rows would not go while their pictures stay in a store that this process does not see."""
    if fetch_value(connection, _IS_ANY_RECEIVED) and not store.stored():
        raise ConfigError("pictures.url: none of the pictures lie there; is it the store that `busense serve` uses?")


def _purge(
    connection: Connection[Any],
    store: Store,
    table: Table,
    rule: Rule,
    *,
    at: datetime,
    should_stop: Callable[[], bool],
) -> Purged:
    before = max(_edges(connection, table, rule, at=at))
    deleted = sum(_drop_part(connection, table, part) for part in _old_parts(connection, table, before=before))
    _open_parts(connection, table, before=before)
    while not should_stop() and (count := _delete_some(connection, store, table, before=before)):
        deleted += count
    row = connection.execute(table.say(_COUNT), {"before": before}).fetchone() or (0, 0, 0)
    return Purged(name=table.name, before=before, deleted=deleted, left=row[0], left_too_old=row[1], held=row[2])


def _edges(connection: Connection[Any], table: Table, rule: Rule, *, at: datetime) -> Iterable[datetime]:
    """Times before which all goes: by age, by number, by size."""
    yield at - timedelta(days=rule.days)
    statements: list[tuple[LiteralString, int | None]] = [(_EDGE_OF_ROWS, rule.most_rows)]
    if isinstance(rule, PictureRule):
        statements.append((_EDGE_OF_BYTES, rule.most_bytes))
    for statement, most in statements:
        edge = fetch_value(connection, table.say(statement), (most,)) if most is not None else None
        if edge is not None:
            yield edge + timedelta(microseconds=1)


def _old_parts(connection: Connection[Any], table: Table, *, before: datetime) -> list[sql.Identifier]:
    if table.name not in PARTITIONED:
        return []
    rows = connection.execute(_OLD_PARTS, {"table": table.name, "before": before}).fetchall()
    return [sql.Identifier(schema, name) for schema, name in rows]


def _drop_part(connection: Connection[Any], table: Table, part: sql.Identifier) -> int:
    """Drop a month or chunk of which nothing is held, so that its disk space is free; returns how many rows it had.

    Nobody waits for it longer than a second: when it does not get it at once, its rows go one by one.
    """
    try:
        with connection.transaction():
            connection.execute("SET LOCAL lock_timeout = '1s'")
            connection.execute(_LOCK_HOLDS)
            rows, held = connection.execute(table.say(_MAY_NOT_GO, table=part)).fetchone() or (0, 0)
            if held:
                return 0
            connection.execute(sql.SQL("DROP TABLE {}").format(part))
    except errors.LockNotAvailable:
        _log.info("retention_part_busy part=%s", part.as_string(connection))
        return 0
    return int(rows)


def _open_parts(connection: Connection[Any], table: Table, *, before: datetime) -> None:
    """Unpack compressed chunks out of which rows have to go one by one."""
    values = {"table": table.name, "before": before}
    if table.name in PARTITIONED and fetch_value(connection, table.say(_IS_ANY_OLD), values):
        connection.execute(_OPEN_PARTS, values)


def _delete_some(connection: Connection[Any], store: Store, table: Table, *, before: datetime) -> int:
    values = {"before": before, "limit": BATCH}
    if table.name != PICTURES:
        return connection.execute(table.say(_DELETE), values).rowcount
    with connection.transaction():
        connection.execute(_LOCK_HOLDS)
        names = [name for (name,) in connection.execute(table.say(_OLD_PICTURES), values).fetchall()]
        for name in names:
            store.remove(name)
        connection.execute(_FORGET_PHOTOS, (names,))
        return connection.execute(_FORGET_PICTURES, (names,)).rowcount


def _trim(connection: Connection[Any], *, keep: int, should_stop: Callable[[], bool]) -> Iterable[Purged]:
    yield from _trimmed("", trim_findings(connection, keep=keep, should_stop=should_stop))
    with meaning_inventory_throughout(connection):
        things = trim_findings(connection, keep=keep, should_stop=should_stop)
    yield from _trimmed("inventory.", things)


def _trimmed(schema: str, tables: Iterable[Trimmed]) -> Iterable[Purged]:
    for done in tables:
        yield Purged(
            name=schema + done.table,
            before=None,
            deleted=done.deleted,
            left=done.left,
            left_too_old=done.beyond,
            held=done.held,
        )


def _compared(connection: Connection[Any], store: Store, classes: Iterable[Purged], *, at: datetime) -> Report:
    """Compare rows and files, after removing files that no row has named for long, and erased ones that came back."""
    rows = connection.execute(_NAMES).fetchall()
    received = {name for name, is_received, _ in rows if is_received}
    before = store.stored()
    rows = connection.execute(_NAMES).fetchall()
    still_received = {name for name, is_received, _ in rows if is_received}
    announced = {name for name, _, _ in rows}
    erased = {name for name, _, is_erased in rows if is_erased}
    for name, stored_at in before.items():
        if name in erased or (name not in announced and stored_at < at - KEPT_WITHOUT_ROW):
            store.remove(name)
    left = store.stored()
    strangers = [stored_at for name, stored_at in left.items() if name not in announced]
    return Report(
        at=at,
        classes=tuple(classes),
        pictures_without_row=sum(stored_at < at - _LANDING for stored_at in strangers),
        pictures_left_too_long=sum(stored_at < at - KEPT_WITHOUT_ROW for stored_at in strangers),
        rows_without_picture=len((received & still_received) - before.keys()),
        erased_pictures_left=len(erased & left.keys()),
    )
