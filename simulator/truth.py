"""What is really on the roads: defects with place, class and size, the same for the same seed."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final

import numpy as np

from simulator.plane import Plane, ahead
from simulator.route import Line

CLASS_CODES: Final = ("D00", "D10", "D20", "D40")
# Share of a kind of damage, and its least and greatest size along and across the road.
_KINDS: Final = {
    "D00": (0.25, (2.5, 4.5), (0.25, 0.5)),
    "D10": (0.2, (0.4, 0.7), (2.0, 3.2)),
    "D20": (0.2, (1.6, 3.0), (1.2, 2.2)),
    "D40": (0.35, (0.5, 1.0), (0.5, 1.0)),
}
FIRST_M = 20.0
GAP_M = (18.0, 36.0)
DENSE_GAP_M = (14.0, 24.0)
STRAIGHT_BEFORE_M, STRAIGHT_AFTER_M = 30.0, 8.0  # a defect is seen from a straight piece of road
LANE_HALF_M = 1.5
LOOKALIKES: Final = {"manhole": "D40", "patch": "D20"}  # what is easily taken for damage, and for which
_SIZES_OF_LOOKALIKES: Final = {"manhole": (0.7, 0.7), "patch": (2.2, 1.6)}  # metres along and across the road
_LOOKALIKE_EVERY: Final = 5
_LATE_EVERY: Final = 3
LATE_S: Final = (10.0, 60.0)  # after the buses drove off


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """Damage in a bus's lane. Its place is the middle of the edge that a coming bus reaches first."""

    id: str
    class_code: str
    lon: float
    lat: float
    heading_deg: float  # of the lane
    length_m: float  # along the lane
    width_m: float
    line_id: str
    along_m: float  # of the line
    right_m: float  # of the bus's path
    seed: int  # of its shape
    site_id: str | None = None  # where a photo shows it
    appears_s: float = 0.0  # after the simulation began


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlabelled:
    """A stretch where a photo may show damage that nobody labelled: it can neither be found nor invented."""

    lon: float
    lat: float
    radius_m: float
    class_codes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    defects: tuple[Defect, ...]
    unlabelled: tuple[Unlabelled, ...] = ()
    lookalikes: tuple[Defect, ...] = ()  # no damage; their class is one of `LOOKALIKES`

    def fingerprint(self) -> str:
        """SHA-256 of everything in it; equal truths have equal ones."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def on_line(self, line_id: str) -> tuple[Defect, ...]:
        """Defects of a line in the order in which a bus meets them."""
        return _in_order(self.defects, line_id)

    def things_on(self, line_id: str) -> tuple[Defect, ...]:
        """Defects and what looks like one, in the same order."""
        return _in_order((*self.defects, *self.lookalikes), line_id)


def _in_order(things: Sequence[Defect], line_id: str) -> tuple[Defect, ...]:
    return tuple(sorted((each for each in things if each.line_id == line_id), key=lambda each: each.along_m))


def place_defect(
    *,
    plane: Plane,
    line: Line,
    defect_id: str,
    class_code: str,
    along_m: float,
    right_m: float,
    length_m: float,
    width_m: float,
    seed: int,
    site_id: str | None = None,
) -> Defect:
    """Put a defect beside a line's path; numbers are rounded so that every machine has the same truth."""
    spot, heading = line.place(along_m)
    lon, lat = plane.lon_lat(ahead(spot, heading=heading, forward_m=0.0, right_m=right_m))
    return Defect(
        id=defect_id,
        class_code=class_code,
        lon=round(lon, 7),
        lat=round(lat, 7),
        heading_deg=round(heading, 2),
        length_m=round(length_m, 2),
        width_m=round(width_m, 2),
        line_id=line.id,
        along_m=round(along_m, 2),
        right_m=round(right_m, 2),
        seed=seed,
        site_id=site_id,
    )


def make_truth(lines: Sequence[Line], *, plane: Plane, seed: int, gap_m: tuple[float, float] = GAP_M) -> Truth:
    """Damage the lines' lanes."""
    defects: list[Defect] = []
    for number, line in enumerate(lines):
        rng = np.random.default_rng((seed, 2, number))
        for along_m in straight_places(line, rng=rng, gap_m=gap_m):
            defects.append(_defect(rng, line, plane=plane, along_m=along_m, number=len(defects) + 1))
    return Truth(defects=tuple(defects))


def enlivened(truth: Truth, *, seed: int) -> Truth:
    """Of drawn damage, make some appear only while the buses drive, and some a manhole or a patch that is none."""
    rng = np.random.default_rng((seed, 8))
    defects: list[Defect] = []
    lookalikes: list[Defect] = []
    for number, defect in enumerate(truth.defects):
        if number % _LOOKALIKE_EVERY == _LOOKALIKE_EVERY - 1:
            lookalikes.append(_lookalike(defect, tuple(LOOKALIKES)[len(lookalikes) % len(LOOKALIKES)]))
        elif number % _LATE_EVERY == _LATE_EVERY - 1:
            defects.append(replace(defect, appears_s=round(float(rng.uniform(*LATE_S)), 1)))
        else:
            defects.append(defect)
    return replace(truth, defects=tuple(defects), lookalikes=tuple(lookalikes))


def _lookalike(defect: Defect, kind: str) -> Defect:
    length_m, width_m = _SIZES_OF_LOOKALIKES[kind]
    return replace(defect, id=f"lookalike-{defect.id}", class_code=kind, length_m=length_m, width_m=width_m)


def straight_places(line: Line, *, rng: np.random.Generator, gap_m: tuple[float, float]) -> Iterator[float]:
    """Ways along a line, with random gaps, that a bus sees from afar on a straight road."""
    along_m = FIRST_M + STRAIGHT_BEFORE_M
    while along_m < line.length_m - STRAIGHT_AFTER_M:
        if line.is_straight(along_m - STRAIGHT_BEFORE_M, along_m + STRAIGHT_AFTER_M):
            yield along_m
            along_m += rng.uniform(*gap_m)
        else:
            along_m += 1.0


def _defect(rng: np.random.Generator, line: Line, *, plane: Plane, along_m: float, number: int) -> Defect:
    shares = [share for share, _, _ in _KINDS.values()]
    class_code = CLASS_CODES[int(rng.choice(len(CLASS_CODES), p=shares))]
    _, lengths, widths = _KINDS[class_code]
    width_m = rng.uniform(*widths)
    play_m = max(0.1, LANE_HALF_M - width_m / 2)
    return place_defect(
        plane=plane,
        line=line,
        defect_id=f"defect-{number}",
        class_code=class_code,
        along_m=along_m,
        right_m=rng.uniform(-play_m, play_m),
        length_m=rng.uniform(*lengths),
        width_m=width_m,
        seed=int(rng.integers(2**31)),
    )
