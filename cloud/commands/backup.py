"""`busense backup` and `busense restore`: all rows as they stood at one instant, and all pictures, in one folder."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click
from psycopg import Connection, IsolationLevel, sql
from pydantic import TypeAdapter

from cloud.cli import config_option
from cloud.config import load_config
from cloud.db.migrate import migrate, read_migrations
from cloud.db.pool import connect
from cloud.db.value import fetch_value
from cloud.errors import CloudError
from cloud.pictures.store import PictureStore, open_store, usable_store
from cloud.work.retention import alone
from telemetry.replaced import replaced

_FORMAT: Final = 1
_MANIFEST: Final = "manifest.json"
_READ: Final = TypeAdapter(dict[str, Any])
_CHUNK: Final = 1 << 20

# Partitions come with their parents; the history of migrations is made by migrating.
_TABLES: Final = """
SELECT name FROM (
    SELECT CASE WHEN n.nspname = current_schema() THEN '' ELSE n.nspname || '.' END || c.relname AS name
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname IN (current_schema(), 'inventory') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        AND c.relname <> 'schema_migrations'
) tables ORDER BY name COLLATE "C"
"""
_IDENTITIES: Final = """
SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema = current_schema() AND is_identity = 'YES'
"""
_SET_IDENTITY: Final = """
SELECT setval(pg_get_serial_sequence({table_text}, {column_text}), coalesce(max({column}), 0) + 1, false) FROM {table}
"""
_PICTURES: Final = """
SELECT sha256 FROM pictures WHERE received_at IS NOT NULL
UNION SELECT sha256 FROM case_photos p WHERE NOT EXISTS (
    SELECT FROM pictures k WHERE k.sha256 = p.sha256 AND k.erased_at IS NOT NULL)
ORDER BY sha256
"""
# Of the live streams: numbers of transactions of another server say nothing here, and greater ones end every stream.
_FORGET_CHANGES: Final = ("DELETE FROM changes", "DELETE FROM trimmed_changes")
# Who erases a picture holds its row until the store has it no more.
_STILL_HERE: Final = "SELECT sha256 FROM pictures WHERE sha256 = ANY(%s) AND received_at IS NOT NULL FOR SHARE"
_LEFT_OUT: Final = """
UPDATE pictures SET received_at = NULL, erased_at = now() WHERE received_at IS NOT NULL AND sha256 <> ALL(%s)
"""
_HISTORY: Final = "SELECT name, sha256 FROM schema_migrations ORDER BY number"


@click.command()
@config_option
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def backup(folder: Path, config: Path | None) -> None:
    """Write everything into the new FOLDER; nothing has to stand still meanwhile."""
    settings = load_config(config)
    with connect(settings.database.read_url(), autocommit=True) as connection, usable_store():
        manifest = write_backup(connection, open_store(settings.pictures), folder)
    click.echo(f"{sum(manifest['rows'].values())} rows and {len(manifest['pictures'])} pictures in {folder}")


@click.command()
@config_option
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
def restore(folder: Path, config: Path | None) -> None:
    """Fill an empty database and picture store from a backup in FOLDER, all or nothing."""
    settings = load_config(config)
    url = settings.database.read_url()
    manifest = _read_manifest(folder)
    with connect(url) as connection:
        _require_empty(connection)
    migrate(url)
    with connect(url) as connection, usable_store():
        read_backup(connection, open_store(settings.pictures), folder, manifest)
    click.echo(f"{sum(manifest['rows'].values())} rows and {len(manifest['pictures'])} pictures restored")


def write_backup(connection: Connection[Any], store: PictureStore, folder: Path) -> dict[str, Any]:
    """Copy out what one snapshot of the database shows; the manifest comes last, so what lacks it is no backup.

    A picture that is erased meanwhile is left out. The connection is in autocommit.

    Raises:
        CloudError: the folder is not empty, or a picture that the database has is not in the store.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise CloudError(f"{folder} is not empty; a backup begins with an empty folder")
    connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
    with connection.transaction():
        tables = {name: _copy_out(connection, name, folder / f"{name}.copy") for name in _tables(connection)}
        names = [sha256 for (sha256,) in connection.execute(_PICTURES).fetchall()]
        migrations = [list(row) for row in connection.execute(_HISTORY).fetchall()]
    connection.set_isolation_level(None)
    (folder / "pictures").mkdir()
    pictures = [sha256 for sha256 in names if _copy_picture(store, sha256, folder / "pictures" / sha256)]
    _require_erased(connection, sorted(set(names) - set(pictures)))
    manifest = {
        "format": _FORMAT,
        "migrations": migrations,
        "rows": {name: rows for name, (rows, _) in tables.items()},
        "sha256": {name: digest for name, (_, digest) in tables.items()},
        "pictures": pictures,
    }
    with replaced(folder / _MANIFEST) as file:
        file.write((json.dumps(manifest, indent=1) + "\n").encode())
    return manifest


