"""`busense bridge`: the terminals and feeds of others."""

from datetime import UTC, datetime
from pathlib import Path

import click

from cloud.bridges.gtfs_rt.poll import follow_until_signalled
from cloud.bridges.jt808.registry import REGISTER_WITHIN, admit, remove
from cloud.bridges.jt808.server import serve_until_signalled
from cloud.cli import config_option
from cloud.config import load_config
from cloud.db.pool import connect
from cloud.errors import BridgeError
from wire.errors import TopicError
from wire.topics import parse_topic


@click.group()
def bridge() -> None:
    """Other people's protocols."""


@bridge.command("jt808")
@config_option
def jt808(config: Path | None) -> None:
    """Serve terminals that speak JT/T 808 (2013, 2019) with alarms of T/JSATL 12, until SIGTERM."""
    serve_until_signalled(load_config(config))


@bridge.command("gtfs-rt")
@config_option
def gtfs_rt(config: Path | None) -> None:
    """Follow the vehicle positions of a GTFS-realtime feed ([gtfs_rt]), until SIGTERM."""
    follow_until_signalled(load_config(config))


@bridge.command("admit")
@config_option
@click.argument("phone")
@click.argument("device")
@click.option("--terminal-id", help="Only a terminal that says it has this id; without it the first that comes.")
def admit_terminal(phone: str, device: str, terminal_id: str | None, config: Path | None) -> None:
    """Let the terminal with the number PHONE register, once, within a day, as the bus DEVICE."""
    settings = load_config(config)
    try:
        topic = parse_topic(f"busense/v1/{settings.city}/{device}/state")
    except TopicError as error:
        raise BridgeError(str(error)) from error
    with connect(settings.database.read_url()) as connection:
        admit(
            connection,
            phone=phone,
            city=topic.city,
            device=topic.device,
            terminal_id=terminal_id,
            at=datetime.now(UTC),
        )
    hours = int(REGISTER_WITHIN.total_seconds() // 3600)
    click.echo(f"terminal {phone} may register as {topic.city}/{topic.device} within {hours} hours")


@bridge.command("remove")
@config_option
@click.argument("phone")
def remove_terminal(phone: str, config: Path | None) -> None:
    """Let the terminal with the number PHONE come no more."""
    with connect(load_config(config).database.read_url()) as connection:
        if not remove(connection, phone=phone):
            raise BridgeError(f"there is no terminal {phone}")
    click.echo(f"terminal {phone} comes no more")
