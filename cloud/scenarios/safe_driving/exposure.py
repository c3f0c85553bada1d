"""How far and how long a bus drove, from the positions of one message."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from statistics import median
from typing import Final, NamedTuple

MAX_STEP_S: Final = 3.0  # over more the speed in between is not known
MOVING_MPS: Final = 0.5
LONE_S: Final = 1.0  # what a point without another stands for


class Moment(NamedTuple):
    """A point of a track."""

    at: datetime
    speed_mps: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """Of one hour."""

    hour: datetime
    way_m: float
    moving_s: float


def exposure_of(moments: Sequence[Moment]) -> list[Exposure]:
    """Sum up by hour: each point stands for the time to the next one, the last for the usual time.

    So the sums of messages add up, in whatever order and batches they come.
    """
    ordered = sorted(moments, key=lambda moment: moment.at)
    steps_s = [(after.at - before.at).total_seconds() for before, after in pairwise(ordered)]
    usual_s = median([step for step in steps_s if step <= MAX_STEP_S] or [LONE_S])
    sums: dict[datetime, list[float]] = {}
    for moment, step_s in zip(ordered, [*steps_s, usual_s], strict=False):  # without a moment there is no last one
        if moment.speed_mps is None or moment.speed_mps < MOVING_MPS:
            continue
        passed_s = step_s if step_s <= MAX_STEP_S else usual_s
        hour = sums.setdefault(moment.at.replace(minute=0, second=0, microsecond=0), [0.0, 0.0])
        hour[0] += moment.speed_mps * passed_s
        hour[1] += passed_s
    return [Exposure(hour=hour, way_m=way_m, moving_s=moving_s) for hour, (way_m, moving_s) in sorted(sums.items())]
