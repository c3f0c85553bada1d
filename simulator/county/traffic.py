"""All buses of a county at once: they leave by the timetable, are slower when the streets are full, and break down.

The state is arrays over the buses and a tick changes them all; there is no loop over buses.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulator.county.build import County
from simulator.county.faults import Faults
from simulator.county.looks import Driven
from simulator.gnss import wander

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Bools = NDArray[np.bool_]

DAY_S: Final = 86_400.0
TICK_S: Final = 10.0
UNEVEN: Final = 0.12  # one sigma of how much faster or slower a single bus gets on in one tick


@dataclass(frozen=True, kw_only=True, eq=False)
class Tick:
    """What the buses on the road did in one tick. Arrays (moving,)."""

    from_s: float  # seconds since the first local midnight
    to_s: float
    buses: Indices
    driven: Driven
    has_arrived: Bools  # at its line's end


class Traffic:
    """Where all buses are."""

    def __init__(self, county: County, *, from_s: float) -> None:
        """Put the buses where the timetable has them at about that time."""
        scenario = county.scenario
        self._county, self._ways = county, county.eyes.ways
        self._rng = np.random.default_rng((scenario.county.seed, 18))
        self.faults = Faults(scenario)
        count = scenario.county.buses
        lines = len(county.lines.lines)
        self.now_s = from_s
        self.lines: Indices = np.arange(count) * lines // count
        self._turn: Indices = np.arange(count) - np.searchsorted(self.lines, self.lines)  # among the buses of its line
        self._of_line: Indices = np.bincount(self.lines, minlength=lines)[self.lines]
        self._departures = [np.array(each.departures_s) for each in county.lines.lines]
        self.lap_s = np.zeros(count)  # of free driving
        self._leaves_s = self._next_departure(np.arange(count), from_s)
        self._is_driving = np.zeros(count, dtype=np.bool_)
        self._broken_until_s = np.zeros(count)
        self._error_m = self._rng.normal(0, scenario.receiver.wander_m, (count, 2))
        self._set_out(from_s)

    def tick(self, seconds: float) -> Tick:
        """Let some seconds pass."""
        from_s, to_s = self.now_s, self.now_s + seconds
        self._leave(from_s)
        self._break_down(seconds)
        every = np.arange(len(self.lines))
        is_broken = (self._broken_until_s > from_s) | self.faults.has("breakdown", every, at_s=from_s)
        buses = np.flatnonzero(self._is_driving & ~is_broken)
        lines = self.lines[buses]
        begun_s = self.lap_s[buses]
        pace = self._county.scenario.traffic.pace[int(from_s % DAY_S // 3600)]
        self.lap_s[buses] = begun_s + seconds * pace * np.clip(self._rng.normal(1, UNEVEN, len(buses)), 0.3, 1.5)
        has_arrived = self.lap_s[buses] >= self._ways.lap_s[lines]
        to_m = np.where(has_arrived, self._ways.length_m[lines], self._ways.along(lines, self.lap_s[buses]))
        self._is_driving[buses[has_arrived]] = False
        self._leaves_s[buses[has_arrived]] = self._next_departure(buses[has_arrived], to_s)
        self._let_receivers_wander(seconds)
        error = self._told_error(buses, from_s)
        self.now_s = to_s
        driven = Driven(
            lines=lines,
            from_m=self._ways.along(lines, begun_s),
            to_m=to_m,
            from_s=np.full(len(buses), from_s),
            to_s=np.full(len(buses), to_s),
            error_east_m=error[:, 0],
            error_north_m=error[:, 1],
        )
        return Tick(from_s=from_s, to_s=to_s, buses=buses, driven=driven, has_arrived=has_arrived)

    def _leave(self, now_s: float) -> None:
        leaving = ~self._is_driving & (self._leaves_s <= now_s)
        self._is_driving |= leaving
        self.lap_s[leaving] = 0.0

    def _set_out(self, now_s: float) -> None:
        """Buses that left before the simulation began are on their way, spread over their lines."""
        clock = now_s % DAY_S
        for line, departures in enumerate(self._departures):
            mine = np.flatnonzero(self.lines == line)
            # What leaves after midnight may stand in the timetable of the day before, as 24:10.
            times = (clock, clock + DAY_S)
            if len(departures) and any(departures[0] <= at_s <= departures[-1] for at_s in times):
                self._is_driving[mine] = True
                self.lap_s[mine] = self._ways.lap_s[line] * (np.arange(len(mine)) + self._rng.random()) / len(mine)
                self.lap_s[mine] = np.minimum(self.lap_s[mine], self._ways.lap_s[line] - 1)

    def _next_departure(self, buses: Indices, now_s: float) -> Floats:
        """When each leaves next: the buses of a line take turns."""
        day_s, clock = now_s - now_s % DAY_S, now_s % DAY_S
        leaves_s = np.full(len(buses), np.inf)
        for line, departures in enumerate(self._departures):
            mine = np.flatnonzero(self.lines[buses] == line)
            if not len(mine) or not len(departures):
                continue
            turn, of_line = self._turn[buses[mine]], self._of_line[buses[mine]]
            today = _next_of_turn(departures, turn, of_line, clock)
            last_night = _next_of_turn(departures, turn, of_line, clock + DAY_S) - DAY_S
            tomorrow = DAY_S + departures[np.minimum(turn, len(departures) - 1)]
            soonest = np.minimum(today, last_night)
            leaves_s[mine] = day_s + np.where(np.isfinite(soonest), soonest, tomorrow)
        return leaves_s

    def _break_down(self, seconds: float) -> None:
        traffic = self._county.scenario.traffic
        breaks = self._is_driving & (
            self._rng.random(len(self.lines)) < traffic.breakdowns_per_bus_day * seconds / DAY_S
        )
        self._broken_until_s[breaks] = self.now_s + self._rng.uniform(*traffic.breakdown_s, int(breaks.sum()))

    def _let_receivers_wander(self, seconds: float) -> None:
        receiver = self._county.scenario.receiver
        self._error_m = wander(
            self._error_m, elapsed_s=seconds, sigma_m=receiver.wander_m, forgets_s=receiver.forgets_s, rng=self._rng
        )

    def _told_error(self, buses: Indices, at_s: float) -> Floats:
        jitter_m = self._county.scenario.receiver.jitter_m
        error = self._error_m[buses] + self._rng.normal(0, jitter_m, (len(buses), 2))
        return error * self.faults.receiver(buses, at_s=at_s)[:, None]


def _next_of_turn(departures: Floats, turn: Indices, of_line: Indices, at_s: float) -> Floats:
    """When each leaves by one day's timetable, in seconds of that day; infinite: no more on it."""
    rounds = np.maximum(0, np.ceil((np.searchsorted(departures, at_s) - turn) / of_line)).astype(np.int64)
    return np.append(departures, np.inf)[np.minimum(rounds * of_line + turn, len(departures))]
