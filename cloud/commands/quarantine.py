"""`busense quarantine`: messages that could not be stored."""

import asyncio
import re
from pathlib import Path

import click

from cloud.cli import config_option
from cloud.config import load_config
from cloud.db.pool import connect, open_pool, reach
from cloud.db.upkeep import COMMAND_LINE, LIST, Thing
from cloud.errors import CloudError
from cloud.ingest.handler import open_handler
from cloud.ingest.mending import MendingRule, load_mending_rule
from cloud.ingest.quarantine import Quarantined, discard, find_quarantined, list_waiting
from cloud.ingest.replay import Replayer


@click.group()
def quarantine() -> None:
    """Messages that could not be stored."""


@quarantine.command("list")
@config_option
@click.option("--after", type=int, default=0, help="Begin behind this number.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
def list_quarantine(config: Path | None, after: int, limit: int) -> None:
    """List what waits, oldest first."""
    url = _reached(config)
    for item in asyncio.run(_list(url, after=after, limit=limit)):
        click.echo(f"{item.id}\t{item.received_at:%Y-%m-%dT%H:%M:%SZ}\t{item.reason}\t{item.topic}\t{item.detail}")


@quarantine.command("show")
@config_option
@click.argument("number", type=int)
def show_quarantine(config: Path | None, number: int) -> None:
    """Show one message with its reason and its bytes."""
    url = _reached(config)
    item = asyncio.run(_find(url, number))
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
        stored, stay = asyncio.run(_replay_all(url, rule))
        click.echo(f"stored {stored}, {stay} stay in the quarantine")
        return
    is_stored = asyncio.run(_replay_one(url, number, rule))
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
    if not asyncio.run(_discard(_reached(config), number, reason)):
        raise CloudError(f"no message {number} waits in the quarantine")
    click.echo(f"message {number} is discarded")


def _reached(config: Path | None) -> str:
    url = load_config(config).database.read_url()
    reach(url)
    return url


async def _list(url: str, *, after: int, limit: int) -> list[Quarantined]:
    async with open_pool(url) as pool, pool.connection() as connection:
        return await list_waiting(connection, after=after, limit=limit)


async def _find(url: str, number: int) -> Quarantined | None:
    async with open_pool(url) as pool, pool.connection() as connection:
        return await find_quarantined(connection, number)


async def _replay_all(url: str, rule: MendingRule | None) -> tuple[int, int]:
    async with open_pool(url) as pool, pool.connection() as connection, open_handler(url) as handler:
        return await Replayer(connection=connection, handler=handler, actor=COMMAND_LINE).replay_all(rule=rule)


async def _replay_one(url: str, number: int, rule: MendingRule | None) -> bool | None:
    async with open_pool(url) as pool, pool.connection() as connection, open_handler(url) as handler:
        return await Replayer(connection=connection, handler=handler, actor=COMMAND_LINE).replay_one(number, rule=rule)


async def _discard(url: str, number: int, reason: str) -> bool:
    async with open_pool(url) as pool, pool.connection() as connection:
        return await discard(connection, number, reason=reason, actor=COMMAND_LINE)
