"""What buses tell of the road that they drive over: things passed, invented things, and where they looked.

All of it in arrays, for any number of buses at once: a bus costs microseconds.
"""

import math
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
from scipy.spatial import KDTree

from simulator.county.damage import Damages, Floats, Indices, samples_of
from simulator.county.lines import Lines
from simulator.county.told import ToldTables
from simulator.county.weather import Weather
from simulator.route import Motion

LEFT_M, RIGHT_M = 5.0, 4.0  # of the bus's path: what lies farther aside is not in the picture
OWN_ALONG_M, OWN_ACROSS_M = 0.8, 0.3  # of the place on the road that a camera gives
DISTANCE_M: Final = 8.0  # of the best picture
STRETCH_M: Final = 100.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Ways:
    """All lines as tables: where a bus is after so many seconds of its lap, and which things it passes where.

    Lines follow each other in each table; `first_*` says where each begins.
    """

    lap_s: Floats  # (lines,)
    length_m: Floats
    first_second: Indices
    along_m: Floats  # at each second of free driving
    first_metre: Indices
    east_m: Floats  # at each metre of the way ...
    north_m: Floats
    heading_deg: Floats
    speed_mps: Floats  # ... of free driving, standing not counted
    keys: Floats  # of things passed, sorted: line * KEY_M + along
    things: Indices
    right_m: Floats

    def place(self, lines: Indices, along_m: Floats) -> tuple[Floats, Floats, Floats]:
        """East, north and heading."""
        at = self.first_metre[lines] + np.minimum(along_m, self.length_m[lines] - 1).astype(np.int64)
        rest = along_m - np.floor(along_m)
        radians = np.radians(self.heading_deg[at])
        return self.east_m[at] + rest * np.sin(radians), self.north_m[at] + rest * np.cos(radians), self.heading_deg[at]

    def along(self, lines: Indices, lap_s: Floats) -> Floats:
        """Way along the line after so many seconds of free driving."""
        whole = np.minimum(lap_s, self.lap_s[lines]).astype(np.int64)
        here = self.along_m[self.first_second[lines] + whole]
        return here + (self.along_m[self.first_second[lines] + whole + 1] - here) * (lap_s - whole)

    def speed(self, lines: Indices, along_m: Floats) -> Floats:
        at = self.first_metre[lines] + np.minimum(along_m, self.length_m[lines] - 1).astype(np.int64)
        return self.speed_mps[at]

    def passed(self, lines: Indices, from_m: Floats, to_m: Floats) -> tuple[Indices, Indices]:
        """Of stretches driven: number of the stretch and row of `things` of each thing that was passed on it."""
        first = np.searchsorted(self.keys, lines * KEY_M + from_m)
        last = np.searchsorted(self.keys, lines * KEY_M + to_m)
        counts = np.maximum(last - first, 0)
        stretches = np.repeat(np.arange(len(lines)), counts)
        before = np.repeat(np.cumsum(counts) - counts, counts)
        rows: Indices = np.arange(len(stretches)) - before + np.repeat(first, counts)
        return stretches, rows


KEY_M: Final = 1e7  # longer than any line


