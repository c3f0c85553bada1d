"""Commands of the operations center."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import click
from psycopg import IsolationLevel

from cloud.config import PATH_VARIABLE, load_config
from cloud.data_file import read_tables
from cloud.db.migrate import migrate as apply_migrations
from cloud.db.pool import connect, open_pool
from cloud.errors import AuditError, CloudError, ConfigError
from cloud.findings.catalogue import Catalogue, load_catalogue
from cloud.ingest.handler import open_handler
from cloud.ingest.mending import MendingRule, load_mending_rule
from cloud.ingest.quarantine import Quarantined, find_quarantined, list_waiting
from cloud.ingest.replay import replay_all, replay_one
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
        raise ConfigError("\n".join(f"{file}: {fault}" for fault in faults))
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
    """The chain of what was done with cases."""


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


@click.group()
def quarantine() -> None:
    """Messages that could not be stored."""


@quarantine.command("list")
@config_option
@click.option("--after", type=int, default=0, help="Begin behind this number.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
def list_quarantine(config: Path | None, after: int, limit: int) -> None:
    """List what waits, oldest first."""
    url = load_config(config).database.read_url()
    for item in asyncio.run(_list(url, after=after, limit=limit)):
        click.echo(f"{item.id}\t{item.received_at:%Y-%m-%dT%H:%M:%SZ}\t{item.reason}\t{item.topic}\t{item.detail}")


@quarantine.command("show")
@config_option
@click.argument("number", type=int)
def show_quarantine(config: Path | None, number: int) -> None:
    """Show one message with its reason and its bytes."""
    item = asyncio.run(_find(load_config(config).database.read_url(), number))
    if item is None:
        raise CloudError(f"there is no message {number} in the quarantine")
    for name in _SHOWN:
        click.echo(f"{name}: {getattr(item, name)}")
    click.echo(f"payload ({len(item.payload)} bytes): {item.payload.decode(errors='backslashreplace')}")


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
    url = load_config(config).database.read_url()
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


async def _list(url: str, *, after: int, limit: int) -> list[Quarantined]:
    async with open_pool(url) as pool, pool.connection() as connection:
        return await list_waiting(connection, after=after, limit=limit)


async def _find(url: str, number: int) -> Quarantined | None:
    async with open_pool(url) as pool, pool.connection() as connection:
        return await find_quarantined(connection, number)


async def _replay_all(url: str, rule: MendingRule | None) -> tuple[int, int]:
    async with open_pool(url) as pool, pool.connection() as connection, open_handler(url) as handler:
        return await replay_all(connection, handler, rule=rule)


async def _replay_one(url: str, number: int, rule: MendingRule | None) -> bool | None:
    async with open_pool(url) as pool, pool.connection() as connection, open_handler(url) as handler:
        return await replay_one(connection, handler, number, rule=rule)
