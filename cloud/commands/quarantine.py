"""`busense quarantine`: messages that could not be stored."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click
from psycopg import AsyncConnection

from cloud.cli import config_option
from cloud.config import load_config
from cloud.db.pool import connect, open_pool, reach
from cloud.db.upkeep import COMMAND_LINE, LIST, Thing
from cloud.errors import CloudError
from cloud.ingest.handler import open_handler
from cloud.ingest.mending import load_mending_rule
from cloud.ingest.quarantine import discard, find_quarantined, list_waiting
from cloud.ingest.replay import Replayer

T = TypeVar("T")


@click.group()
def quarantine() -> None:
    """Messages that could not be stored."""


@quarantine.command("list")
@config_option
@click.option("--after", type=int, default=0, help="Begin behind this number.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
def list_quarantine(config: Path | None, after: int, limit: int) -> None:
    """List what waits, oldest first."""
    for item in _run(_reached(config), partial(list_waiting, after=after, limit=limit)):
        click.echo(f"{item.id}\t{item.received_at:%Y-%m-%dT%H:%M:%SZ}\t{item.reason}\t{item.topic}\t{item.detail}")


@quarantine.command("show")
@config_option
@click.argument("number", type=int)
def show_quarantine(config: Path | None, number: int) -> None:
    """Show one message with its reason and its bytes."""
    url = _reached(config)
    item = _run(url, partial(find_quarantined, quarantine_id=number))
    if item is None:
        raise CloudError(f"there is no message {number} in the quarantine")
    for name in _SHOWN:
        click.echo(f"{name}: {getattr(item, name)}")
    click.echo(f"payload ({len(item.payload)} bytes): {_shown(item.payload)}")
    with connect(url) as connection:
        for line in connection.execute(LIST, {"thing": Thing.QUARANTINE, "number": number}):
            click.echo("\t".join(str(part) for part in line if part))


def _shown(payload: bytes) -> str:
    """As text, but for what would steer a terminal."""
    return _STEERS.sub(lambda found: f"\\x{ord(found[0]):02x}", payload.decode(errors="backslashreplace"))


_STEERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SHOWN = (
    "id",
    "received_at",
    "topic",
    "reason",
    "detail",
    "event_id",
    "stream",
    "sequence",
    "replayed_at",
    "mended_by",
    "discard_reason",
)


@quarantine.command("replay")
@config_option
@click.option("--id", "number", type=int, help="Only this one.")
@click.option("--all", "is_all", is_flag=True, help="Everything that waits; with --rule, all that it is for.")
@click.option(
    "--rule", "rule_file", type=click.Path(path_type=Path, dir_okay=False), help="Mend them first by this file (TOML)."
)
def replay_quarantine(config: Path | None, number: int | None, rule_file: Path | None, *, is_all: bool) -> None:
    r"""Try messages again: after a device was enrolled, with a newer version, or mended by a rule.

    A rule names itself and the reason for which messages lie here, and says what to change in their JSON; their bytes
    stay in the quarantine as they came:

    \b
    name = "heading-360"
    reason = "bad_data"
    topic = "busense/v1/*/bus-7/*"
    rename = { "/data/latitude" = "/data/lat" }
    remove = ["/data/note"]
    set = { "/data/heading_deg" = 0.0 }
    """
    if (number is None) is not is_all:
        raise click.UsageError("either --id NUMBER or --all is expected")
    url = _reached(config)
    rule = load_mending_rule(rule_file) if rule_file is not None else None
    if number is None:
        stored, stay = _replay(url, lambda replayer: replayer.replay_all(rule=rule))
        click.echo(f"stored {stored}, {stay} stay in the quarantine")
        return
    is_stored = _replay(url, lambda replayer: replayer.replay_one(number, rule=rule))
    if not is_stored:
        why = "there is no such message" if is_stored is None else "it stays in the quarantine"
        raise CloudError(f"message {number} is not stored: {why}")
    click.echo(f"stored message {number}")


@quarantine.command("discard")
@config_option
@click.argument("number", type=int)
@click.option("--reason", required=True)
def discard_quarantined(config: Path | None, number: int, reason: str) -> None:
    """Give a message up; its bytes stay until retention purges them."""
    give_up = partial(discard, quarantine_id=number, reason=reason, actor=COMMAND_LINE)
    if not _run(_reached(config), give_up):
        raise CloudError(f"no message {number} waits in the quarantine")
    click.echo(f"message {number} is discarded")


def _reached(config: Path | None) -> str:
    url = load_config(config).database.read_url()
    reach(url)
    return url


def _run(url: str, work: Callable[[AsyncConnection[Any]], Awaitable[T]]) -> T:
    async def run() -> T:
        async with open_pool(url) as pool, pool.connection() as connection:
            return await work(connection)

    return asyncio.run(run())


def _replay(url: str, work: Callable[[Replayer], Awaitable[T]]) -> T:
    async def replay(connection: AsyncConnection[Any]) -> T:
        async with open_handler(url) as handler:
            return await work(Replayer(connection=connection, handler=handler, actor=COMMAND_LINE))

    return _run(url, replay)
