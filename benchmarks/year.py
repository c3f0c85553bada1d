"""A year of a county without a network: simulated passes, the cloud's rules of fusion and cases, and a report of it.

    python -m benchmarks.year --days 365 --out DIR [--scenario FILE] [--every 2]

Buses drive each line many times a day; so that a year takes an hour and not a month, of each line one way (a lap,
there and back) in `--every` days is simulated, at a departure that chance picks out of the timetable. Everything is
decided by the rules of the cloud (`year_findings` says what of the worker is left out), in memory: no broker, no
database. DIR gets `ledger.json` each ten days (so a run that is stopped has a report, too) and `index.html` at the end.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

import click
import numpy as np

from benchmarks.year_cases import Office
from benchmarks.year_findings import Finding, Findings
from cloud.cases.handling import load_handling
from cloud.findings.catalogue import Catalogue, load_catalogue
from cloud.findings.model import FindingState, Observation
from cloud.findings.rates import RateBook
from cloud.findings.visibility import Stretch
from simulator.county.build import County, make_county
from simulator.county.faults import Faults
from simulator.county.ledger import Day, Ledger, Seen, Watched
from simulator.county.looks import (
    DISTANCE_M,
    LEFT_M,
    OWN_ACROSS_M,
    OWN_ALONG_M,
    RIGHT_M,
    STRETCH_M,
    Driven,
    Looked,
    Told,
)
from simulator.county.report import write_report
from simulator.county.scenario import Scenario, load_scenario
from simulator.county.told import NEAR_M, QUALITIES
from simulator.gnss import wander
from simulator.plane import Spot
from simulator.score import Claim, Score, score_claims
from simulator.truth import CLASS_CODES

VISIBLE_FROM_M: Final = 18.0  # as a bus tells it; beyond it sees little
POINTS_OF_STRETCH: Final = 6
JOIN_EVERY_DAYS: Final = 7
WRITE_EVERY_DAYS: Final = 10
DESK_OPENS: Final = 8 / 24


@dataclass(slots=True, kw_only=True)
class Year:
    """All that goes on from day to day."""

    county: County
    catalogue: Catalogue
    faults: Faults
    findings: Findings
    office: Office
    ledger: Ledger
    every: int
    rng: np.random.Generator
    watched: dict[int, Watched] = field(default_factory=dict[int, Watched])
    observed: int = 0
    told_of_damage: int = 0  # today

    def live(self, day: int) -> None:
        """One day."""
        self.told_of_damage = 0
        self.office.work(day=day + DESK_OPENS)
        passes = [
            self._drive(line, day) for line in range(len(self.county.lines.lines)) if (day + line) % self.every == 0
        ]
        observations = [item for seen, _, _ in passes for item in seen]
        stretches = [item for _, looked, _ in passes for item in looked]
        touched = self.findings.take(observations, stretches)
        if day % JOIN_EVERY_DAYS == 0:
            self.office.settle(self.findings.join())
            touched = {finding for finding in touched if finding.merged_into is None}
        self.office.assess(touched, day=day + 1.0)
        self.findings.forget(self.county.weather.first_day + timedelta(days=day))
        self._score(day, driven_m=sum(driven for _, _, driven in passes), told=len(observations))

    def _drive(self, line: int, day: int) -> tuple[list[Observation], list[Stretch], float]:
        """One way of one bus along its line: what it tells, where it looked, and how far it drove."""
        county, rng = self.county, self.rng
        of_line = county.lines.lines[line]
        starts_s = day * 86_400 + float(rng.choice(of_line.departures_s))
        pace = county.scenario.traffic.pace[int(starts_s // 3600) % 24]
        length_m = of_line.line.length_m
        bounds_m = np.append(np.arange(0, length_m, STRETCH_M), length_m)
        bounds_s = starts_s + np.interp(bounds_m, *_times(county, line)) / pace
        count = len(bounds_m) - 1
        of_line_buses = max(1, county.scenario.county.buses // len(county.lines.lines))
        bus = int(rng.integers(of_line_buses))
        buses = np.full(count, line * of_line_buses + bus)
        worse = self.faults.receiver(buses, at_s=starts_s)[:, None]
        errors = _errors(county, np.diff(bounds_s), rng) * worse
        driven = Driven(
            lines=np.full(count, line),
            from_m=bounds_m[:-1],
            to_m=bounds_m[1:],
            from_s=bounds_s[:-1],
            to_s=bounds_s[1:],
            error_east_m=errors[:, 0],
            error_north_m=errors[:, 1],
        )
        told, looked = county.eyes.look(driven, rng=rng, dirt=self.faults.dirt(buses, at_s=starts_s))
        self._watch(told, looked, driven)
        device = f"bus-{line + 1}-{bus + 1}"
        observations = list(self._observations(told, device))
        return observations, list(self._stretches(driven, looked, device)), length_m

    def _observations(self, told: Told, device: str) -> Iterator[Observation]:
        county = self.county
        receiver = county.scenario.receiver
        sigma_m = float(np.hypot(receiver.wander_m, receiver.jitter_m))
        model = county.errors.model
        for number in range(len(told.stretch)):
            self.observed += 1
            at = county.weather.first_day + timedelta(seconds=float(told.at_s[number]))
            lon, lat = county.lines.plane.lon_lat(Spot(float(told.east_m[number]), float(told.north_m[number])))
            length_m, width_m = (float(each[number]) or None for each in (told.length_m, told.width_m))
            yield Observation(
                id=f"{self.observed:012d}",
                id_at=at,
                city=county.scenario.county.name,
                device=device,
                at=at,
                from_at=at - timedelta(seconds=2),
                to_at=at,
                class_code=CLASS_CODES[int(told.classes[number])],
                confidence=float(told.confidence[number]),
                lon=lon,
                lat=lat,
                along_m=float(np.hypot(sigma_m, OWN_ALONG_M)),
                across_m=float(np.hypot(sigma_m, OWN_ACROSS_M)),
                heading_deg=float(told.heading_deg[number]),
                length_m=length_m,
                width_m=width_m,
                area_m2=length_m * width_m if length_m and width_m else None,
                model_name=model.name,
                model_version=model.version,
                box_side_px=float(told.side_px[number]),
                distance_m=DISTANCE_M,
            )

    def _stretches(self, driven: Driven, looked: Looked, device: str) -> Iterator[Stretch]:
        county, ways = self.county, self.county.eyes.ways
        receiver, model = county.scenario.receiver, county.errors.model
        for number in range(len(driven.lines)):
            metres = np.linspace(float(driven.from_m[number]), float(driven.to_m[number]), POINTS_OF_STRETCH)
            line = np.full(POINTS_OF_STRETCH, driven.lines[number])
            east, north, heading = ways.place(line, metres)
            east, north = east + driven.error_east_m[number], north + driven.error_north_m[number]
            self.observed += 1
            from_at, to_at = (
                county.weather.first_day + timedelta(seconds=float(each[number]))
                for each in (driven.from_s, driven.to_s)
            )
            yield Stretch(
                id=f"{self.observed:012d}",
                id_at=from_at,
                city=county.scenario.county.name,
                device=device,
                from_at=from_at,
                to_at=to_at,
                line=[county.lines.plane.lon_lat(Spot(float(e), float(n))) for e, n in zip(east, north, strict=True)],
                heading_deg=float(heading[0]),
                accuracy_m=float(np.hypot(receiver.wander_m, receiver.jitter_m)),
                usable_share=float(looked.usable[number]),
                near_m=NEAR_M,
                far_m=VISIBLE_FROM_M,
                left_m=LEFT_M,
                right_m=RIGHT_M,
                model_name=model.name,
                model_version=model.version,
            )

    def _watch(self, told: Told, looked: Looked, driven: Driven) -> None:
        """Note which damage came into view, and what of it was told in which light."""
        damages = self.county.damages
        told_of = set(zip(told.stretch.tolist(), told.thing.tolist(), strict=True))
        for stretch, thing in zip(looked.shown_stretch.tolist(), looked.shown_thing.tolist(), strict=True):
            if not damages.is_damage[thing]:
                continue
            day = float(driven.from_s[stretch]) / 86_400
            item = self._watched(thing, day)
            is_told = (stretch, thing) in told_of
            item.shown += 1
            item.told += is_told
            self.told_of_damage += is_told
            month = (self.county.weather.first_day + timedelta(days=day)).strftime("%Y-%m")
            quality = QUALITIES[int(looked.quality[stretch])]
            for book, key in ((self.ledger.by_quality, quality), (self.ledger.by_month, month)):
                seen = book.setdefault(key, Seen())
                seen.shown += 1
                seen.told += is_told

    def _watched(self, thing: int, day: float) -> Watched:
        damages = self.county.damages
        known = self.watched.get(thing)
        if known is not None and known.gone_day is None:
            return known
        fresh = Watched(
            id=f"defect-{thing}",
            class_code=CLASS_CODES[int(damages.classes[thing])],
            born_day=round(float(damages.born_day[thing] if known is None else damages.back_day[thing]), 2),
            shown_day=round(day, 2),
        )
        self.watched[thing] = fresh
        self.ledger.watched.append(fresh)
        return fresh

    def _score(self, day: int, *, driven_m: float, told: int) -> None:
        """Hold what is believed in the evening against the truth."""
        end = day + 1.0
        damages = self.county.damages
        is_open = damages.is_there(end)
        for thing, item in self.watched.items():
            if item.gone_day is None and not is_open[thing]:
                item.gone_day = round(float(damages.fixed_day[thing]), 2)
        believed = [f for f in self.findings.all.values() if self._is_believed(f)]
        alive = {f"defect-{thing}" for thing, item in self.watched.items() if item.gone_day is None}
        score = self._claims(believed, day=end, shown=alive)
        for name, _, metres in score.found:
            item = self.watched[int(name.removeprefix("defect-"))]
            if item.found_day is None:
                item.found_day, item.off_m, item.shown_before_found = end, round(metres, 2), item.shown
        weather = self.county.weather
        self.ledger.opened = self.office.all
        self.ledger.days.append(
            Day(
                day=day,
                date=(weather.first_day + timedelta(days=day)).date().isoformat(),
                there=len(alive),
                found=len(score.found),
                missed=len(score.missed),
                invented=len(score.invented),
                doubled=len(score.doubled),
                driven_km=round(driven_m / 1000, 2),
                told=told,
                told_of_nothing=told - self.told_of_damage,
                rain_mm=round(float(weather.rain_of_day_mm[day]), 1),
            )
        )

    def _is_believed(self, finding: Finding) -> bool:
        return finding.fused.state is FindingState.OPEN and not self.office.is_done(finding)

    def _claims(self, believed: list[Finding], *, day: float, shown: set[str]) -> Score:
        claims = [
            Claim(id=str(f.number), class_code=f.fused.class_code, lon=f.fused.lon, lat=f.fused.lat) for f in believed
        ]
        return score_claims(
            claims,
            truth=self.county.damages.truth(day),
            exposed_ids=shown,
            group_of={code: entry.group for code, entry in self.catalogue.classes.items()},
            plane=self.county.lines.plane,
        )


def _times(county: County, line: int) -> tuple[np.ndarray, np.ndarray]:
    """Metres and seconds of free driving along a line."""
    ways = county.eyes.ways
    first = int(ways.first_second[line])
    along = ways.along_m[first : first + int(ways.lap_s[line]) + 2]
    return along, np.arange(len(along), dtype=np.float64)


def _errors(county: County, elapsed_s: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Of the receiver on each stretch, metres east and north."""
    receiver = county.scenario.receiver
    errors = [rng.normal(0, receiver.wander_m, 2)]
    for seconds in elapsed_s[1:]:
        errors.append(
            wander(
                errors[-1], elapsed_s=float(seconds), sigma_m=receiver.wander_m, forgets_s=receiver.forgets_s, rng=rng
            )
        )
    return np.array(errors) + rng.normal(0, receiver.jitter_m, (len(errors), 2))


