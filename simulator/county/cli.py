"""`busense county`: a county of thousands of buses, without agents: its scenario, its messages, its timetable."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import click

from simulator.county.build import County, make_county
from simulator.county.gtfs import write_gtfs
from simulator.county.ledger import read_ledger
from simulator.county.messages import CountyFleet
from simulator.county.publish import Publisher, in_time
from simulator.county.recording import read_recording, write_recording
from simulator.county.report import write_report
from simulator.county.scenario import load_scenario
from simulator.devices import read_secret
from telemetry.finite import FiniteRange
from telemetry.result_file import RESULT_FILE
from wire.error_model import load_error_model

MORNING_H: Final = 8.0
HOUR_S: Final = 3600.0
_MOST_H: Final = 3660 * 24.0  # of the longest scenario
_FILE: Final = click.Path(path_type=Path, exists=True, dir_okay=False)

_scenario = click.argument("scenario", type=_FILE)
_errors = click.option("--errors", type=_FILE, help="error_model.json of the detector; else of the shipped one.")
from_option = click.option(
    "--from-h",
    default=MORNING_H,
    show_default=True,
    type=FiniteRange(0, _MOST_H),
    help="Hours after a county's first midnight.",
)
_for = click.option(
    "--for", "for_s", default=600.0, show_default=True, type=FiniteRange(10, _MOST_H * HOUR_S), help="Seconds."
)
_broker = click.option("--broker", required=True, help="mqtt://host:port or mqtts://host:port")
_user = click.option("--user", help="Name of an account that may write for all these buses.")
_password = click.option("--password-file", type=_FILE)
_rate = click.option(
    "--rate",
    default=1.0,
    show_default=True,
    type=FiniteRange(min=0),
    help="Times faster than it happened; 0: as fast as it goes.",
)


@click.group()
def county() -> None:
    """A county of buses that are only numbers: thousands of them, by the measured errors of the detector."""


@county.command()
@_scenario
def check(scenario: Path) -> None:
    """Say which line of a scenario is wrong, or what county it makes."""
    made = make_county(load_scenario(scenario), folder=scenario.parent)
    click.echo(_in_words(made))


@county.command()
@_scenario
@click.argument("file", type=RESULT_FILE)
@from_option
@_for
@_errors
def record(scenario: Path, file: Path, *, from_h: float, for_s: float, errors: Path | None) -> None:
    """Write all messages of some time into FILE (gzipped if it ends in .gz): the same for the same seed."""
    made = county_of(scenario, errors)
    part = made.scenario.county
    begin = part.midnight + timedelta(hours=from_h)
    about = {"county": part.name, "seed": part.seed, "from": begin.isoformat(), "for_s": for_s}
    count = write_recording(file, CountyFleet(made, from_s=from_h * HOUR_S).messages(for_s), about=about)
    click.echo(f"{count} messages of {part.buses} buses in {file}")


@county.command()
@click.argument("file", type=_FILE)
@_broker
@_user
@_password
@_rate
def publish(file: Path, *, broker: str, user: str | None, password_file: Path | None, rate: float) -> None:
    """Publish a recorded FILE."""
    publisher = Publisher(broker, user=user, password=read_password(password_file))
    count = in_time(read_recording(file), publisher.publish, rate=rate)
    publisher.close()
    click.echo(f"{count} messages published and acknowledged")


@county.command()
@_scenario
@_broker
@_user
@_password
@_rate
@from_option
@_for
@_errors
@click.option("--now", "is_now", is_flag=True, help="Messages tell the time at which they leave: as a cloud wants it.")
def drive(
    scenario: Path,
    *,
    broker: str,
    user: str | None,
    password_file: Path | None,
    rate: float,
    from_h: float,
    for_s: float,
    errors: Path | None,
    is_now: bool,
) -> None:
    """Publish a county while it drives, without a file between."""
    if is_now and rate != 1:
        raise click.UsageError("--now is for --rate 1: nothing can be told before it happened")
    made = county_of(scenario, errors)
    publisher = Publisher(broker, user=user, password=read_password(password_file))
    begins_at = datetime.now(UTC) if is_now else None
    fleet = CountyFleet(made, from_s=from_h * HOUR_S, begins_at=begins_at)
    count = in_time(fleet.messages(for_s), publisher.publish, rate=rate, begins_at=begins_at)
    publisher.close()
    click.echo(f"{count} messages published and acknowledged")


@county.command()
@_scenario
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def timetable(scenario: Path, folder: Path) -> None:
    """Write the county's lines, stops and departures as GTFS files into FOLDER."""
    made = make_county(load_scenario(scenario), folder=scenario.parent)
    write_gtfs(made.lines, folder, first_day=made.scenario.county.first_day, zone=made.scenario.county.time_zone)
    click.echo(_in_words(made))


@county.command()
@click.argument("ledger", type=_FILE)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def report(ledger: Path, folder: Path) -> None:
    """Draw the page of a finished or interrupted run from its ledger.json."""
    click.echo(write_report(read_ledger(ledger), folder))


def county_of(scenario: Path, errors: Path | None) -> County:
    """The county of a scenario file, whose buses are as wrong as was measured."""
    measured = load_error_model(errors) if errors else None
    return make_county(load_scenario(scenario), folder=scenario.parent, errors=measured)


def _in_words(made: County) -> str:
    part, lines = made.scenario.county, made.lines
    stops = sum(len(each.stops) for each in lines.lines)
    damage = int(made.damages.is_damage.sum())
    return (
        f"{part.name}: {part.buses} buses on {len(lines.lines)} lines, {lines.length_m / 1000:.0f} km, {stops} stops; "
        f"{damage} pieces of damage in {part.days} days, {(made.weather.rain_of_day_mm > 1).sum()} days of rain"
    )


def read_password(password_file: Path | None) -> str | None:
    return read_secret(password_file) if password_file else None
