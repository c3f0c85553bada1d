"""`busense demo`: a town of buses on this machine, from camera to map."""

import json
import signal
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Any, Final

import click
from rich.console import Console
from rich.live import Live

from busense.demo_books import Books, read_books, read_stop_books
from busense.demo_driving import read_driving, score_driving
from busense.demo_furniture import read_furniture, score_furniture
from busense.demo_place import STOP, demo_place, port_of_page
from busense.demo_summary import Summary
from busense.demo_town import Town, TownPlan
from busense.demo_travel import read_told, score_travel
from busense.demo_watch import Viewer, quantile
from busense.demo_water import score_water
from busense.errors import StartError
from telemetry.finite import FiniteRange
from telemetry.result_file import RESULT_FILE

TICK_S: Final = 0.2
SAY_EVERY_S: Final = 5.0
AFTER_DRIVING_S: Final = 90.0  # to store and fuse what is still under way


@click.command()
@click.option("--for", "for_s", type=FiniteRange(min=1), help="Seconds to drive; without it until Ctrl-C.")
@click.option(
    "--frames",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of photos with COCO boxes, instead of drawn frames.",
)
@click.option("--json", "json_file", type=RESULT_FILE, help="Also write the summary here.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0, 2**31 - 1), help="Of town and damage.")
@click.option("--port", type=click.IntRange(1, 65535), help="Of the page; without it 8080 or the next free one.")
@click.option("--buses", default=10, show_default=True, type=click.IntRange(1, 200))
@click.option("--full", default=1, show_default=True, type=click.IntRange(0, 200), help="Buses with the real detector.")
@click.option(
    "--without-network",
    default=2,
    show_default=True,
    type=click.IntRange(0, 200),
    help="Buses that reach the cloud by a stop only, where they halt.",
)
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), help="Keep data and logs in this folder.")
def demo(
    *,
    for_s: float | None,
    frames: Path | None,
    json_file: Path | None,
    seed: int,
    port: int | None,
    buses: int,
    full: int,
    without_network: int,
    keep: Path | None,
) -> None:
    """Run database, broker, cloud and buses; show the page's address, and at the end what came of it."""
    console = Console()
    try:
        with port_of_page(port) as chosen:
            plan = TownPlan(
                seed=seed,
                port=chosen,
                buses=buses,
                full=min(full, buses),
                without_network=min(without_network, buses),
                for_s=for_s,
                frames=frames.resolve() if frames else None,
            )
            summary = _demo(plan, keep, console)
    except KeyboardInterrupt:
        console.print("stopped; nothing is left running")
        sys.exit(130)
    if summary is not None:
        _tell(summary, console, json_file)


def _demo(plan: TownPlan, keep: Path | None, console: Console) -> Summary | None:
    """Run everything; a demo without an end has no summary."""
    with ended_in_order(), demo_place(keep) as place:
        town = Town(plan, place, say=lambda text: console.print(text, markup=False, highlight=False))
        begun_s = time.monotonic()
        with town.running():
            console.print(f"The page: {town.url}  (ready after {time.monotonic() - begun_s:.1f} s)", highlight=False)
            console.print("Sign in by a click, as the desk, a crew or an administrator; looking needs nothing.")
            console.print(f"Tokens of the desk and the crews: {place.secrets}/*.token", highlight=False, soft_wrap=True)
            return _run(town, console, place.status)


def _tell(summary: Summary, console: Console, json_file: Path | None) -> None:
    console.print(summary.as_table())
    if json_file is not None:
        json_file.write_text(json.dumps(summary.as_json(), indent=2) + "\n")
    if not summary.is_good:
        console.print(f"lost {summary.lost}, stored twice {summary.duplicates}: this must not be", style="red")
        sys.exit(1)


@contextmanager
def ended_in_order() -> Generator[None]:
    """SIGTERM and a terminal that is closed end as Ctrl-C does; nothing disturbs it while everything is stopped."""
    ends = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # which `nohup` asks for
        ends.append(signal.SIGHUP)

    def handle(_number: int, _frame: FrameType | None) -> None:
        for number in ends:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, handle) for number in ends}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run(town: Town, console: Console, status: Path) -> Summary | None:
    viewer = Viewer(town.url, without_network=town.without_network)
    if not viewer.start(10.0):
        raise StartError("the stream of events does not open")
    town.drive()
    console.print(f"processes: {json.dumps(town.pids())}", markup=False, highlight=False, soft_wrap=True)
    try:
        _follow(town, viewer, console, status)
    finally:
        viewer.stop()
    return _summary(town, viewer, read_status(status)) if town.plan.for_s is not None else None