def make_year(scenario: Scenario, *, folder: Path, every: int) -> Year:
    """Before the first day."""
    county = make_county(scenario, folder=folder)
    catalogue = load_catalogue()
    model = county.errors.model
    book = RateBook(models={(model.name, model.version): county.errors})
    seed = scenario.county.seed
    office = Office(
        damages=county.damages,
        catalogue=catalogue,
        handling=load_handling(),
        repairs=scenario.repairs,
        midnight=county.weather.first_day,
        rng=np.random.default_rng((seed, 16)),
    )
    km = county.lines.length_m / 1000
    facts = {
        "county": f"{len(county.lines.lines)} 条线路 lines, {km:.0f} 公里车道 km of lanes, "
        f"{scenario.county.buses} 辆车 buses",
        "simulated": f"每线每 {every} 天一趟 one way of each line in {every} days",
        "detector": f"{model.name} {model.version}, 按实测误差 as it was measured",
    }
    return Year(
        county=county,
        catalogue=catalogue,
        faults=Faults(scenario),
        findings=Findings(catalogue=catalogue, book=book, lat=county.lines.plane.origin_lat),
        office=office,
        ledger=Ledger(name=scenario.county.name, seed=seed, facts=facts),
        every=every,
        rng=np.random.default_rng((seed, 15)),
    )


