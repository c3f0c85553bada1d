"""Whether one worker is as fast in a county with a million findings as in one with a thousand.

    python -m benchmarks.flat --json FILE --plot docs/worker-growth.png

A province of so many findings (`province`) lies in an embedded PostgreSQL; then the county of `county_traffic` drives
beside it, and what its buses tell is taken by a worker in this process, as in `work`. The ratio is of messages taken a
second with a million findings to those with a thousand; 1 is flat.
"""

import random
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import click
import matplotlib as mpl
from rich.console import Console
from rich.table import Table

from benchmarks.county_traffic import MESSAGES_PER_STEP, STEP_S, county_buses
from benchmarks.province import fill
from benchmarks.record import record, write
from benchmarks.servers import database
from benchmarks.work import CITY, run

mpl.use("Agg")
import matplotlib.pyplot as plt

from telemetry.result_file import RESULT_FILE

FINDINGS: Final = (1_000, 10_000, 100_000, 1_000_000)
RATE: Final = 500.0
WARM_SHARE: Final = 0.25


def taken_per_s(folder: Path, findings: int, *, rounds: int, seed: int, console: Console) -> float:
    """How many messages a second the worker takes beside so many findings."""
    buses = county_buses(round(RATE * STEP_S / MESSAGES_PER_STEP), city=CITY, at=datetime.now(UTC), seed=seed)
    with database(folder, is_durable=False) as server:
        fill(server.url(), findings, random.Random(seed), console)
        found = run(server, buses, rounds=rounds, profile=None)
    counted = found[round(len(found) * WARM_SHARE) :]
    return sum(each.messages for each in counted) / sum(each.seconds for each in counted)


def draw(rates: dict[int, float], file: Path) -> None:
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    axes.plot(list(rates), list(rates.values()), marker="o")  # pyright: ignore[reportUnknownMemberType]
    axes.set(xscale="log", xlabel="findings in the county", ylabel="messages taken a second")
    axes.set_ylim(0, 1.1 * max(rates.values()))
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=120)  # pyright: ignore[reportUnknownMemberType]


@click.command(help=__doc__)
@click.option("--rounds", default=16, show_default=True, type=click.IntRange(8, 1000), help="Seconds of the county.")
@click.option("--seed", default=1, show_default=True)
@click.option("--json", "json_file", type=RESULT_FILE)
@click.option("--plot", type=RESULT_FILE)
def main(*, rounds: int, seed: int, json_file: Path | None, plot: Path | None) -> None:
    console, rates = Console(), dict[int, float]()
    for findings in FINDINGS:
        with TemporaryDirectory(prefix="busense-") as folder:
            rates[findings] = taken_per_s(Path(folder), findings, rounds=rounds, seed=seed, console=console)
    table = Table("findings", "messages taken a second")
    for findings, rate in rates.items():
        table.add_row(f"{findings:,}", f"{rate:.0f}")
    console.print(table)
    ratio = rates[FINDINGS[-1]] / rates[FINDINGS[0]]
    console.print(f"with {FINDINGS[-1]:,} it is {ratio:.2f} of what it is with {FINDINGS[0]:,}")
    if plot is not None:
        draw(rates, plot)
    numbers: dict[str, Any] = {"rate": round(rates[FINDINGS[0]]), "rows": FINDINGS[-1], "taken_per_s": rates}
    ratio_is = "messages taken a second with a million findings to a thousand; 1 is flat"
    write(json_file, record("flat", ratio=ratio, ratio_is=ratio_is, seed=seed, numbers=numbers))


if __name__ == "__main__":
    main()
