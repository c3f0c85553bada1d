"""What happens to a county's roads over the days: damage is born, grows, mostly in rain, is repaired well or badly."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulator.county.lines import Lines
from simulator.county.scenario import Damage
from simulator.county.weather import Weather
from simulator.plane import Plane, Spot
from simulator.truth import CLASS_CODES, Defect, Truth

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Bools = NDArray[np.bool_]

SAMPLE_M: Final = 1.0
LANE_APART_M: Final = 2.5  # lanes nearer than this are one
# Share of each class among new damage, and least and greatest full size along and across the road, in metres.
SHARES: Final = (0.3, 0.2, 0.25, 0.25)
LENGTHS_M: Final = ((1.5, 6.0), (0.2, 0.5), (1.5, 5.0), (0.4, 1.2))
WIDTHS_M: Final = ((0.2, 0.5), (1.5, 3.2), (1.0, 2.8), (0.4, 1.2))
BORN_AS: Final = 0.35  # of its full size, each side
RAIN_MAKES: Final = (0.5, 0.5, 1.0, 4.0)  # new damage on the day after 10 mm of rain, above a dry one, in dry ones
GROWN_DAYS: Final = (60.0, 240.0)  # dry days until full size; 10 mm of rain count like four of them
RAIN_DAYS: Final = 4.0
NEVER: Final = np.inf
_NEXT: Final = (-1, 0, 1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Damages:
    """All damage of all days, in order of birth, and after it what only looks like damage. Arrays (n,)."""

    plane: Plane
    east_m: Floats
    north_m: Floats
    heading_deg: Floats  # of the lane
    classes: Indices  # of CLASS_CODES
    length_m: Floats  # when full grown
    width_m: Floats
    born_day: Floats
    grown_days: Floats
    is_damage: Bools
    rain_days: Floats  # (days + 1,) growing days until each midnight
    fixed_day: Floats  # the last repair ...
    back_day: Floats  # ... and when that breaks up again

    def __len__(self) -> int:
        return len(self.classes)

    def is_there(self, day: float) -> Bools:
        """Which of all lie open on a day."""
        return self.is_there_at(np.arange(len(self)), np.full(len(self), day))

    def is_there_at(self, which: Indices, day: Floats) -> Bools:
        """Which of some lie open, each at its own day."""
        is_fixed = (day >= self.fixed_day[which]) & (day < self.back_day[which])
        return (self.born_day[which] <= day) & ~is_fixed

    def grown(self, day: Floats, which: Indices) -> Floats:
        """Share of the full size of some of them, each at its own day."""
        clock = np.arange(len(self.rain_days))
        now, then = (np.interp(each, clock, self.rain_days) for each in (day, np.maximum(self._since(which), 0.0)))
        aged = now - then + np.maximum(-self._since(which), 0.0)
        return np.minimum(1.0, BORN_AS + (1 - BORN_AS) * aged / self.grown_days[which])

    def _since(self, which: Indices) -> Floats:
        """Day on which it began to grow: at birth, or when its repair broke up."""
        again = np.isfinite(self.fixed_day[which]) & np.isfinite(self.back_day[which])
        return np.where(again, self.back_day[which], self.born_day[which])

    def repair(self, which: Indices, *, day: float, holds_days: Floats) -> None:
        """Repair some; each holds for so long."""
        self.fixed_day[which], self.back_day[which] = day, day + holds_days

    def truth(self, day: float) -> Truth:
        """What lies open on a day, as a score needs it."""
        there = np.flatnonzero(self.is_there(day) & self.is_damage)
        return Truth(defects=tuple(self._defect(int(each)) for each in there))

    def _defect(self, number: int) -> Defect:
        lon, lat = self.plane.lon_lat(Spot(float(self.east_m[number]), float(self.north_m[number])))
        return Defect(
            id=defect_id(number),
            class_code=CLASS_CODES[int(self.classes[number])],
            lon=round(lon, 7),
            lat=round(lat, 7),
            heading_deg=round(float(self.heading_deg[number]), 2),
            length_m=round(float(self.length_m[number]), 2),
            width_m=round(float(self.width_m[number]), 2),
            line_id="",
            along_m=0.0,
            right_m=0.0,
            seed=number,
        )


def defect_id(number: int) -> str:
    """What a score calls a piece of damage."""
    return f"defect-{number}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Places:
    """Samples of lines at each metre."""

    east_m: Floats
    north_m: Floats
    heading_deg: Floats
    along_m: Floats


def samples_of(lines: Lines, number: int) -> Places:
    """Where the buses of one line drive."""
    line = lines.lines[number].line
    along = np.arange(0.0, line.length_m, SAMPLE_M)
    piece = np.clip(np.searchsorted(line.along_m, along, side="right") - 1, 0, len(line.path) - 2)
    heading = line.headings_deg[piece]
    path, rest = np.array(line.path), along - line.along_m[piece]
    radians = np.radians(heading)
    return Places(
        east_m=path[piece, 0] + rest * np.sin(radians),
        north_m=path[piece, 1] + rest * np.cos(radians),
        heading_deg=heading,
        along_m=along,
    )


def lanes_of(lines: Lines) -> Places:
    """Each lane once, however many lines use it."""
    taken: set[tuple[int, int, int]] = set()
    kept: list[Floats] = []
    for number in range(len(lines.lines)):
        places = samples_of(lines, number)
        rows = np.stack([places.east_m, places.north_m, places.heading_deg, places.along_m], axis=1)
        keys = np.stack([rows[:, 0] // LANE_APART_M, rows[:, 1] // LANE_APART_M, rows[:, 2] // 90], axis=1)
        cells = [(int(east), int(north), int(heading)) for east, north, heading in keys.tolist()]
        is_new = np.array([cell not in taken for cell in cells])
        taken.update((east + i, north + j, heading) for east, north, heading in cells for i in _NEXT for j in _NEXT)
        kept.append(rows[is_new])
    east_m, north_m, heading_deg, along_m = np.concatenate(kept).T
    return Places(east_m=east_m, north_m=north_m, heading_deg=heading_deg, along_m=along_m)


def make_damages(lines: Lines, weather: Weather, rates: Damage, *, seed: int) -> Damages:
    """Draw all damage that will ever be; at the first midnight as much lies open as `at_first_per_km` says."""
    rng = np.random.default_rng((seed, 14))
    lanes = lanes_of(lines)
    km = len(lanes.along_m) * SAMPLE_M / 1000
    classes, born_day = _births(rng, weather, rates, km=km)
    fakes = rng.poisson(rates.lookalikes_per_km * km)
    classes = np.concatenate([classes, rng.integers(len(CLASS_CODES), size=fakes)])
    count = len(classes)
    spot = rng.integers(len(lanes.along_m), size=count)
    lengths, widths = np.array(LENGTHS_M)[classes], np.array(WIDTHS_M)[classes]
    width_m = rng.uniform(widths[:, 0], widths[:, 1])
    right_m = rng.uniform(-1, 1, count) * np.maximum(0.1, 1.5 - width_m / 2)
    radians = np.radians(lanes.heading_deg[spot])
    rain_days = np.concatenate([[0.0], np.cumsum(1 + weather.rain_of_day_mm / 10 * RAIN_DAYS)])
    return Damages(
        plane=lines.plane,
        east_m=lanes.east_m[spot] + right_m * np.cos(radians),
        north_m=lanes.north_m[spot] - right_m * np.sin(radians),
        heading_deg=lanes.heading_deg[spot],
        classes=classes,
        length_m=rng.uniform(lengths[:, 0], lengths[:, 1]),
        width_m=width_m,
        born_day=np.concatenate([born_day, np.full(fakes, -1e4)]),
        grown_days=rng.uniform(*GROWN_DAYS, count),
        is_damage=np.arange(count) < count - fakes,
        rain_days=rain_days,
        fixed_day=np.full(count, NEVER),
        back_day=np.full(count, NEVER),
    )


def _births(rng: np.random.Generator, weather: Weather, rates: Damage, *, km: float) -> tuple[Indices, Floats]:
    """Class and day of each; what is there at first is up to a year old."""
    first = rng.poisson(rates.at_first_per_km * km)
    classes = [rng.choice(len(SHARES), size=first, p=SHARES)]
    days = [-rng.uniform(0, 365, first)]
    for number, share in enumerate(SHARES):
        yesterday_mm = np.concatenate([[0.0], weather.rain_of_day_mm[:-1]])
        weight = 1 + RAIN_MAKES[number] * yesterday_mm / 10
        expected = rates.born_per_km_year * km * share / 365 * weight / weight.mean()
        counts: Indices = np.asarray(rng.poisson(expected), dtype=np.int64)
        born = np.repeat(np.arange(weather.days), counts)
        classes.append(np.full(len(born), number))
        days.append(born + rng.random(len(born)))
    class_of, day_of = np.concatenate(classes), np.concatenate(days)
    order = np.argsort(day_of, kind="stable")
    return class_of[order].astype(np.int64), day_of[order]
