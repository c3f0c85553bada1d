"""Commands of the operations center."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import click
from psycopg import IsolationLevel

from cloud.config import PATH_VARIABLE, load_config
from cloud.data_file import fault_of, read_tables
from cloud.db.migrate import migrate as apply_migrations
from cloud.db.pool import connect
from cloud.errors import AuditError
from cloud.findings.catalogue import Catalogue, load_catalogue
from cloud.ingest.service import ingest_until_signalled
from wire.error_model import load_error_model

config_option = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"Configuration file (TOML); without it the one that {PATH_VARIABLE} names, or the environment alone.",
)


@click.command()
@config_option
def migrate(config: Path | None) -> None:
    """Bring the database to this version, with its model's error; safe twice and from several machines."""
    from cloud.findings.error_models import register_shipped  # noqa: PLC0415 - ingest needs no scipy

    url = load_config(config).database.read_url()
    applied = apply_migrations(url)
    for name in applied:
        click.echo(f"applied {name}")
    with connect(url) as connection:
        shipped = register_shipped(connection, at=datetime.now(UTC))
    if shipped is not None:
        click.echo(f"passes of {shipped.model.name} {shipped.model.version} count by its measured error")
    click.echo("the database is of this version")


@click.command()
@config_option
def ingest(config: Path | None) -> None:
    """Take messages from the broker into the database until SIGTERM or SIGINT."""
    asyncio.run(ingest_until_signalled(load_config(config)))


@click.command()
@config_option
def work(config: Path | None) -> None:
    """Make findings and cases of what was observed until SIGTERM or SIGINT."""
    from cloud.work.service import work_until_signalled  # noqa: PLC0415 - ingest needs no scipy

    work_until_signalled(load_config(config))


@click.command()
@config_option
def serve(config: Path | None) -> None:
    """Answer the API and show the pages until SIGTERM or SIGINT."""
    from cloud.api.serve import serve as run  # noqa: PLC0415 - only this command needs a web server

    run(load_config(config))


@click.group()
def catalogue() -> None:
    """The catalogue of classes and rules."""


@catalogue.command("errors")
@config_option
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def register_errors(file: Path, config: Path | None) -> None:
    """Register how often a model is right and wrong (FILE: its error_model.json); passes of its version count by it."""
    from cloud.findings.error_models import register  # noqa: PLC0415 - ingest needs no scipy

    model = load_error_model(file)
    with connect(load_config(config).database.read_url()) as connection:
        is_new = register(connection, model, at=datetime.now(UTC))
    click.echo(f"{model.model.name} {model.model.version}: {'registered' if is_new else 'is registered already'}")


@catalogue.command("check")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--catalogue",
    "catalogue_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Of the classes that a handling FILE speaks of; without it the shipped one.",
)
def check_catalogue(file: Path, catalogue_file: Path | None) -> None:
    """Check a catalogue FILE (classes and rules) or a handling FILE (calendar, clock, areas, crews); names the line."""
    if "calendar" in read_tables(file):
        _check_handling(file, load_catalogue(catalogue_file))
        return
    found = load_catalogue(file)
    click.echo(f"{file}: {len(found.classes)} classes, all right")


def _check_handling(file: Path, known: Catalogue) -> None:
    from cloud.cases.handling import load_handling, missing_years, strangers  # noqa: PLC0415 - needs shapely

    found = load_handling(file)
    if faults := strangers(found, known):
        raise fault_of(file, faults)
    click.echo(f"{file}: {len(found.areas)} areas, {len(found.crews)} crews, all right")
    for year in missing_years(found, datetime.now(UTC).date()):
        click.echo(f"{file}: no official days of {year}: that year goes by Monday to Friday", err=True)


@click.group()
def dataset() -> None:
    """What people said of findings, for training."""


@dataset.command("export")
@config_option
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--since", type=click.DateTime(["%Y-%m-%d"]), default="1970-01-01", help="Judged since this day (UTC), YYYY-MM-DD."
)
def export_dataset(folder: Path, config: Path | None, since: datetime) -> None:
    """Write COCO into FOLDER: pictures, boxes with the person's class, and false alarms."""
    from cloud.cases.dataset import export  # noqa: PLC0415
    from cloud.pictures.store import open_store  # noqa: PLC0415

    settings = load_config(config)
    with connect(settings.database.read_url()) as connection:
        coco = export(
            connection,
            folder,
            store=open_store(settings.pictures),
            catalogue=load_catalogue(settings.work.catalogue),
            since=since.replace(tzinfo=UTC),
        )
    click.echo(f"{len(coco.images)} pictures, {len(coco.annotations)} boxes, {len(coco.false_alarms)} false alarms")


@click.group()
def audit() -> None:
    """The chain of what was done with cases, and decided about findings."""


@audit.command("verify")
@config_option
@click.option("--expect", help="NUMBER:HASH of a seal that was kept elsewhere, as an earlier check printed it.")
def verify_audit(config: Path | None, expect: str | None) -> None:
    """Check that no line of any history was changed, taken out, put in or reordered."""
    from cloud.cases.audit import verify  # noqa: PLC0415
    from cloud.cases.seals import read_head_text  # noqa: PLC0415

    kept = read_head_text(expect) if expect else None
    with connect(load_config(config).database.read_url()) as connection:
        connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
        verdict = verify(connection, at=datetime.now(UTC), expected=kept)
    click.echo(f"{verdict.lines} lines, {verdict.seals} seals; keep this elsewhere: {verdict.head or 'nothing yet'}")
    if verdict.faults:
        raise AuditError("\n".join(verdict.faults))
    click.echo("the chain is whole")


@click.group()
def roads() -> None:
    """The road network."""


@roads.command("import")
@config_option
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def import_roads(file: Path, config: Path | None) -> None:
    """Import roads from an OpenStreetMap extract (FILE.osm.pbf) or GeoJSON lines, and cut them into segments.

    A road with a known id is replaced; its segments keep their history.
    """
    from cloud.condition.command import run_import  # noqa: PLC0415 - ingest needs no shapely

    found = run_import(load_config(config), file, at=datetime.now(UTC))
    click.echo(
        f"imported {found.roads} roads in {found.segments} segments: {found.added} new, {found.redrawn} redrawn, "
        f"{found.retired} retired"
    )
