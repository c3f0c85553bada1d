"""`busense aside`: what failed by its own fault, and giving it back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from psycopg import Connection

from cloud.cli import config_option
from cloud.config import load_config
from cloud.db.aside import discard, find_aside, give_back, list_aside
from cloud.db.pool import connect
from cloud.db.upkeep import COMMAND_LINE, LIST, Thing
from cloud.errors import CloudError


@click.group()
def aside() -> None:
    """Work that was set aside because it failed by its own fault."""


@aside.command("list")
@config_option
@click.option("--after", type=int, default=0, help="Begin behind this number.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
def list_set_aside(config: Path | None, after: int, limit: int) -> None:
    """List what waits, oldest first."""
    with connect(load_config(config).database.read_url()) as connection:
        for item in list_aside(connection, after=after, limit=limit):
            click.echo(f"{item.id}\t{item.at:%Y-%m-%dT%H:%M:%SZ}\t{item.kind}\t{item.subject}\t{item.reason}")


@aside.command("show")
@config_option
@click.argument("number", type=int)
def show_set_aside(config: Path | None, number: int) -> None:
    """Show where one failed."""
    with connect(load_config(config).database.read_url()) as connection:
        item = find_aside(connection, number)
        if item is None:
            raise CloudError(f"there is no work {number} set aside")
        click.echo(f"{item.kind} {item.subject}\n{item.detail}")
        for line in connection.execute(LIST, {"thing": Thing.SET_ASIDE, "number": number}):
            click.echo("\t".join(str(part) for part in line if part))


@aside.command("return")
@config_option
@click.option("--id", "number", type=int, help="Only this one.")
@click.option("--all", "is_all", is_flag=True, help="Everything that waits.")
def return_set_aside(config: Path | None, number: int | None, *, is_all: bool) -> None:
    """Let it be tried again, after what was wrong was put right."""
    if (number is None) is not is_all:
        raise click.UsageError("either --id NUMBER or --all is expected")
    with connect(load_config(config).database.read_url()) as connection:
        numbers = _waiting(connection) if number is None else [number]
        returned = sum(give_back(connection, each, actor=COMMAND_LINE) for each in numbers)
    if number is not None and not returned:
        raise CloudError(f"there is no work {number} set aside")
    click.echo(f"{returned} will be tried again")


def _waiting(connection: Connection[Any]) -> Iterator[int]:
    after = 0
    while page := list_aside(connection, after=after, limit=1_000):
        yield from (item.id for item in page)
        after = page[-1].id


@aside.command("discard")
@config_option
@click.argument("number", type=int)
@click.option("--reason", required=True)
def discard_set_aside(config: Path | None, number: int, reason: str) -> None:
    """Give it up: nobody tries it again."""
    with connect(load_config(config).database.read_url()) as connection:
        if not discard(connection, number, reason=reason, actor=COMMAND_LINE):
            raise CloudError(f"there is no work {number} set aside")
    click.echo(f"{number} is discarded")