def _follow(town: Town, viewer: Viewer, console: Console, status: Path) -> None:
    """Look after the processes until the simulator has ended.

    Raises:
        StartError: something of ours died for good.
    """
    said_s = time.monotonic()
    deadline_s = None if town.plan.for_s is None else said_s + town.plan.for_s + AFTER_DRIVING_S
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while town.simulator.is_running:
            town.look_after()
            line = _line(read_status(status), viewer)
            if console.is_terminal:
                live.update(line, refresh=True)
            elif time.monotonic() - said_s >= SAY_EVERY_S:
                said_s = time.monotonic()
                console.print(line, markup=False, highlight=False, soft_wrap=True)
            if deadline_s is not None and time.monotonic() > deadline_s:
                raise StartError(f"the simulator does not end; its log ends with:\n{town.simulator.log_tail()}")
            time.sleep(TICK_S)
    if town.plan.for_s is None or read_status(status).get("is_running") is not False:
        raise StartError(f"the simulator died; its log ends with:\n{town.simulator.log_tail()}")


def read_status(path: Path) -> Mapping[str, Any]:
    """What the simulator last told, or nothing yet."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return {}


def _line(status: Mapping[str, Any], viewer: Viewer) -> str:
    delays = viewer.delays
    p50_ms = quantile(list(delays.observations_ms.values()), 0.5)
    fields = {name: status.get(name, 0) for name in ("elapsed_s", "frames", "boxes", "sent")}
    seen = "" if p50_ms is None else f", visible after {p50_ms / 1000:.1f} s (median)"
    return (
        f"{fields['elapsed_s']:.0f} s: {fields['frames']} frames, {fields['boxes']} boxes, {fields['sent']} messages; "
        f"on the map {delays.observations} observations, {len(delays.findings_ms)} findings, "
        f"{len(delays.cases)} cases{seen}"
    )


def _summary(town: Town, viewer: Viewer, status: Mapping[str, Any]) -> Summary:
    books: Books = read_books(town.postgres.url(), but=STOP)
    stops = read_stop_books(town.postgres.url(), town.without_network)
    driving = read_driving(town.postgres.url())
    known, wrong = read_furniture(town.postgres.url())
    elapsed_s, driven_s = float(status["elapsed_s"]), float(status["driven_s"])
    ended_at, stood_at = (
        datetime.fromisoformat(status["started_at"]) + timedelta(seconds=passed_s) for passed_s in (elapsed_s, driven_s)
    )
    observations_ms = list(viewer.delays.observations_ms.values())
    findings_ms = list(viewer.delays.findings_ms.values())
    names = (
        "seed truth_hash frames boxes observations pictures sent exposed found missed invented doubled "
        "median_distance_m candidates found_or_candidate is_all_stored is_all_fused"
    )
    return Summary(
        **{name: status[name] for name in names.split()},
        seconds=elapsed_s,
        frames_per_s=round(status["frames"] / elapsed_s, 2),
        stored=books.stored,
        duplicates=books.duplicates,
        redelivered=books.redelivered,
        given_up=books.given_up,
        cases=books.cases,
        cases_by_step=books.cases_by_step,
        p50_ms=quantile(observations_ms, 0.5),
        p99_ms=quantile(observations_ms, 0.99),
        finding_p50_ms=quantile(findings_ms, 0.5),
        finding_p99_ms=quantile(findings_ms, 0.99),
        observations_shown=viewer.delays.observations,
        scenarios={
            "road_damage": {name: status[name] for name in ("exposed", "found", "missed", "invented", "doubled")},
            "street_furniture": score_furniture(status["furniture"], known, wrong, driven_s=driven_s),
            "safe_travel": score_travel(status["rides"], read_told(town.postgres.url()), driven_s=driven_s),
            "safe_driving": score_driving(status["badly_driven"], driving, stood_at=stood_at),
            "stops": stops.as_json(buses=len(town.without_network), sent=status["sent_without_network"])
            | score_water(town.postgres.url(), town.gauge, ended_at=ended_at),
        },
        restarts=sum(service.restarts for service in town.services),
    )
