"""How right it is what is told of people with tags, how soon a lost person is heard, how fast ids are resolved.

    python -m benchmarks.travel --days 30 --seed 0 --json FILE

A town of five lines with three buses each, faster than time: the rules and the search of the cloud, the radio of the
simulator (distance, bodies, batteries), no network and no database. Children ride to school on agreed journeys; on some
days they ride past or stay at home. On some days a bus has no receiver, or one that is deaf for a while. People with
dementia walk near home, and on some days walk off. A journey is right when what was told is what was: arrived, or not.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.record import record, write
from cloud.scenarios.safe_travel.assess import GRACE, Day, assess
from cloud.scenarios.safe_travel.clock import TagClock
from cloud.scenarios.safe_travel.model import Agreement, Circle, Event, EventKind, Heard, Journey, Moment
from cloud.scenarios.safe_travel.resolve import Resolver, RotatingTag, ids_between
from cloud.scenarios.safe_travel.rules import load_travel_rules
from cloud.scenarios.safe_travel.search import Streets, cell_of, where_now
from simulator.city import Junction, Town, make_town
from simulator.people import INSIDE_M, Tag, rssi_dbm
from simulator.plane import Spot, distance_m
from simulator.route import LOOPS, Motion, make_lines
from telemetry.result_file import RESULT_FILE
from wire.tags import ephemeral_id

ZONE: Final = ZoneInfo("Asia/Shanghai")
RULES: Final = load_travel_rules()
FIRST_DAY: Final = datetime(2026, 3, 1, 22, 30, tzinfo=UTC)  # a Monday, 6:30 in Shanghai
DAY_S: Final = 3 * 3600
STEP_S: Final = 10
MOMENT_S: Final = 5
PER_LINE: Final = 3
CHILDREN, ELDERS = 40, 20
DEAD, DEAF = 0.05, 0.15  # of bus-days: without a receiver, with one that is deaf for a while
DEAF_S: Final = 1200
PAST, AT_HOME = 0.04, 0.03  # of journeys
LOST: Final = 0.05  # of days of an elder
NOTICED_S: Final = 1200  # after walking off, somebody asks for a search
WALK_MPS: Final = 0.7
RADIO_M: Final = 120.0
NEAR_HOME_M: Final = 300.0
AREA_M: Final = 500.0
COUNTY_TAGS: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Bus:
    """A bus and where it is each five seconds of every day."""

    name: str
    line: int
    motion: Motion
    phase_s: float
    spots: tuple[Spot, ...]

    def spot(self, at_s: float) -> Spot:
        return self.motion.pose(self.phase_s + at_s).spot

    def halts_at(self, stop_m: float, *, after_s: float) -> float:
        """When it next stands at a stop of its line."""
        within_s = self.motion.time_at(stop_m) - self.phase_s
        laps = np.ceil((after_s - within_s) / self.motion.lap_s)
        return float(within_s + laps * self.motion.lap_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The town with its buses."""

    town: Town
    buses: tuple[Bus, ...]
    streets: Streets

    def circle(self, spot: Spot, radius_m: float) -> Circle:
        lon, lat = self.town.plane.lon_lat(spot)
        return Circle(lon=lon, lat=lat, radius_m=radius_m)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayOfBuses:
    """Which buses listened when, on one day."""

    begin: datetime
    deaf: dict[str, tuple[float, float]]

    def is_listening(self, bus: str, at_s: float) -> bool:
        from_s, to_s = self.deaf.get(bus, (1.0, 0.0))
        return not from_s <= at_s <= to_s

    def watch(self, buses: Sequence[Bus], place: Place, *, until_s: float = DAY_S) -> dict[str, list[Moment]]:
        return {
            bus.name: [
                Moment(
                    self.begin + timedelta(seconds=n * MOMENT_S),
                    *place.town.plane.lon_lat(spot),
                    is_listening=self.is_listening(bus.name, n * MOMENT_S),
                )
                for n, spot in enumerate(bus.spots)
                if n * MOMENT_S <= until_s
            ]
            for bus in buses
        }


@dataclass(slots=True)
class Score:
    """What was counted."""

    journeys: int = 0
    right: int = 0
    unknown: int = 0
    wrong: int = 0
    false_alarms: int = 0
    person_days: int = 0
    lost: int = 0
    heard_after_min: list[float] | None = None
    cells_before: list[int] | None = None


