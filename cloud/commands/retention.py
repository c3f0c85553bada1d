"""`busense retention`: purge what is too old, prove it, and keep what a legal hold names."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from cloud.cli import config_option
from cloud.config import load_config
from cloud.db.pool import connect
from cloud.errors import CloudError
from cloud.pictures.store import open_store
from cloud.work.retention import load_retention, purge

_HOLD: Final = """
INSERT INTO legal_holds (city, device, from_at, to_at, reason) VALUES (%s, %s, %s, %s, %s) RETURNING id
"""
_HOLDS: Final = """
SELECT id, city, device, from_at, to_at, reason FROM legal_holds WHERE lifted_at IS NULL ORDER BY id
"""
_LIFT: Final = "UPDATE legal_holds SET lifted_at = now() WHERE id = %s AND lifted_at IS NULL"
_day = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])


@click.group()
def retention() -> None:
    """What is kept how long."""


@retention.command("run")
@config_option
@click.option(
    "--rules", type=click.Path(path_type=Path, dir_okay=False), help="Days and sizes by class; else as shipped."
)
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Also write the report here."
)
def run(config: Path | None, rules: Path | None, json_file: Path | None) -> None:
    """Delete what is too old or too much, count what is left, and fail if anything is left that should not be."""
    settings, found = load_config(config), load_retention(rules)
    with connect(settings.database.read_url(), autocommit=True) as connection:
        report = purge(connection, open_store(settings.pictures), found, at=datetime.now(UTC))
    for each in report.classes:
        click.echo(
            f"{each.name}: {each.deleted} deleted, {each.left} left, of them {each.left_too_old} older than "
            f"{each.before:%Y-%m-%d}, {each.held} of these held"
        )
    click.echo(
        f"pictures in the store without a row: {report.pictures_without_row}; "
        f"rows without their picture: {report.rows_without_picture}"
    )
    if json_file is not None:
        json_file.write_text(json.dumps(report.as_json(), indent=2, default=str) + "\n")
    if not report.is_proven:
        raise CloudError("something is left that should not be, or a picture and its row do not agree")


@retention.command("hold")
@config_option
@click.argument("device")
@click.option("--from", "from_at", type=_day, required=True, help="UTC.")
@click.option("--to", "to_at", type=_day, required=True, help="UTC.")
@click.option("--reason", required=True)
def hold(device: str, from_at: datetime, to_at: datetime, reason: str, config: Path | None) -> None:
    """Keep all of DEVICE of a time, however old it gets."""
    settings = load_config(config)
    values = (settings.city, device, from_at.replace(tzinfo=UTC), to_at.replace(tzinfo=UTC), reason)
    with connect(settings.database.read_url()) as connection:
        row = connection.execute(_HOLD, values).fetchone()
    click.echo(f"hold {row[0] if row else None}")


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
