"""`busense doctor`: look at everything that a server or a bus needs, and say in plain words what is wrong.

Each check imports its own side, so that the command runs on a bus without the cloud's packages and the other way round.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from busense.doctor_production import Finding, faults_of_bus, faults_of_cloud, production_check, purge_check
from busense.errors import NotReadyError
from telemetry.server import parse_address
from wire.errors import BusenseError

if TYPE_CHECKING:
    from cloud.config import CloudConfig
    from edge_agent.config import AgentConfig

ASKED_WITHIN_S: Final = 5.0
_path = click.Path(path_type=Path, dir_okay=False)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look at; `look` says what it found, or raises."""

    name: str
    look: Callable[[], str]


@click.command()
@click.option("--config", type=_path, help="The cloud's configuration; without it the one BUSENSE_CONFIG names.")
@click.option("--agent", type=_path, help="A bus's configuration: look at the bus instead.")
@click.option("--production", is_flag=True, help="Only look whether the configuration is fit for production.")
@click.option("--ask", metavar="HOST:PORT", help="Only ask the process that tells its health there.")
@click.option("--backups", type=click.Path(path_type=Path, file_okay=False), help="Where backups land.")
def doctor(config: Path | None, agent: Path | None, backups: Path | None, ask: str | None, *, production: bool) -> None:
    """Say in plain words what is wrong; exit code 1 when something is."""
    if ask is not None:
        checks: Iterator[Check] = iter([Check("process", partial(_ask, ask, "the process"))])
    elif production:
        checks = _production_checks(config, agent, backups)
    else:
        checks = _bus_checks(agent) if agent is not None else _cloud_checks(config)
    wrong = [check.name for check in checks if not _report(check)]
    if wrong:
        click.echo(f"\nneeds attention: {', '.join(wrong)}")
        sys.exit(1)
    click.echo("\neverything is in order")


def _report(check: Check) -> bool:
    try:
        found = check.look()
    except (BusenseError, OSError) as error:
        click.echo(f"WRONG  {check.name:14} {error}")
        return False
    click.echo(f"ok     {check.name:14} {found}")
    return True


def _production_checks(path: Path | None, agent: Path | None, backups: Path | None) -> Iterator[Check]:
    names = ("broker", "cloud", "identity") if agent else (
        "broker", "pages", "accounts", "database", "fleet", "pictures", "notice", "backup"
    )  # fmt: skip
    faults = list(_faults(path, agent, backups))
    for name in names:
        yield Check(name, partial(production_check, faults, name))
    if agent is None:
        yield Check("retention", partial(_retention, path, faults))


def _faults(path: Path | None, agent: Path | None, backups: Path | None) -> Iterator[Finding]:
    if agent is not None:
        from edge_agent.config import load_config as load_agent  # noqa: PLC0415

        return faults_of_bus(load_agent(agent))
    from cloud.config import load_config  # noqa: PLC0415

    return faults_of_cloud(load_config(path), backups=backups, now_s=time.time())


def _retention(path: Path | None, faults: list[Finding]) -> str:
    from cloud.config import load_config  # noqa: PLC0415
    from cloud.db.migrate import check_current  # noqa: PLC0415
    from cloud.db.pool import connect  # noqa: PLC0415
    from cloud.work.retention import last_report  # noqa: PLC0415

    production_check(faults, "retention")
    url, at = load_config(path).database.read_url(), datetime.now(UTC)
    check_current(url)
    with connect(url) as connection:
        last = last_report(connection, at=at)
    return purge_check((last[0], last[1]["is_proven"]) if last is not None else None, at=at)


def _cloud_checks(path: Path | None) -> Iterator[Check]:
    from cloud.config import load_config  # noqa: PLC0415

    loaded: list[CloudConfig] = []

    def read() -> str:
        loaded.append(load_config(path))
        return f"city {loaded[0].city}"

    yield Check("configuration", read)
    if loaded:
        config = loaded[0]
        yield Check("database", lambda: _database(config))
        yield Check("broker", lambda: _broker(config))
        yield Check("pictures", lambda: _pictures(config))
        yield Check("catalogue", lambda: _catalogue(config))
        yield Check("pages", _pages)
        for name in ("ingest", "work", "serve"):
            yield Check(name, partial(_ask, getattr(config.telemetry, name), f"`busense {name}`"))