@click.command()
@click.option("--scenario", "scenario_file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--days", type=click.IntRange(1, 3660), help="Fewer than the scenario's.")
@click.option("--every", type=click.IntRange(1, 30), default=2, show_default=True, help="Days between ways.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True)
def main(*, scenario_file: Path | None, days: int | None, every: int, out: Path) -> None:
    """Live a year and write its report."""
    scenario = load_scenario(scenario_file) if scenario_file else Scenario()
    days = days or scenario.county.days
    year = make_year(scenario, folder=scenario_file.parent if scenario_file else Path(), every=every)
    out.mkdir(parents=True, exist_ok=True)
    begun_s, cpu_s = time.perf_counter(), time.process_time()
    for day in range(days):
        year.live(day)
        if day % WRITE_EVERY_DAYS == WRITE_EVERY_DAYS - 1 or day == days - 1:
            took_s = time.process_time() - cpu_s
            year.ledger.facts["took"] = f"{took_s:.0f} s of one core for {day + 1} days"
            year.ledger.write(out / "ledger.json")
            last = year.ledger.days[-1]
            click.echo(
                f"day {day + 1}: {year.observed} messages, {len(year.findings.all)} findings, {last.there} there, "
                f"{last.found} found, {last.invented} invented, {last.doubled} doubled, "
                f"{len(year.office.all)} cases, {time.perf_counter() - begun_s:.0f} s"
            )
    write_report(year.ledger, out)
    click.echo(json.dumps(year.ledger.facts, ensure_ascii=False))


if __name__ == "__main__":
    main()
