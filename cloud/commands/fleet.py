"""`busense fleet`: buses, their certificates, and what the broker knows of them."""

import logging
import signal
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import click
from psycopg import Connection

from cloud.cli import config_option
from cloud.config import CloudConfig, load_config
from cloud.db.pool import connect
from cloud.errors import FleetError
from cloud.fleet.activity import read_days
from cloud.fleet.authority import Authority
from cloud.fleet.broker_users import reload_broker, write_users
from cloud.fleet.devices import city_and_device, enrol
from cloud.fleet.enrol_list import draw_codes, read_codes, read_list, write_codes
from cloud.fleet.enrolment import CHANNEL, CODE_GOOD_FOR, good_certificates, make_code, revoke
from cloud.fleet.secret import read_or_create_secret
from telemetry.replaced import replaced
from telemetry.result_file import RESULT_FILE

KMH: Final = 3.6  # of one metre a second
LOOK_AGAIN_S: Final = 60.0  # certificates end without anybody telling

_path = click.Path(path_type=Path, dir_okay=False)
_log = logging.getLogger(__name__)


@click.group()
def fleet() -> None:
    """Devices."""


@fleet.command("enrol")
@config_option
@click.argument("device")
@click.option(
    "--secret-file",
    type=_path,
    help="Admit it by a secret instead of a certificate; drawn and written when there is no such file.",
)
@click.option("--relay", "is_relay", is_flag=True, help="A stop that carries what buses without a network hand over.")
def enrol_device(*, device: str, secret_file: Path | None, is_relay: bool, config: Path | None) -> None:
    """Admit DEVICE (`bus-1`, or `city/bus-1`): print a code for `busense enrol` on the bus, good once, for a day."""
    settings = load_config(config)
    city, name = city_and_device(device, default_city=settings.city)
    if is_relay and secret_file is not None:
        raise FleetError("a relay needs a certificate: leave --secret-file out")
    with connect(settings.database.read_url()) as connection:
        if secret_file is not None:
            _enrol_by_secret(connection, secret_file, city=city, name=name)
            return
        code = make_code(connection, city=city, device=name, at=datetime.now(UTC), is_relay=is_relay)
    hours = int(CODE_GOOD_FOR.total_seconds() // 3600)
    click.echo(f"{city}/{name}: {code} (good once, for {hours} hours)")


@fleet.command("enrol-list")
@config_option
@click.argument("file", type=_path)
@click.option("--codes", type=RESULT_FILE, required=True, help="CSV file that gets the codes, for its owner alone.")
def enrol_list(*, file: Path, codes: Path, config: Path | None) -> None:
    """Draw a code for each device of FILE, or none at all: CSV with the columns device, kind (bus, stop, relay), name.

    Again it draws only for those that have not come in time: who is enrolled or has a good code in the file keeps it.
    """
    settings = load_config(config)
    listed = read_list(file, city=settings.city)
    with connect(settings.database.read_url()) as connection:
        drawn = draw_codes(connection, listed, codes=read_codes(codes), at=datetime.now(UTC))
        with replaced(codes, is_private=True) as draft:
            write_codes(draft, drawn.codes)
            connection.commit()
    hours = int(CODE_GOOD_FOR.total_seconds() // 3600)
    click.echo(
        f"{len(listed)} devices: {drawn.enrolled} enrolled already, {drawn.new} new codes; {codes} holds "
        f"{len(drawn.codes)} codes (each good once, for {hours} hours)"
    )


@fleet.command("revoke")
@config_option
@click.argument("device")
def revoke_device(device: str, config: Path | None) -> None:
    """End all certificates and the secret of DEVICE; the broker cuts it off at once."""
    settings = load_config(config)
    city, name = city_and_device(device, default_city=settings.city)
    with connect(settings.database.read_url()) as connection:
        ended = revoke(connection, city=city, device=name, at=datetime.now(UTC))
    click.echo(f"{city}/{name}: {ended} certificates are no longer good, nor is its secret")


@fleet.command("activity")
@config_option
@click.option("--days", default=7, show_default=True, type=click.IntRange(1, 3650))
def show_activity(*, days: int, config: Path | None) -> None:
    """Tell by day (UTC) how many buses drove, and how many segments they looked at."""
    settings = load_config(config)
    until = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    with connect(settings.database.read_url()) as connection:
        found = read_days(connection, city=settings.city, since=until - timedelta(days=days), until=until)
    click.echo("day         buses      points  moving  km/h  segments    looks")
    for each in found:
        moving, speed = (each.moving_share or 0.0) * 100, (each.speed_mps or 0.0) * KMH
        click.echo(
            f"{each.day:%Y-%m-%d}  {each.buses:5}  {each.points:10}  {moving:4.0f} %  {speed:4.1f}  {each.segments:8}"
            f"  {each.looks:7}"
        )


@fleet.command("authority")
@config_option
def make_authority(config: Path | None) -> None:
    """Make the city's certificate authority in the folder that `fleet.authority` names."""
    settings = load_config(config)
    if settings.fleet.authority is None:
        raise FleetError("fleet.authority is not set: a folder is expected")
    Authority.create(settings.fleet.authority, city=settings.city, at=datetime.now(UTC))
    click.echo(f"made the authority of {settings.city} in {settings.fleet.authority}; its key never leaves this folder")


@fleet.command("tell-broker")
@config_option
@click.option("--users-file", type=_path, required=True, help="The file that nats.conf includes.")
@click.option("--pid-file", type=_path, required=True, help="Where NATS wrote its process id.")
def tell_broker(users_file: Path, pid_file: Path, config: Path | None) -> None:
    """Keep NATS's users those whose certificates are good, until SIGTERM: a revoked one is cut off at once."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stop.set())
    follow_certificates(load_config(config), stop, users_file=users_file, pid_file=pid_file)


def follow_certificates(config: CloudConfig, stop: threading.Event, *, users_file: Path, pid_file: Path) -> None:
    """Write the users and have them read again whenever they change, and once at the beginning."""
    is_told = False
    with connect(config.database.read_url(), autocommit=True) as connection:
        connection.execute(f"LISTEN {CHANNEL}")
        while not stop.is_set():
            is_changed = write_users(users_file, good_certificates(connection, at=datetime.now(UTC)))
            if is_changed or not is_told:
                is_told = _tell(pid_file)
            _wait(connection, stop)


def _tell(pid_file: Path) -> bool:
    """Have the users read again; a broker that is away reads them when it begins, or is told later."""
    try:
        reload_broker(int(pid_file.read_text()))
    except (OSError, ValueError) as error:
        _log.warning("broker_away pid_file=%s error=%s", pid_file, error)
        return False
    _log.info("broker_told pid_file=%s", pid_file)
    return True


def _wait(connection: Connection[Any], stop: threading.Event) -> None:
    """Wait for a change, a second at a time so that the end is not waited for."""
    for _ in range(int(LOOK_AGAIN_S)):
        if stop.is_set() or any(True for _ in connection.notifies(timeout=1.0, stop_after=1)):
            return


def _enrol_by_secret(connection: Connection[Any], secret_file: Path, *, city: str, name: str) -> None:
    is_new = enrol(connection, city=city, device=name, secret=read_or_create_secret(secret_file))
    click.echo(f"{'enrolled' if is_new else 'new secret for'} {city}/{name}; its secret lies in {secret_file}")
