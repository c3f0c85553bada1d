"""What is really on the roads: defects with place, class and size, the same for the same seed."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass
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
STRAIGHT_BEFORE_M, STRAIGHT_AFTER_M = 30.0, 8.0  # a defect is seen from a straight piece of road
LANE_HALF_M = 1.5


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

    def fingerprint(self) -> str:
        """SHA-256 of everything in it; equal truths have equal ones."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def without(self, ids: AbstractSet[str], *, radius_m: float) -> "Truth":
        """What is left when some defects are gone: where they were, nothing can be found or invented."""
        gone = tuple(
            Unlabelled(lon=defect.lon, lat=defect.lat, radius_m=radius_m, class_codes=CLASS_CODES)
            for defect in self.defects
            if defect.id in ids
        )
        left = tuple(defect for defect in self.defects if defect.id not in ids)
        return Truth(defects=left, unlabelled=(*self.unlabelled, *gone))

    def on_line(self, line_id: str) -> tuple[Defect, ...]:
        """Defects of a line in the order in which a bus meets them."""
        return tuple(sorted((d for d in self.defects if d.line_id == line_id), key=lambda d: d.along_m))


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


def make_truth(lines: Sequence[Line], *, plane: Plane, seed: int) -> Truth:
    """Damage the lines' lanes."""
    defects: list[Defect] = []
    for number, line in enumerate(lines):
        rng = np.random.default_rng((seed, 2, number))
        for along_m in straight_places(line, rng=rng, gap_m=GAP_M):
            defects.append(_defect(rng, line, plane=plane, along_m=along_m, number=len(defects) + 1))
    return Truth(defects=tuple(defects))


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