def _ask(address: str | None, process: str) -> str:
    """Ask a running process whether it lacks something.

    Raises:
        NotReadyError: it does, or does not answer.
    """
    if address is None:
        return "not asked: [telemetry] names no address for it"
    try:
        host, port = parse_address(address)
    except ValueError as error:
        raise NotReadyError(str(error)) from error
    connection = HTTPConnection("127.0.0.1" if host == "0.0.0.0" else host, port, timeout=ASKED_WITHIN_S)  # noqa: S104 - compared
    try:
        connection.request("GET", "/health/ready")
        said = json.loads(connection.getresponse().read())
    except (OSError, HTTPException, ValueError) as error:
        raise NotReadyError(f"{address} does not answer ({type(error).__name__}): is {process} running?") from error
    finally:
        connection.close()
    try:
        missing, found = said["missing"], f"{said['process']} {said['version']}"
    except (KeyError, TypeError) as error:
        raise NotReadyError(f"{address} is answered by another program than {process}") from error
    if missing:
        raise NotReadyError("; ".join(missing.values()))
    return f"{found} is ready"


def _database(config: "CloudConfig") -> str:
    from cloud.db.migrate import check_current  # noqa: PLC0415
    from cloud.db.pool import connect  # noqa: PLC0415

    url = config.database.read_url()
    check_current(url)
    with connect(url) as connection:
        row = connection.execute("SELECT version(), count(*) FROM devices").fetchone()
    version, devices = row if row is not None else ("", 0)
    return f"{' '.join(str(version).split()[:2])}, migrated, {devices} devices enrolled"


def _broker(config: "CloudConfig") -> str:
    from cloud.ingest.reach import reach_broker  # noqa: PLC0415

    broker = config.require_broker()
    asyncio.run(reach_broker(broker))
    return f"{broker.url} lets user {broker.user} in"


def _pictures(config: "CloudConfig") -> str:
    from cloud.pictures.store import open_store  # noqa: PLC0415

    open_store(config.pictures)
    return config.pictures.url


def _catalogue(config: "CloudConfig") -> str:
    from cloud.findings.catalogue import load_catalogue  # noqa: PLC0415

    catalogue = load_catalogue(config.work.catalogue)
    return f"{config.work.catalogue or 'the one shipped with busense'}: {len(catalogue.classes)} classes"


def _pages() -> str:
    from cloud.api.pages import BUILT  # noqa: PLC0415

    if not (BUILT / "index.html").is_file():
        raise FileNotFoundError("the dashboard is not built: run `make dashboard`, or install a released wheel")
    return "built"


def _bus_checks(path: Path) -> Iterator[Check]:
    from edge_agent.config import load_config  # noqa: PLC0415

    loaded: list[AgentConfig] = []

    def read() -> str:
        loaded.append(load_config(path))
        return f"{loaded[0].identity.city}/{loaded[0].identity.device}"

    yield Check("configuration", read)
    if loaded:
        config = loaded[0]
        yield Check("secret", lambda: _secret(config))
        yield Check("outbox", lambda: _outbox(config.outbox.path))
        if (camera := config.camera) is not None:
            yield Check("model", lambda: _detector(config))
            yield Check("faces", lambda: _faces(config.privacy.faces))
            yield Check("no pictures", lambda: _no_pictures(config.privacy.no_pictures))
            yield Check("camera", lambda: _source(camera.source, "camera"))
        if config.place is None:
            yield Check("gnss", lambda: _source(config.gnss.source, "GNSS receiver"))
        for line in config.sensors.modbus if config.sensors is not None else ():
            yield Check("modbus", partial(_source, str(line.port), "RS-485 adapter"))
        yield Check("agent", lambda: _ask(config.telemetry.address, "`busense agent`"))


def _secret(config: "AgentConfig") -> str:
    config.identity.secret()
    return "readable"


def _detector(config: "AgentConfig") -> str:
    from edge_agent.vision.detector import open_detector  # noqa: PLC0415

    model = open_detector(config.model).model
    return f"{model.name} {model.version} runs as configured"


def _no_pictures(path: Path | None) -> str:
    from edge_agent.no_pictures import NoPicturePlaces  # noqa: PLC0415

    if path is None:
        return "privacy.no_pictures is not set: pictures are kept everywhere"
    NoPicturePlaces.read(path)
    return f"{path} is read"


def _faces(manifest_path: Path) -> str:
    from edge_agent.vision.model_file import Network, load_manifest  # noqa: PLC0415

    manifest = load_manifest(manifest_path)
    Network(manifest_path.parent, manifest.weights("fp32"), threads=1)
    return f"{manifest.name} {manifest.version}, its file is the one that the manifest names"


def _outbox(path: Path) -> str:
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise PermissionError(f"{path.parent} is no folder that user {os.geteuid()} may write")
    return str(path)


def _source(source: str, what: str) -> str:
    if not source:
        raise FileNotFoundError(f"no source is configured for the {what}")
    if source.startswith("/") and not os.access(source, os.R_OK):
        raise FileNotFoundError(f"{source} is not there or may not be read: is the {what} plugged in?")
    return source
