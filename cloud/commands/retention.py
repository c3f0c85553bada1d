"""`busense retention`: purge what is too old, prove it, and keep what a legal hold names."""

import json
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any, Final

import click
from psycopg import Connection
from typing_extensions import override

from cloud.cli import config_option
from cloud.config import load_config
from cloud.db.pool import connect
from cloud.db.value import fetch_value
from cloud.errors import CloudError
from cloud.pictures.store import open_store, usable_store
from cloud.work.retention import alone, last_report, purge
from cloud.work.retention_rules import load_retention
from telemetry.result_file import RESULT_FILE

# Crews send photos under the names of their accounts.
_IS_KNOWN: Final = """
SELECT EXISTS (SELECT FROM devices WHERE city = %(city)s AND device = %(device)s)
    OR EXISTS (SELECT FROM pictures WHERE city = %(city)s AND device = %(device)s)
"""
_HOLD: Final = """
INSERT INTO legal_holds (city, device, from_at, to_at, reason) VALUES (%s, %s, %s, %s, %s) RETURNING id
"""
_HOLDS: Final = """
SELECT id, city, device, from_at, to_at, reason FROM legal_holds WHERE lifted_at IS NULL ORDER BY id
"""
_LIFT: Final = "UPDATE legal_holds SET lifted_at = now() WHERE id = %s AND lifted_at IS NULL"
_json_option = click.option("--json", "json_file", type=RESULT_FILE, help="Also write the report here.")
_FORMATS: Final = ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S")


class _To(click.DateTime):
    """A day alone means its end."""

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        at: datetime = super().convert(value, param, ctx)
        return at if "T" in str(value) else datetime.combine(at, time.max)


@click.group()
def retention() -> None:
    """What is kept how long."""


@retention.command("run")
@config_option
@click.option(
    "--rules",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Days and sizes by class; else the file that [work] retention names, or as shipped.",
)
@_json_option
def run(config: Path | None, rules: Path | None, json_file: Path | None) -> None:
    """Do now what the worker does once a day.

    Deletes what is too old or too much, counts what is left, and fails if anything is left that should not be.
    """
    settings = load_config(config)
    found = load_retention(rules or settings.work.retention)
    with (
        connect(settings.database.read_url(), autocommit=True) as connection,
        alone(connection, waits=True),
        usable_store(),
    ):
        purge(connection, open_store(settings.pictures), found, at=datetime.now(UTC))
        _tell(connection, json_file)


@retention.command("report")
@config_option
@_json_option
def report(config: Path | None, json_file: Path | None) -> None:
    """Show what the last purge deleted and counted."""
    with connect(load_config(config).database.read_url()) as connection:
        _tell(connection, json_file)


def _tell(connection: Connection[Any], json_file: Path | None) -> None:
    last = last_report(connection, at=datetime.now(UTC))
    if last is None:
        raise CloudError("nothing was ever purged: `busense work` does it once a day")
    at, told = last
    click.echo(f"purged at {at:%Y-%m-%dT%H:%M:%SZ}")
    for each in told["classes"]:
        what = f"older than {each['before'][:10]}" if each["before"] else "beyond the newest of each finding"
        click.echo(
            f"{each['name']}: {each['deleted']} deleted, {each['left']} left, of them {each['left_too_old']} {what}, "
            f"{each['held']} of these held"
        )
    click.echo(
        f"pictures in the store without a row: {told['pictures_without_row']}, of them "
        f"{told['pictures_left_too_long']} for too long; rows without their picture: {told['rows_without_picture']}, "
        f"erased for a person and still there: {told.get('erased_pictures_left', 0)}"
    )
    if json_file is not None:
        json_file.write_text(json.dumps(told, indent=2) + "\n")
    if not told["is_proven"]:
        raise CloudError("something is left that should not be, or a picture is missing that a row names")


@retention.command("hold")
@config_option
@click.argument("device")
@click.option("--from", "from_at", type=click.DateTime(_FORMATS), required=True, help="UTC.")
@click.option("--to", "to_at", type=_To(_FORMATS), required=True, help="UTC; a day alone is held to its end.")
@click.option("--reason", required=True)
def hold(device: str, from_at: datetime, to_at: datetime, reason: str, config: Path | None) -> None:
    """Keep all of DEVICE of a time, however old it gets."""
    if to_at < from_at:
        raise CloudError(f"--to {to_at:%Y-%m-%dT%H:%M:%S} ends before it begins: after --from is expected")
    settings = load_config(config)
    values = (settings.city, device, from_at.replace(tzinfo=UTC), to_at.replace(tzinfo=UTC), reason)
    with connect(settings.database.read_url()) as connection:
        if not fetch_value(connection, _IS_KNOWN, {"city": settings.city, "device": device}):
            raise CloudError(f"nothing is known of {settings.city}/{device}: it would hold nothing")
        hold = fetch_value(connection, _HOLD, values)
    click.echo(f"hold {hold}")


@retention.command("holds")
@config_option
def holds(config: Path | None) -> None:
    """List what is held."""
    with connect(load_config(config).database.read_url()) as connection:
        for number, city, device, from_at, to_at, reason in connection.execute(_HOLDS):
            click.echo(f"{number}\t{city}/{device}\t{from_at:%Y-%m-%d}\t{to_at:%Y-%m-%d}\t{reason}")


@retention.command("lift")
@config_option
@click.argument("number", type=int)
def lift(number: int, config: Path | None) -> None:
    """End a hold: the next run purges what it kept."""
    with connect(load_config(config).database.read_url()) as connection:
        if not connection.execute(_LIFT, (number,)).rowcount:
            raise CloudError(f"there is no hold {number}")
    click.echo(f"hold {number} is lifted")
