"""`busense deliveries`: what webhooks, mail and chat were told, and what did not arrive."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import click

from cloud.cli import config_option
from cloud.config import load_config
from cloud.db.pool import connect
from cloud.errors import CloudError
from cloud.notify.repository import replay

_LIST: Final = """
SELECT id, channel, target, payload ->> 'type', attempts, last_error FROM deliveries
WHERE state = %s AND id > %s ORDER BY id LIMIT %s
"""


@click.group()
def deliveries() -> None:
    """What was told to other systems and people."""


@deliveries.command("list")
@config_option
@click.option("--state", type=click.Choice(["dead", "waiting", "sent"]), default="dead", show_default=True)
@click.option("--after", type=click.UUID, default=UUID(int=0), help="Begin behind this one.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
def list_deliveries(config: Path | None, state: str, after: UUID, limit: int) -> None:
    """List dead letters (or what waits, or was sent), oldest first."""
    with connect(load_config(config).database.read_url()) as connection:
        for row in connection.execute(_LIST, (state, after, limit)):
            click.echo("\t".join(str(part) for part in row))


@deliveries.command("replay")
@config_option
@click.option("--id", "delivery_id", type=click.UUID, help="Only this one.")
@click.option("--all", "is_all", is_flag=True, help="All dead letters.")
def replay_deliveries(config: Path | None, delivery_id: UUID | None, *, is_all: bool) -> None:
    """Send dead letters again; the receiver knows a repetition by its id."""
    if (delivery_id is None) is not is_all:
        raise click.UsageError("either --id ID or --all is expected")
    with connect(load_config(config).database.read_url()) as connection:
        count = replay(connection, delivery_id, at=datetime.now(UTC))
    if delivery_id is not None and not count:
        raise CloudError(f"there is no dead letter {delivery_id}")
    click.echo(f"{count} will be sent again")