def make_ways(lines: Lines, damages: Damages) -> Ways:
    """Drive each line once in thought."""
    motions = [Motion(each.line) for each in lines.lines]
    seconds = [motion.ways_m(np.arange(math.ceil(motion.lap_s) + 2.0)) for motion in motions]
    places = [samples_of(lines, number) for number in range(len(motions))]
    spots = np.stack([damages.east_m, damages.north_m], axis=1)
    keys: list[Floats] = []
    things: list[Indices] = []
    rights: list[Floats] = []
    for number, place in enumerate(places):
        tree = KDTree(np.stack([place.east_m, place.north_m], axis=1))
        metres, nearest = cast(
            "tuple[Floats, Indices]",
            tree.query(spots, distance_upper_bound=LEFT_M + 1),  # pyright: ignore[reportUnknownMemberType]
        )
        near = np.flatnonzero(np.isfinite(metres))
        at = nearest[near]
        radians = np.radians(place.heading_deg[at])
        off = spots[near] - np.stack([place.east_m[at], place.north_m[at]], axis=1)
        right = off[:, 0] * np.cos(radians) - off[:, 1] * np.sin(radians)
        is_seen = (right >= -LEFT_M) & (right <= RIGHT_M)
        keys.append(number * KEY_M + place.along_m[at][is_seen])
        things.append(near[is_seen])
        rights.append(right[is_seen])
    order = np.argsort(np.concatenate(keys), kind="stable")
    counts_s, counts_m = [len(each) for each in seconds], [len(each.along_m) for each in places]
    return Ways(
        lap_s=np.array([motion.lap_s for motion in motions]),
        length_m=np.array([each.line.length_m for each in lines.lines]),
        first_second=np.cumsum([0, *counts_s[:-1]]),
        along_m=np.concatenate(seconds),
        first_metre=np.cumsum([0, *counts_m[:-1]]),
        east_m=np.concatenate([each.east_m for each in places]),
        north_m=np.concatenate([each.north_m for each in places]),
        heading_deg=np.concatenate([each.heading_deg for each in places]),
        speed_mps=np.concatenate([m.speeds_mps(p.along_m) for m, p in zip(motions, places, strict=True)]),
        keys=np.concatenate(keys)[order],
        things=np.concatenate(things)[order],
        right_m=np.concatenate(rights)[order],
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Driven:
    """Stretches that buses drove, each of at most some hundred metres and within one lap. Arrays (n,)."""

    lines: Indices
    from_m: Floats
    to_m: Floats
    from_s: Floats  # seconds since the first local midnight
    to_s: Floats
    error_east_m: Floats  # of the receiver
    error_north_m: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Told:
    """What was told. Arrays (n,)."""

    stretch: Indices  # which of those driven
    thing: Indices  # of the damages; -1 is invented
    classes: Indices
    confidence: Floats
    at_s: Floats
    east_m: Floats  # as the bus tells it
    north_m: Floats
    heading_deg: Floats
    along_m: Floats  # of the line, truly
    length_m: Floats  # 0: not known
    width_m: Floats
    side_px: Floats  # of its box at `DISTANCE_M`
    speed_mps: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Looked:
    """How well each stretch could be seen, and which things came into view. Arrays."""

    quality: Indices  # (stretches,)
    usable: Floats
    shown_stretch: Indices  # (passes of things,)
    shown_thing: Indices


@dataclass(frozen=True, kw_only=True, eq=False)
class Eyes:
    """Everything that decides what a bus tells."""

    ways: Ways
    damages: Damages
    weather: Weather
    tables: ToldTables

    def look(self, driven: Driven, *, rng: np.random.Generator, dirt: Floats | None = None) -> tuple[Told, Looked]:
        """What is told of stretches; `dirt` (n,) is the share of frames that a dirty pane spoils."""
        middle_s = (driven.from_s + driven.to_s) / 2
        heading = self.ways.place(driven.lines, (driven.from_m + driven.to_m) / 2)[2]
        quality, usable = self.weather.view(middle_s, heading)
        usable = usable if dirt is None else usable * (1 - dirt)
        stretch, rows = self.ways.passed(driven.lines, driven.from_m, driven.to_m)
        along = self.ways.keys[rows] - driven.lines[stretch] * KEY_M
        at_s = driven.from_s[stretch] + _share(along, driven, stretch) * (driven.to_s - driven.from_s)[stretch]
        is_there = self.damages.is_there_at(self.ways.things[rows], at_s / 86_400)
        stretch, rows, along, at_s = stretch[is_there], rows[is_there], along[is_there], at_s[is_there]
        real = self._things(driven, stretch, rows, along, at_s, quality=quality, usable=usable, rng=rng)
        invented = self._invented(driven, quality=quality, usable=usable, rng=rng)
        looked = Looked(quality=quality, usable=usable, shown_stretch=stretch, shown_thing=self.ways.things[rows])
        return _joined(real, invented), looked

    def _things(
        self,
        driven: Driven,
        stretch: Indices,
        rows: Indices,
        along: Floats,
        at_s: Floats,
        *,
        quality: Indices,
        usable: Floats,
        rng: np.random.Generator,
    ) -> Told:
        things = self.ways.things[rows]
        damages, lines = self.damages, driven.lines[stretch]
        grown = damages.grown(at_s / 86_400, things)
        length, width = damages.length_m[things] * grown, damages.width_m[things] * grown
        speed = self.ways.speed(lines, along)
        qualities = quality[stretch]
        is_told, sure = self.tables.damage(
            classes=damages.classes[things],
            qualities=qualities,
            sizes_m=np.sqrt(length * width),
            speeds_mps=speed,
            rng=rng,
        )
        is_fake = ~damages.is_damage[things]
        fooled, falsely = self.tables.lookalikes(classes=damages.classes[things], qualities=qualities, rng=rng)
        is_told, sure = np.where(is_fake, fooled, is_told), np.where(is_fake, falsely, sure)
        is_told &= rng.random(len(things)) < _chance_in_few_frames(usable[stretch])
        kept = np.flatnonzero(is_told)
        return self._told(
            driven,
            stretch[kept],
            along=along[kept],
            right=self.ways.right_m[rows[kept]],
            at_s=at_s[kept],
            thing=things[kept],
            classes=damages.classes[things[kept]],
            confidence=sure[kept],
            length=np.where(is_fake[kept], 0.0, length[kept]),
            width=np.where(is_fake[kept], 0.0, width[kept]),
            side=self.tables.sides_px(np.sqrt(length * width)[kept], away_m=DISTANCE_M),
            rng=rng,
        )

    def _invented(self, driven: Driven, *, quality: Indices, usable: Floats, rng: np.random.Generator) -> Told:
        metres = np.maximum(0.0, driven.to_m - driven.from_m) * usable  # a standing bus may roll by a rounding error
        stretch, classes, sure = self.tables.invented(metres=metres, qualities=quality, rng=rng)
        share = rng.random(len(stretch))
        return self._told(
            driven,
            stretch,
            along=driven.from_m[stretch] + share * (driven.to_m - driven.from_m)[stretch],
            right=rng.uniform(-1.5, 1.5, len(stretch)),
            at_s=driven.from_s[stretch] + share * (driven.to_s - driven.from_s)[stretch],
            thing=np.full(len(stretch), -1),
            classes=classes,
            confidence=sure,
            length=np.zeros(len(stretch)),
            width=np.zeros(len(stretch)),
            side=self.tables.false_sides_px(classes, rng=rng),
            rng=rng,
        )

    def _told(
        self,
        driven: Driven,
        stretch: Indices,
        *,
        along: Floats,
        right: Floats,
        at_s: Floats,
        thing: Indices,
        classes: Indices,
        confidence: Floats,
        length: Floats,
        width: Floats,
        side: Floats,
        rng: np.random.Generator,
    ) -> Told:
        east, north, heading = self.ways.place(driven.lines[stretch], along)
        radians = np.radians(heading)
        forward = rng.normal(0, OWN_ALONG_M, len(stretch))
        aside = right + rng.normal(0, OWN_ACROSS_M, len(stretch))
        return Told(
            stretch=stretch,
            thing=thing,
            classes=classes,
            confidence=confidence,
            at_s=at_s,
            east_m=east + forward * np.sin(radians) + aside * np.cos(radians) + driven.error_east_m[stretch],
            north_m=north + forward * np.cos(radians) - aside * np.sin(radians) + driven.error_north_m[stretch],
            heading_deg=heading,
            along_m=along,
            length_m=length,
            width_m=width,
            side_px=side,
            speed_mps=self.ways.speed(driven.lines[stretch], along),
        )


def _chance_in_few_frames(usable: Floats) -> Floats:
    """Share of its tellings that a thing keeps when only some frames can be used: those lost hang together."""
    return np.minimum(1.0, usable / 0.9)


def _share(along: Floats, driven: Driven, stretch: Indices) -> Floats:
    return (along - driven.from_m[stretch]) / np.maximum((driven.to_m - driven.from_m)[stretch], 1e-6)


def _joined(first: Told, second: Told) -> Told:
    names = Told.__dataclass_fields__
    return Told(**{name: np.concatenate([getattr(first, name), getattr(second, name)]) for name in names})