def make_place(seed: int) -> Place:
    """Lay out the town."""
    town = make_town(seed)
    buses: list[Bus] = []
    for line, path in enumerate(make_lines(town, len(LOOPS))):
        motion = Motion(path)
        for number in range(PER_LINE):
            phase_s = motion.lap_s * number / PER_LINE
            spots = tuple(motion.pose(phase_s + s).spot for s in range(0, DAY_S + 1, MOMENT_S))
            buses.append(Bus(name=f"bus-{len(buses) + 1}", line=line, motion=motion, phase_s=phase_s, spots=spots))
    lines = [[town.plane.lon_lat(town.junctions[end]) for end in street.junctions] for street in town.streets]
    return Place(town=town, buses=tuple(buses), streets=Streets(lines))


def heard_of(
    spot_at: Callable[[float], Spot],
    tag: Tag,
    buses: Sequence[Bus],
    day: DayOfBuses,
    *,
    span_s: tuple[float, float],
    aboard: tuple[str, float, float] | None,
    place: Place,
    rng: np.random.Generator,
) -> Iterator[Heard]:
    """Windows of ten seconds in which a bus that listens hears the tag at least once in ten calls."""
    for bus in buses:
        for at_s in np.arange(span_s[0], min(span_s[1], DAY_S - STEP_S), STEP_S).tolist():
            if not day.is_listening(bus.name, at_s):
                continue
            is_riding = aboard is not None and aboard[1] <= at_s < aboard[2]
            is_own = is_riding and aboard is not None and aboard[0] == bus.name
            reader = bus.spots[int(at_s / MOMENT_S) + 1]
            away_m = INSIDE_M if is_own else distance_m(reader, spot_at(at_s))
            if away_m > RADIO_M:
                continue
            calls = [
                rssi_dbm(tag, distance_m=away_m, is_behind_metal=is_riding and not is_own, rng=rng)
                for _ in range(STEP_S)
            ]
            caught = [call for call in calls if call is not None]
            if caught:
                lon, lat = place.town.plane.lon_lat(reader)
                yield Heard(
                    reader=bus.name,
                    from_at=day.begin + timedelta(seconds=at_s),
                    to_at=day.begin + timedelta(seconds=at_s + STEP_S - 1),
                    lon=lon,
                    lat=lat,
                    accuracy_m=50.0,
                    rssi_dbm=max(caught),
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """Goes to school by bus, four stops on."""

    number: int
    tag: Tag
    line: int
    from_m: float
    to_m: float
    past_m: float
    leaves_s: float


def make_child(number: int, place: Place, rng: np.random.Generator) -> Child:
    buses = [bus for bus in place.buses if bus.line == number % len(LOOPS)]
    stops = buses[0].motion.line.stops_m
    first = int(rng.integers(len(stops)))
    ahead = [stops[(first + n) % len(stops)] for n in (0, len(stops) // 2, len(stops) // 2 + 2)]
    return Child(
        number=number,
        tag=Tag(key=rng.bytes(16), battery_left=float(rng.uniform(0.02, 1.0))),
        line=number % len(LOOPS),
        from_m=ahead[0],
        to_m=ahead[1],
        past_m=ahead[2],
        leaves_s=float(rng.uniform(1200, 2400)),
    )


def ride_to_school(child: Child, place: Place, day: DayOfBuses, score: Score, rng: np.random.Generator) -> None:
    """One journey of one child, and what is told of it."""
    buses = [bus for bus in place.buses if bus.line == child.line]
    drawn = rng.random()
    rides_past, stays = drawn < PAST, PAST <= drawn < PAST + AT_HOME
    left_m = child.past_m if rides_past else child.to_m
    bus, board_s = min(
        ((bus, bus.halts_at(child.from_m, after_s=child.leaves_s)) for bus in buses), key=lambda pair: pair[1]
    )
    leave_s = bus.halts_at(left_m, after_s=board_s + 1)
    home, goal = bus.motion.line.place(child.from_m)[0], bus.motion.line.place(child.to_m)[0]

    def spot_at(at_s: float) -> Spot:
        return home if at_s < board_s else bus.spot(min(at_s, leave_s))

    heard: list[Heard] = []
    if not stays:
        span = (max(child.leaves_s, board_s - 300), leave_s + 120)  # then the school's door closes behind them
        ride = (bus.name, board_s, leave_s)
        heard = list(heard_of(spot_at, child.tag, place.buses, day, span_s=span, aboard=ride, place=place, rng=rng))
    journey = Journey(
        id=UUID(int=child.number + 1),
        destination=place.circle(goal, 80.0),
        leave_at=day.begin + timedelta(seconds=child.leaves_s),
        arrive_by=day.begin + timedelta(seconds=child.leaves_s + 2400),
    )
    readers = {one.reader for one in heard} | {one.name for one in buses}
    watch = day.watch([one for one in place.buses if one.name in readers], place)
    events = assess(day_of(heard, watch, day, journeys=[journey]))
    told = {event.kind for event in events if event.journey is not None}
    _note(score, told, is_there=not stays and not rides_past)


def _note(score: Score, told: set[EventKind], *, is_there: bool) -> None:
    score.journeys += 1
    score.person_days += 1
    said = EventKind.ARRIVED if EventKind.ARRIVED in told else EventKind.NOT_ARRIVED
    if not told & {EventKind.ARRIVED, EventKind.NOT_ARRIVED}:
        score.unknown += 1
    elif (said is EventKind.ARRIVED) == is_there:
        score.right += 1
    else:
        score.wrong += 1
        score.false_alarms += is_there


def day_of(
    heard: Sequence[Heard],
    watch: dict[str, list[Moment]],
    day: DayOfBuses,
    *,
    journeys: Sequence[Journey] = (),
    agreement: Agreement | None = None,
) -> Day:
    end = day.begin + timedelta(seconds=DAY_S) + GRACE
    return Day(
        heard=heard,
        watch=watch,
        journeys=journeys,
        agreement=agreement or Agreement(),
        stops=(),
        rules=RULES,
        zone=ZONE,
        complete_to=end,
        now=end,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Elder:
    """Walks near home, and on some days walks off."""

    tag: Tag
    home: Junction


def walk(
    town: Town, home: Junction, *, seconds: float, is_lost: bool, rng: np.random.Generator
) -> Callable[[float], Spot]:
    """A walk over the streets that hardly ever turns back; near home unless lost."""
    ends: dict[Junction, list[Junction]] = {}
    for first, second in town.blocks():
        ends.setdefault(first, []).append(second)
        ends.setdefault(second, []).append(first)
    times, spots = [0.0], [town.junctions[home]]
    here, before = home, home
    while times[-1] < seconds:
        ways = [end for end in ends[here] if end != before] or ends[here]
        if not is_lost:
            near = [end for end in ends[here] if distance_m(town.junctions[end], town.junctions[home]) <= NEAR_HOME_M]
            ways = near or [home]
        before, here = here, ways[int(rng.integers(len(ways)))]
        times.append(times[-1] + distance_m(town.junctions[before], town.junctions[here]) / WALK_MPS + 1.0)
        spots.append(town.junctions[here])
    easts, norths = [spot.east_m for spot in spots], [spot.north_m for spot in spots]
    return lambda at_s: Spot(float(np.interp(at_s, times, easts)), float(np.interp(at_s, times, norths)))


def a_day_out(elder: Elder, place: Place, day: DayOfBuses, score: Score, rng: np.random.Generator) -> None:
    """One walk: near home nobody may be alarmed; who is lost is looked for until a bus hears them."""
    is_lost = rng.random() < LOST
    walked = walk(place.town, elder.home, seconds=DAY_S, is_lost=is_lost, rng=rng)
    heard = list(heard_of(walked, elder.tag, place.buses, day, span_s=(0, DAY_S), aboard=None, place=place, rng=rng))
    score.person_days += 1
    area = place.circle(place.town.junctions[elder.home], AREA_M)
    events: list[Event] = assess(day_of(heard, {}, day, agreement=Agreement(area=area)))
    if not is_lost:
        score.false_alarms += sum(event.kind is EventKind.LEFT_AREA for event in events)
        return
    score.lost += 1
    asked_at = day.begin + timedelta(seconds=NOTICED_S)
    before = [one for one in heard if one.to_at <= asked_at]
    after = [one for one in heard if one.to_at > asked_at]
    if after and score.heard_after_min is not None:
        score.heard_after_min.append((after[0].to_at - asked_at).total_seconds() / 60)
    if before and score.cells_before is not None:
        watch = day.watch(place.buses, place, until_s=NOTICED_S)
        found = where_now(
            max(before, key=lambda one: one.to_at), at=asked_at, streets=place.streets, watch=watch, rules=RULES
        )
        lon, lat = place.town.plane.lon_lat(walked(NOTICED_S))
        cells = [chance.cell for chance in found]
        true = cell_of(lon=lon, lat=lat)
        score.cells_before.append(cells.index(true) if true in cells else len(cells))


def simulate(days: int, seed: int) -> Score:
    """Let the town live for some days."""
    rng = np.random.default_rng(seed)
    place = make_place(seed)
    children = [make_child(number, place, rng) for number in range(CHILDREN)]
    homes = list(place.town.junctions)
    elders = [Elder(tag=Tag(key=rng.bytes(16)), home=homes[int(rng.integers(len(homes)))]) for _ in range(ELDERS)]
    score = Score(heard_after_min=[], cells_before=[])
    for number in range(days):
        day = DayOfBuses(begin=FIRST_DAY + timedelta(days=number), deaf=_deaf(place, rng))
        for child in children:
            ride_to_school(child, place, day, score, rng)
        for elder in elders:
            a_day_out(elder, place, day, score, rng)
    return score


def _deaf(place: Place, rng: np.random.Generator) -> dict[str, tuple[float, float]]:
    deaf: dict[str, tuple[float, float]] = {}
    for bus in place.buses:
        drawn = rng.random()
        if drawn < DEAD:
            deaf[bus.name] = (0.0, DAY_S)
        elif drawn < DEAD + DEAF:
            begin_s = float(rng.uniform(0, DAY_S - DEAF_S))
            deaf[bus.name] = (begin_s, begin_s + DEAF_S)
    return deaf


def resolve_county(seed: int) -> dict[str, float]:
    """How long the ids of an hour take for a county's tags, and one sighting after that."""
    rng = np.random.default_rng(seed)
    set_at = FIRST_DAY - timedelta(days=200)
    tags = [
        RotatingTag(
            id=UUID(int=number),
            key=rng.bytes(16),
            exponent=10,
            clock=TagClock.set_at(set_at, counter_s=int(rng.integers(2**30))),
        )
        for number in range(COUNTY_TAGS)
    ]
    begin_s = time.perf_counter()
    table = ids_between(tags, from_at=FIRST_DAY, to_at=FIRST_DAY + timedelta(hours=1))
    table_s = time.perf_counter() - begin_s
    resolver = Resolver(tags)
    ids = [
        ephemeral_id(tag.key, exponent=10, counter_s=int(tag.clock.offset_s + FIRST_DAY.timestamp())) for tag in tags
    ]
    resolver.resolve(ids[0], at=FIRST_DAY)
    begin_s = time.perf_counter()
    matches = [resolver.resolve(one, at=FIRST_DAY) for one in ids]
    each_s = (time.perf_counter() - begin_s) / len(ids)
    found = sum(match is not None and match.tag == tag.id for match, tag in zip(matches, tags, strict=True))
    return {"tags": len(tags), "ids": len(table), "table_s": table_s, "resolve_us": each_s * 1e6, "resolved": found}


def numbers_of(score: Score, resolved: dict[str, float]) -> dict[str, Any]:
    """Everything that was counted."""
    waits, cells = sorted(score.heard_after_min or []), score.cells_before or []
    return {
        "journeys": score.journeys,
        "journeys_right": round(score.right / score.journeys, 4),
        "journeys_unknown": round(score.unknown / score.journeys, 4),
        "journeys_wrong": round(score.wrong / score.journeys, 4),
        "false_alarms_a_person_month": round(score.false_alarms / score.person_days * 30, 3),
        "lost": score.lost,
        "heard_after_the_search_began": len(waits),
        "median_min_until_heard": round(median(waits), 1) if waits else None,
        "worst_min_until_heard": round(waits[-1], 1) if waits else None,
        "median_cells_before_the_true_one": median(cells) if cells else None,
        "resolver": {name: round(value, 3) for name, value in resolved.items()},
    }


@click.command()
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, 400))
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0))
@click.option("--json", "json_file", type=RESULT_FILE)
def main(days: int, seed: int, json_file: Path | None) -> None:
    """Let a town live, and tell how right it was."""
    score = simulate(days, seed)
    numbers = numbers_of(score, resolve_county(seed))
    table = Table("what", "how much")
    for name, value in numbers.items():
        table.add_row(name, str(value))
    Console().print(table)
    told = score.right / max(score.right + score.wrong, 1)
    ratio_is = "journeys told right to journeys told at all (more is better)"
    write(json_file, record("travel", ratio=told, ratio_is=ratio_is, seed=seed, numbers=numbers))


if __name__ == "__main__":
    main()
