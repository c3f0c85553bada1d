"""`busense simulate`: buses in an invented town, against a real broker and a real cloud."""

import contextlib
import json
import signal
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Final

import click
from rich.console import Console
from rich.live import Live

from simulator.city import make_town, roads_geojson
from simulator.county.build import SHIPPED_ERRORS, County
from simulator.county.chosen import spread
from simulator.county.cli import HOUR_S, county_of, from_option, read_password
from simulator.county.others import Others
from simulator.county.publish import Publisher
from simulator.county.report import write_report
from simulator.county.world import world_of
from simulator.fleet import FleetPlan
from simulator.report import Report, in_words, write_json
from simulator.run import Simulation
from simulator.world import make_world
from telemetry.finite import FiniteRange
from telemetry.result_file import RESULT_FILE

SAY_EVERY_S: Final = 5.0
MOST_OFF_S: Final = 2e9  # from before 1970 to after 2038


@click.command()
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0, 2**31 - 1), help="Of town and damage.")
@click.option("--roads", type=RESULT_FILE, help="Write the town's roads as GeoJSON here and end.")
@click.option("--dense", "is_dense", is_flag=True, help="A bus each ten seconds, and damage that appears meanwhile.")
@click.option(
    "--county",
    "scenario",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Scenario file of a county, instead of the town: some of its buses run the agent.",
)
@from_option
@click.option(
    "--bus",
    "numbers",
    multiple=True,
    type=click.IntRange(min=1),
    help="Number of a bus of the county that runs the agent; again for each. Else --buses of them, of many lines.",
)
@click.option("--user", help="Account that may write for all buses: the county's others then drive, too, as numbers.")
@click.option("--password-file", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Of this account.")
@click.option("--buses", default=6, show_default=True, type=click.IntRange(1, 500))
@click.option("--full", default=2, show_default=True, type=click.IntRange(0, 500), help="Buses with the real detector.")
@click.option("--for", "for_s", type=FiniteRange(min=1), help="Seconds to drive; without it until stopped.")
@click.option(
    "--clock-off",
    "clock_off_s",
    type=FiniteRange(-MOST_OFF_S, MOST_OFF_S),
    help="Seconds by which the clock of each bus's machine is wrong.",
)
@click.option("--broker", help="Address of the broker, mqtt://host:port.")
@click.option("--stop-broker", help="Address of the stops' broker, for buses without a network.")
@click.option(
    "--without-network", default=0, show_default=True, type=click.IntRange(0, 500), help="Buses that have none."
)
@click.option("--cloud", help="Address of the cloud, http://host:port.")
@click.option("--city", default="demo", show_default=True, help="Of the town; a county is named in its scenario.")
@click.option("--secrets", type=click.Path(path_type=Path, exists=True, file_okay=False), help="<device>.secret files.")
@click.option("--work", type=click.Path(path_type=Path, file_okay=False), help="Folder for the outboxes.")
@click.option(
    "--frames", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Folder of photos with COCO boxes."
)
@click.option(
    "--tokens",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Tokens of a desk and crews (desk.token, crew-*.token) that then handle the cases.",
)
@click.option(
    "--errors",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="error_model.json by which buses without the real detector are wrong; else a better one is made up.",
)
@click.option(
    "--report", "report_folder", type=click.Path(path_type=Path, file_okay=False), help="Folder for a page of the run."
)
@click.option("--json", "json_file", type=RESULT_FILE, help="Also write the state here.")
def simulate(
    *,
    seed: int,
    roads: Path | None,
    is_dense: bool,
    scenario: Path | None,
    from_h: float,
    numbers: tuple[int, ...],
    user: str | None,
    password_file: Path | None,
    buses: int,
    full: int,
    for_s: float | None,
    clock_off_s: float | None,
    broker: str | None,
    stop_broker: str | None,
    without_network: int,
    cloud: str | None,
    city: str,
    secrets: Path | None,
    work: Path | None,
    frames: Path | None,
    tokens: Path | None,
    errors: Path | None,
    report_folder: Path | None,
    json_file: Path | None,
) -> None:
    """Drive buses through a town or a county and score what the cloud makes of it."""
    if roads is not None:
        roads.write_text(json.dumps(roads_geojson(make_town(seed)), ensure_ascii=False), encoding="utf-8")
        return
    if broker is None or cloud is None or secrets is None or work is None:
        raise click.UsageError("--broker, --cloud, --secrets and --work are needed to drive")
    plan = FleetPlan(
        city=city,
        buses=buses,
        full=min(full, buses),
        seed=seed,
        for_s=for_s,
        clock_off_s=clock_off_s,
        broker_url=broker,
        stop_broker_url=stop_broker,
        without_network=min(without_network, buses),
        cloud_url=cloud,
        secrets=secrets,
        work=work,
        tokens=tokens,
        errors=errors,
    )
    others: Others | None = None
    if scenario is None:
        world = make_world(seed=seed, buses=buses, frames=frames, is_dense=is_dense)
    else:
        county = county_of(scenario, errors)
        agents = _agents(county, numbers, buses)
        world = world_of(county, from_s=from_h * HOUR_S, agents=agents)
        plan = _in_county(plan, county, agents)
        if user is not None:
            publisher = Publisher(broker, user=user, password=read_password(password_file))
            others = Others(county, from_s=from_h * HOUR_S, agents=agents, publisher=publisher)
    with stopped_by_signals() as stop:
        simulation = Simulation(plan, world, stop=stop, is_watched=report_folder is not None, others=others)
        _show(simulation, json_file)
        report = simulation.result()
    if report_folder is not None and simulation.ledger is not None:
        click.echo(write_report(simulation.ledger, report_folder))
    if json_file is not None:
        write_json(json_file, report.as_json())
    click.echo("\n".join(in_words(report)))


def _agents(county: County, numbers: Sequence[int], buses: int) -> tuple[int, ...]:
    """Which buses of the county run the agent, counted from 0."""
    most = county.scenario.county.buses
    if any(number > most for number in numbers):
        raise click.UsageError(f"--bus {max(numbers)}: the county has {most} buses")
    return tuple(dict.fromkeys(number - 1 for number in numbers)) or spread(most, buses)


def _in_county(plan: FleetPlan, county: County, agents: Sequence[int]) -> FleetPlan:
    """The same for buses of the county: with its names, and as wrong as the shipped detector was measured to be."""
    part = county.scenario.county
    return replace(
        plan,
        city=part.name,
        seed=part.seed,
        buses=len(agents),
        full=min(plan.full, len(agents)),
        without_network=min(plan.without_network, len(agents)),
        names=tuple(part.device(number) for number in agents),
        errors=plan.errors or SHIPPED_ERRORS,
    )


def _show(simulation: Simulation, json_file: Path | None) -> None:
    """Drive to the end, telling how it goes."""
    console = Console(stderr=True)
    with Live(console=console, auto_refresh=False, transient=True) as live:
        said_s = 0.0
        for report in simulation.drive():
            if json_file is not None:
                with contextlib.suppress(OSError):  # a full disk ends no drive
                    write_json(json_file, report.as_json())
            if console.is_terminal:
                live.update(_line(report), refresh=True)
            elif report.elapsed_s >= said_s + SAY_EVERY_S:
                said_s = report.elapsed_s
                with contextlib.suppress(OSError):
                    click.echo(_line(report), err=True)


def _line(report: Report) -> str:
    counts = report.counts
    return (
        f"{report.elapsed_s:5.0f} s  {counts.frames} frames  {counts.boxes} boxes  "
        f"{counts.observations} observations  {counts.sent} messages"
    )


@contextmanager
def stopped_by_signals() -> Generator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set."""
    stop = threading.Event()

    def handle(number: int, _frame: FrameType | None) -> None:
        del number
        stop.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
