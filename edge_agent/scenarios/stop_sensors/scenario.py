"""Values of sensors in, one message an interval out: the energy mean of sound, the median of all else."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Final

from edge_agent.config import Place
from edge_agent.ego import EgoState
from edge_agent.readings import Image, MeasuredReading, Reading
from wire.messages import Measured, Measurement, Quantity

MAX_VALUES: Final = 120  # limit of the contract


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A message of values."""

    message: Measurement
    observed_at: datetime
    image: Image | None = None


class StopSensors:
    """Collects for so long; each sensor's values become one."""

    def __init__(self, place: Place, *, report_s: float) -> None:
        self._place = place
        self._report_s = report_s
        self._begun_at: datetime | None = None
        self._latest_at: datetime | None = None
        self._readings: defaultdict[tuple[str, Quantity], list[float]] = defaultdict(list)

    def take(self, reading: Reading, ego: EgoState | None) -> list[Batch]:  # noqa: ARG002 - a stop does not move
        said = self._close() if self._is_due(reading.at) else []
        if isinstance(reading, MeasuredReading):
            self._begun_at = self._begun_at or reading.at
            self._latest_at = reading.at
            self._readings[reading.sensor, Quantity(reading.quantity)].append(reading.value)
        return said

    def end(self) -> list[Batch]:
        """What was measured in the interval that is not over."""
        return self._close()

    def _is_due(self, at: datetime) -> bool:
        """Whether the interval is over; a clock that was set back ends it, too."""
        return self._begun_at is not None and abs((at - self._begun_at).total_seconds()) >= self._report_s

    def _close(self) -> list[Batch]:
        readings, self._readings = self._readings, defaultdict(list)
        begun_at, latest_at = self._begun_at, self._latest_at
        self._begun_at = self._latest_at = None
        if begun_at is None or latest_at is None:
            return []
        over_s = max(0.0, (latest_at - begun_at).total_seconds())
        values = [
            Measured(
                sensor=sensor,
                quantity=quantity,
                at=latest_at,
                value=mean_level(own) if quantity is Quantity.SOUND_LEVEL else median(own),
                over_s=over_s,
                readings=len(own),
            )
            for (sensor, quantity), own in sorted(readings.items())
        ]
        return [
            Batch(
                message=Measurement(
                    lon=self._place.lon, lat=self._place.lat, values=tuple(values[first : first + MAX_VALUES])
                ),
                observed_at=latest_at,
            )
            for first in range(0, len(values), MAX_VALUES)
        ]


def mean_level(levels_db: Sequence[float]) -> float:
    """The level whose energy is the mean of theirs: LAeq of A-weighted levels that stand for equal times.

    Source: ISO 1996-1:2016, 3.1.5.
    """
    loudest = max(levels_db)
    return loudest + 10 * math.log10(sum(10 ** ((level - loudest) / 10) for level in levels_db) / len(levels_db))
