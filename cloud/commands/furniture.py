"""`busense furniture`: the county's own list of signs, rails, poles, covers, hydrants and bins."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from cloud.cli import config_option
from cloud.config import load_config
from cloud.db.pool import connect
from cloud.furniture.features import read_file
from cloud.furniture.imports import import_features
from cloud.scenarios.street_furniture.kinds import load_kinds

SHOWN: Final = 20  # of what was refused; all of it is in the database


@click.group()
def furniture() -> None:
    """Street furniture."""


@furniture.command("import")
@config_option
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def take_list(config: Path | None, file: Path) -> None:
    """Take things from GeoJSON points with the property `kind` (SIGN, RAIL, POLE, D50 or COVER, HYDRANT, BIN).

    A thing is known again by its `id`, or without one by its kind and place; `name`, `faces_deg` (from where it is
    read) and `accuracy_m` may be told.
    """
    settings = load_config(config)
    kinds = load_kinds(settings.work.furniture)
    features = read_file(file, kinds=kinds)
    with connect(settings.database.read_url()) as connection:
        came = import_features(
            connection, features, city=settings.city, file=file.name, kinds=kinds, at=datetime.now(UTC)
        )
    for refused in came.refused[:SHOWN]:
        click.echo(f"feature {refused.number} refused: {refused.reason}", err=True)
    if len(came.refused) > SHOWN:
        click.echo(f"and {len(came.refused) - SHOWN} more, in inventory.refused", err=True)
    click.echo(f"{came.added} added, {came.known} known already, {len(came.refused)} refused")