def read_backup(connection: Connection[Any], store: PictureStore, folder: Path, manifest: dict[str, Any]) -> None:
    """Fill an empty, migrated database, in the caller's transaction; pictures first, for no row may name one in vain.

    Raises:
        CloudError: the backup has other tables, or the database is not empty.
    """
    if _tables(connection) != sorted(manifest["rows"]):
        raise CloudError("the backup has other tables than this database")
    _require_empty(connection)
    for sha256 in manifest["pictures"]:
        store.put(sha256, (folder / "pictures" / sha256).read_bytes())
    _copy_all_in(connection, folder, manifest["rows"])
    connection.execute(_LEFT_OUT, (manifest["pictures"],))
    for statement in _FORGET_CHANGES:
        connection.execute(statement)


def _require_empty(connection: Connection[Any]) -> None:
    for name in _tables(connection):
        statement = sql.SQL("SELECT EXISTS (SELECT FROM {})").format(_identifier(name))
        if fetch_value(connection, statement):
            raise CloudError(f"{name} is not empty; a backup is restored into an empty database")


def _read_manifest(folder: Path) -> dict[str, Any]:
    """Read what a backup holds.

    Raises:
        CloudError: it is no whole backup, or of another version.
    """
    try:
        manifest = _READ.validate_json((folder / _MANIFEST).read_bytes())
    except (OSError, ValueError) as error:
        raise CloudError(f"{folder} holds no whole backup: {error}") from error
    if manifest.get("format") != _FORMAT:
        raise CloudError(f"{folder} holds a backup of another version: format {_FORMAT} is expected")
    if manifest["migrations"] != [[each.name, each.sha256] for each in read_migrations()]:
        raise CloudError("the backup is of another version: restore it with that version, then migrate")
    for name, digest in manifest["sha256"].items():
        if _digest_of(folder / f"{name}.copy") != digest:
            raise CloudError(f"{folder}: {name}.copy is damaged")
    return manifest


def _tables(connection: Connection[Any]) -> list[str]:
    return [name for (name,) in connection.execute(_TABLES).fetchall()]


def _identifier(table: str) -> sql.Identifier:
    """A table, with its schema where it is another one than the usual."""
    return sql.Identifier(*table.split("."))


def _copy_out(connection: Connection[Any], table: str, file: Path) -> tuple[int, str]:
    """Returns the number of rows and the file's digest."""
    statement = sql.SQL("COPY (SELECT * FROM {}) TO STDOUT (FORMAT binary)").format(_identifier(table))
    with connection.cursor() as cursor:
        with file.open("wb") as target, cursor.copy(statement) as copy:
            for part in copy:
                target.write(part)
        return cursor.rowcount, _digest_of(file)


def _copy_all_in(connection: Connection[Any], folder: Path, tables: Sequence[str]) -> None:
    """Rows come as they were: no trigger fires, and the order of tables does not matter."""
    connection.execute("SET LOCAL session_replication_role = replica")
    for name in tables:
        statement = sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(_identifier(name))
        file = folder / f"{name}.copy"
        with file.open("rb") as source, connection.cursor() as cursor, cursor.copy(statement) as copy:
            while part := source.read(_CHUNK):
                copy.write(part)
    for table, column in connection.execute(_IDENTITIES).fetchall():
        names = {"table": sql.Identifier(table), "column": sql.Identifier(column)}
        words = {"table_text": sql.Literal(table), "column_text": sql.Literal(column)}
        connection.execute(sql.SQL(_SET_IDENTITY).format(**names, **words))


def _digest_of(file: Path) -> str:
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _copy_picture(store: PictureStore, sha256: str, file: Path) -> bool:
    """Returns whether it is in the store."""
    try:
        file.write_bytes(store.read(sha256))
    except FileNotFoundError:
        return False
    return True


def _require_erased(connection: Connection[Any], missing: list[str]) -> None:
    """See that what is not in the store is none of the database's any longer."""
    if not missing:
        return
    with alone(connection, waits=True):  # a purge takes pictures out of the store before it deletes their rows
        still_here = connection.execute(_STILL_HERE, (missing,)).fetchall()
    if still_here:
        raise CloudError(f"the picture {still_here[0][0]} is in the database but not in the store")
