"""How much of a segment's surface buses saw."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from cloud.condition.estimate import Surveyed

ALONG_M: Final = 5.0
ACROSS_M: Final = 0.5
_BUS_LANE_M: Final = 3.5


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyedPart:
    """A part of a segment that one bus looked at in one pass."""

    device: str
    from_at: datetime
    to_at: datetime
    from_m: float  # along the segment's line
    to_m: float
    direction: Literal[1, -1]
    left_m: float  # to this far left of the bus's path
    right_m: float
    usable_share: float


def survey(
    parts: Sequence[SurveyedPart], *, length_m: float, width_m: float, drives_on: Literal["right", "left"]
) -> Surveyed:
    """Lay all parts over a grid of the surface.

    A receiver is not good enough to tell the lane, so a bus is taken to drive in the lane at its kerb. A cell is
    seen with the chance that any pass had a usable frame of it.
    """
    shape = max(1, round(length_m / ALONG_M)), max(1, round(width_m / ACROSS_M))
    looks, unseen = np.zeros(shape), np.ones(shape)
    along_m = _middles(shape[0], length_m)
    across_m = _middles(shape[1], width_m) - width_m / 2  # right of the line's middle
    for part in parts:
        left_m, right_m = view_across(part, width_m=width_m, drives_on=drives_on)
        rows = (along_m >= part.from_m) & (along_m <= part.to_m)
        columns = (across_m >= left_m) & (across_m <= right_m)
        here = np.outer(rows, columns) * part.usable_share
        looks += here
        unseen *= 1 - here
    share = float(1 - unseen.mean())
    return Surveyed(share=share, looks=float(looks.sum() / (1 - unseen).sum()) if share > 0 else 0.0)


def view_across(part: SurveyedPart, *, width_m: float, drives_on: Literal["right", "left"]) -> tuple[float, float]:
    """From where to where a bus sees, in metres right of the middle of the segment's line."""
    kerb_m = max(0.0, width_m / 2 - _BUS_LANE_M / 2)
    bus_m = kerb_m if drives_on == "right" else -kerb_m
    left_m, right_m = bus_m - part.left_m, bus_m + part.right_m
    return (left_m, right_m) if part.direction == 1 else (-right_m, -left_m)


def last_look(parts: Sequence[SurveyedPart], *, length_m: float, min_share: float) -> datetime | None:
    """Since when buses saw this share of the segment's length: of several short looks that add up, the oldest counts.

    Whatever sees a share of the surface sees as much of the length, so that an estimate always has its time.
    """
    along_m = _middles(max(1, round(length_m / ALONG_M)), length_m)
    unseen = np.ones(len(along_m))
    for part in sorted(parts, key=lambda part: part.to_at, reverse=True):
        unseen *= 1 - ((along_m >= part.from_m) & (along_m <= part.to_m)) * part.usable_share
        if 1 - unseen.mean() >= min_share:
            return part.to_at
    return None


def _middles(count: int, length_m: float) -> NDArray[np.float64]:
    return (np.arange(count) + 0.5) * length_m / count
