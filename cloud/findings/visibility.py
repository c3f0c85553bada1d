"""How well a bus that drove a stretch could have seen a place."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from cloud.findings.geometry import angle_between_deg
from cloud.findings.model import Look
from cloud.roads.plane import metres_per_degree

Line = NDArray[np.float64]  # (n, 2) metres east and north

Samples = NDArray[np.float64]  # (n,)

SAME_WAY_DEG: Final = 45.0
SAME_LANE_SHARE: Final = 0.8  # of passes in one direction that have in view what another one saw (unconfirmed)
ROAD_M: Final = 15.0  # to each side; beyond is another road
STEP_M: Final = 2.0
MAX_LINE_M: Final = 2_000.0  # a stretch is about 100 m; more is no stretch
_MIN_WINDOW_M: Final = 1.0
_SIGMAS: Final = 3.0
_ROOM_M: Final = 20.0  # for the error of the place itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A coverage, as far as the fusion needs it."""

    id: str
    id_at: datetime
    city: str
    device: str
    from_at: datetime
    to_at: datetime
    line: Sequence[Sequence[float]]  # lon, lat
    heading_deg: float
    accuracy_m: float
    usable_share: float
    near_m: float
    far_m: float
    left_m: float
    right_m: float
    model_name: str | None = None
    model_version: str | None = None
    quality: str | None = None  # of its pictures
    looked_for: Sequence[str] | None = None  # classes; none: damage of the road

    def is_for(self, class_code: str) -> bool:
        """Whether a thing of this class would have been told."""
        return self.looked_for is None or class_code in self.looked_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Rectangle outside of which nothing can have been seen."""

    min_lon: float
    min_lat: float
    max_lon: float
    max_lat: float

    def holds(self, *, lon: float, lat: float) -> bool:
        """Whether a place lies inside."""
        return self.min_lon <= lon <= self.max_lon and self.min_lat <= lat <= self.max_lat


def reach_of(stretch: Stretch) -> Reach:
    """Rectangle around the line and its view, with room for errors of position."""
    lons, lats = zip(*stretch.line, strict=True)
    margin_m = stretch.far_m + max(stretch.left_m, stretch.right_m) + _SIGMAS * stretch.accuracy_m + _ROOM_M
    east_m, north_m = metres_per_degree(lats[0])
    lon_margin, lat_margin = margin_m / east_m, margin_m / north_m
    return Reach(
        min_lon=min(lons) - lon_margin,
        min_lat=min(lats) - lat_margin,
        max_lon=max(lons) + lon_margin,
        max_lat=max(lats) + lat_margin,
    )


def look_at(stretch: Stretch, *, lon: float, lat: float, sigma_m: float, heading_deg: float | None = None) -> Look:
    """What the stretch is worth as a look at a place; `heading_deg` is of a bus that saw something there."""
    return Look(
        coverage_id=stretch.id,
        coverage_id_at=stretch.id_at,
        city=stretch.city,
        device=stretch.device,
        from_at=stretch.from_at,
        to_at=stretch.to_at,
        heading_deg=stretch.heading_deg,
        share=stretch.usable_share * visible_share(stretch, lon=lon, lat=lat, sigma_m=sigma_m, heading_deg=heading_deg),
        model_name=stretch.model_name,
        model_version=stretch.model_version,
        quality=stretch.quality,
    )


def visible_share(
    stretch: Stretch, *, lon: float, lat: float, sigma_m: float, heading_deg: float | None = None
) -> float:
    """Share of the way from `far_m` to `near_m` before a place on which it lay in view.

    The stretches of one pass add up to 1. The place is only known to `sigma_m` and the bus to its accuracy, so that
    a place at the edge of the view counts half. Where a bus of the same direction saw it, this one mostly drives in a
    lane from which it shows too, and what looks like an offset is mostly an error of position.
    """
    line = _line_from(stretch, lon=lon, lat=lat)
    lengths = np.hypot(*np.diff(line, axis=0).T)
    total_m = float(lengths.sum())
    if not STEP_M / 2 < total_m <= MAX_LINE_M:
        return 0.0
    here, forward = _samples(line, lengths, count=max(2, round(total_m / STEP_M)))
    ahead_m = -np.einsum("ij,ij->i", here, forward)
    right_m = -(here[:, 0] * forward[:, 1] - here[:, 1] * forward[:, 0])
    spread_m = float(np.hypot(sigma_m, stretch.accuracy_m))
    is_ahead = (ahead_m >= stretch.near_m) & (ahead_m <= stretch.far_m)
    in_view = ndtr((stretch.right_m - right_m) / spread_m) - ndtr((-stretch.left_m - right_m) / spread_m)
    if heading_deg is not None and angle_between_deg(heading_deg, stretch.heading_deg) <= SAME_WAY_DEG:
        in_view = _given_the_lane(in_view, right_m, width_m=stretch.left_m + stretch.right_m, spread_m=spread_m)
    seen_m = float((in_view * is_ahead).sum()) * total_m / len(here)
    return min(1.0, seen_m / max(_MIN_WINDOW_M, stretch.far_m - stretch.near_m))


def _given_the_lane(in_view: Samples, right_m: Samples, *, width_m: float, spread_m: float) -> Samples:
    """Bayes: the place is as likely anywhere in view, or anywhere else within `ROAD_M`, as `SAME_LANE_SHARE` says."""
    on_road = ndtr((ROAD_M - right_m) / spread_m) - ndtr((-ROAD_M - right_m) / spread_m)
    inside = SAME_LANE_SHARE * in_view / width_m
    outside = (1 - SAME_LANE_SHARE) * np.maximum(on_road - in_view, 1e-12) / max(2 * ROAD_M - width_m, 1.0)
    return on_road * inside / np.maximum(inside + outside, 1e-12)


def _line_from(stretch: Stretch, *, lon: float, lat: float) -> Line:
    """The line in metres, the place being the origin."""
    east_m, north_m = metres_per_degree(lat)
    degrees = np.asarray(stretch.line, dtype=np.float64) - (lon, lat)
    degrees[:, 0] = (degrees[:, 0] + 180) % 360 - 180
    return degrees * (east_m, north_m)


def _samples(line: Line, lengths: NDArray[np.float64], *, count: int) -> tuple[Line, Line]:
    """Places of the bus at equal steps (middles of the steps), and its direction there."""
    ends = np.concatenate(([0.0], np.cumsum(lengths)))
    at_m = (np.arange(count) + 0.5) * ends[-1] / count
    part = np.minimum((at_m[:, None] >= ends[None, 1:]).sum(axis=1), len(lengths) - 1)
    direction = np.diff(line, axis=0) / np.maximum(lengths, 1e-9)[:, None]
    return line[part] + direction[part] * (at_m - ends[part])[:, None], direction[part]
