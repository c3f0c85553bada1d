"""`busense travel`: what the care desk needs that is no page."""

from pathlib import Path

import click

from cloud.cli import config_option
from cloud.config import load_config
from cloud.db.pool import connect
from cloud.travel.stops import import_stops


@click.group()
def travel() -> None:
    """People who travel with a tag."""


@travel.command("stops")
@config_option
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def take_stops(config: Path | None, file: Path) -> None:
    """Take the names of stops from GeoJSON points with `id` and the property `name`, in the place of all before."""
    with connect(load_config(config).database.read_url()) as connection:
        count = import_stops(connection, file)
    click.echo(f"{count} stops")
