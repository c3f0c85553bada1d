"""How many harsh moments of simulated drives the bus's own rules notice, and what they invent: with and without an IMU.

python -m benchmarks.driving --km 400 --json FILE
"""

import json
import statistics
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
import numpy as np

from edge_agent.config import DrivingSettings
from edge_agent.ego import EgoTrack
from edge_agent.readings import GnssReading
from edge_agent.scenarios.safe_driving.scenario import SafeDriving
from simulator.driving import SensorErrors, TrueEvent, make_drive, random_mount, readings_of
from simulator.plane import Plane
from telemetry.result_file import RESULT_FILE
from wire.messages import Driving, DrivingKind

START: Final = datetime(2026, 11, 29, 8, 0, tzinfo=UTC)
PLANE: Final = Plane(origin_lon=120.4258, origin_lat=27.5184)
DRIVE_KM: Final = 20.0
SLACK_S: Final = 2.0  # an event may be noticed so much before or after it was driven


@dataclass(frozen=True, slots=True, kw_only=True)
class KindScore:
    """What became of the harsh moments of one kind."""

    driven: int
    noticed: int
    invented: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The score of one kind of equipment."""

    km: float
    kinds: dict[str, KindScore]
    invented_per_100_km: float
    mount_known_after_s: float | None  # median over the drives

    @property
    def noticed_share(self) -> float:
        driven = sum(kind.driven for kind in self.kinds.values())
        return sum(kind.noticed for kind in self.kinds.values()) / driven if driven else 0.0


def score(*, km: float, seed: int, errors: SensorErrors, has_imu: bool) -> Score:
    """Drive and compare."""
    driven, noticed, invented = Counter[str](), Counter[str](), Counter[str]()
    known_s: list[float] = []
    way_km = 0.0
    for number in range(max(1, round(km / DRIVE_KM))):
        rng = np.random.default_rng((seed, number))
        drive = make_drive(rng, km=DRIVE_KM)
        way_km += drive.km
        scenario, ego, found = SafeDriving(DrivingSettings()), EgoTrack(), list[Driving]()
        mount = random_mount(rng) if has_imu else None
        for reading in readings_of(drive, rng, plane=PLANE, start_at=START, errors=errors, mount=mount):
            if isinstance(reading, GnssReading):
                ego.add(reading)
            was_known = scenario.knows_mount
            found += [happening.message for happening in scenario.take(reading, ego.state_at(reading.at))]
            if scenario.knows_mount and not was_known and len(known_s) == number:
                known_s.append((reading.at - START).total_seconds())
        found += [happening.message for happening in scenario.end()]
        harsh = [event for event in found if event.kind.value.startswith("harsh_")]
        matched = match(drive.events, harsh)
        driven.update(event.kind.value for event in drive.events)
        noticed.update(drive.events[number].kind.value for number in matched)
        invented.update(event.kind.value for number, event in enumerate(harsh) if number not in matched.values())
    kinds = {
        kind.value: KindScore(driven=driven[kind.value], noticed=noticed[kind.value], invented=invented[kind.value])
        for kind in DrivingKind
        if kind.value.startswith("harsh_")
    }
    return Score(
        km=way_km,
        kinds=kinds,
        invented_per_100_km=100 * sum(invented.values()) / way_km,
        mount_known_after_s=statistics.median(known_s) if known_s else None,
    )


def match(truth: tuple[TrueEvent, ...], found: list[Driving]) -> dict[int, int]:
    """Pair each true event with one that was found, of its kind and at its time: numbers of both."""
    pairs: dict[int, int] = {}
    for number, true in enumerate(truth):
        for other, event in enumerate(found):
            begin_s, end_s = ((at - START).total_seconds() for at in (event.from_at, event.to_at))
            is_same_time = begin_s < true.to_s + SLACK_S and end_s > true.from_s - SLACK_S
            if event.kind is true.kind and is_same_time and other not in pairs.values():
                pairs[number] = other
                break
    return pairs


@click.command()
@click.option("--km", type=click.FloatRange(min=1), default=400.0, show_default=True, help="with each equipment")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--json", "json_file", type=RESULT_FILE, help="write the numbers here")
def main(km: float, seed: int, json_file: Path | None) -> None:
    """Score the rules on drives with known harsh moments."""
    ways = {
        "imu": (SensorErrors(), True),
        "gnss_1_hz": (SensorErrors(), False),
        "gnss_5_hz": (SensorErrors(fixes_per_s=5.0), False),
    }
    results: dict[str, object] = {}
    for name, (errors, has_imu) in ways.items():
        result = score(km=km, seed=seed, errors=errors, has_imu=has_imu)
        results[name] = asdict(result) | {"noticed_share": result.noticed_share}
        print(
            f"{name}: {result.km:.0f} km, noticed {result.noticed_share:.3f}, "
            f"invented {result.invented_per_100_km:.2f} per 100 km, mount known after {result.mount_known_after_s} s"
        )
        for kind, each in result.kinds.items():
            print(f"  {kind}: driven {each.driven}, noticed {each.noticed}, invented {each.invented}")
    if json_file is not None:
        json_file.write_text(json.dumps({"km": km, "seed": seed, "ways": results}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
