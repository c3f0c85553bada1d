"""How many buses one core carries: a county that drives, looks, and encodes every message, without a network.

    python -m benchmarks.county --buses 10000 --json FILE

Prints the ratio of simulated seconds to processor seconds (at least 1 is real time on one core), and messages made a
second. Building the county (lines, tables of what is told) is not counted; it is printed.
"""

import json
import time
from collections import Counter
from pathlib import Path
from typing import Final

import click

from simulator.county.build import make_county
from simulator.county.messages import CountyFleet
from simulator.county.scenario import CountyPart, Scenario
from telemetry.result_file import RESULT_FILE

BUSES_PER_LINE: Final = 40
MORNING_S: Final = 9.0 * 3600


@click.command()
@click.option("--buses", default=10_000, show_default=True, type=click.IntRange(1, 1_000_000))
@click.option("--for", "for_s", default=120.0, show_default=True, type=click.FloatRange(min=10))
@click.option("--seed", default=0, show_default=True)
@click.option("--roads", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="OpenStreetMap extract.")
@click.option("--json", "json_file", type=RESULT_FILE)
def main(*, buses: int, for_s: float, seed: int, roads: Path | None, json_file: Path | None) -> None:
    """Drive a county and say how much faster than time it went."""
    part = CountyPart(
        seed=seed,
        buses=buses,
        lines=max(1, buses // BUSES_PER_LINE),
        roads=str(roads.resolve()) if roads else None,
        days=2,
    )
    begun_s = time.process_time()
    fleet = CountyFleet(make_county(Scenario(county=part), folder=Path()), from_s=MORNING_S)
    built_s = time.process_time() - begun_s
    kinds: Counter[str] = Counter()
    size = 0
    begun_s = time.process_time()
    for sent in fleet.messages(for_s):
        kinds[sent.topic.rpartition("/")[2]] += 1
        size += len(sent.payload)
    took_s = time.process_time() - begun_s
    total = sum(kinds.values())
    record = {
        "ratio": round(for_s / took_s, 2),
        "rate": round(total / took_s),
        "buses": buses,
        "simulated_s": for_s,
        "processor_s": round(took_s, 2),
        "built_s": round(built_s, 2),
        "messages": total,
        "messages_per_simulated_s": round(total / for_s),
        "microseconds_per_bus_and_second": round(took_s / for_s / buses * 1e6, 1),
        "bytes_per_message": round(size / max(1, total)),
        "kinds": dict(sorted(kinds.items())),
        "seed": seed,
    }
    click.echo(json.dumps(record, indent=1))
    if json_file is not None:
        json_file.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
