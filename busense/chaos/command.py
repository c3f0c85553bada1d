"""`busense chaos`: break a running town, drain it, and account for every message."""

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import Progress

from busense.chaos.audit import audit
from busense.chaos.plan import Fault, Part, draw
from busense.chaos.receiver import receiving
from busense.chaos.result import Result
from busense.chaos.town import ChaosTown, Heal
from busense.chaos.watch import MemoryWatch, RecoveryWatch
from busense.demo import ended_in_order
from busense.demo_place import demo_place
from busense.local.processes import free_port
from telemetry.finite import FiniteRange
from telemetry.result_file import RESULT_FILE

TICK_S: Final = 0.05
OPEN_AT_ONCE: Final = 16  # faults that the town is not over yet; then the next one waits
WAITED_FOR_S: Final = 60.0  # at most
SAY_EVERY: Final = 10


@click.command()
@click.option("--faults", "count", default=20, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0, 2**31 - 1), help="Of town and faults.")
@click.option("--buses", default=6, show_default=True, type=click.IntRange(1, 200))
@click.option(
    "--pause",
    "longest_pause_s",
    default=2.0,
    show_default=True,
    type=FiniteRange(0, WAITED_FOR_S),
    help="Longest pause before a fault, in seconds.",
)
@click.option("--json", "json_file", type=RESULT_FILE, help="Also write the numbers here.")
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), help="Keep data and logs in this folder.")
def chaos(
    *, count: int, seed: int, buses: int, longest_pause_s: float, json_file: Path | None, keep: Path | None
) -> None:
    """Break a simulated town COUNT times, drain it, and follow each message by its id; fails if one is lost or doubled.

    The same seed draws the same faults in the same order.
    """
    console = Console()
    faults = draw(count, seed=seed, longest_pause_s=longest_pause_s)
    begun_s = time.monotonic()
    with ended_in_order(), demo_place(keep) as place, receiving() as receiver:
        town = ChaosTown(place, seed=seed, buses=buses, port=free_port(), receiver=receiver)
        with town.running():
            recoveries = RecoveryWatch(database_url=town.database_url, serves=town.serves)
            memory = MemoryWatch()
            with Progress(console=console) as progress:
                Breaking(town, recoveries, memory, progress).run(faults)
            console.print("draining")
            town.drain()
            recoveries.close()
            memory.look(town.pids())
            result = Result(
                seed=seed,
                seconds=time.monotonic() - begun_s,
                recoveries=recoveries.recoveries,
                audit=audit(
                    town.database_url,
                    town.kept(),
                    torn=town.torn,
                    heard=receiver.heard,
                    poison=town.digests(),
                ),
                peak_memory_mb=memory.peak_mb,
                ended_by_themselves=town.ended_by_themselves,
            )
    _tell(result, console, json_file)


class Breaking:
    """Lets the faults of a plan begin and end."""

    def __init__(self, town: ChaosTown, recoveries: RecoveryWatch, memory: MemoryWatch, progress: Progress) -> None:
        self._town, self._recoveries, self._memory, self._progress = town, recoveries, memory, progress
        self._held: dict[Part, tuple[float, Fault, Heal]] = {}  # until when

    def run(self, faults: Sequence[Fault]) -> None:
        """Break, one after the other and one over the other; then let all of them end."""
        bar = self._progress.add_task("faults", total=len(faults))
        for fault in faults:
            self._wait_for(fault)
            self._memory.look(self._town.pids())
            heal = self._town.break_(fault)
            if heal is None:
                self._recoveries.note_healed(fault)
            else:
                self._held[fault.kind.part] = (time.monotonic() + fault.seconds, fault, heal)
            self._progress.advance(bar)
            if not self._progress.console.is_terminal and fault.number % SAY_EVERY == 0:
                click.echo(f"{fault.number} of {len(faults)} faults")
        self._wait(lambda: not self._held and not self._recoveries.open)

    def _wait_for(self, fault: Fault) -> None:
        ready_s = time.monotonic() + fault.pause_s
        self._wait(
            lambda: (
                time.monotonic() >= ready_s
                and fault.kind.part not in self._held
                and self._recoveries.open < OPEN_AT_ONCE
            )
        )

    def _wait(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WAITED_FOR_S
        while not is_so() and time.monotonic() < deadline:
            self._tick()
            time.sleep(TICK_S)

    def _tick(self) -> None:
        now_s = time.monotonic()
        for part, (until_s, fault, heal) in list(self._held.items()):
            if now_s >= until_s:
                heal()
                del self._held[part]
                self._recoveries.note_healed(fault)
        self._town.look_after()
        if Part.DATABASE not in self._held:  # a database that is stopped would hold us up too
            self._recoveries.look()


def _tell(result: Result, console: Console, json_file: Path | None) -> None:
    for table in result.as_tables():
        console.print(table)
    if json_file is not None:
        json_file.write_text(json.dumps(result.as_json(), indent=2) + "\n")
    for words in (*result.ended_by_themselves, *result.audit.chain_faults):
        console.print(words, style="red", markup=False)
    if not result.is_good:
        console.print(f"lost {result.audit.lost}, doubled {result.audit.doubled}: this must not be", style="red")
        sys.exit(1)
