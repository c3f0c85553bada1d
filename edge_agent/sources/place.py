"""Where a stop stands: a fix a second, for everything that a bus does with its receiver's."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from edge_agent.config import Place
from edge_agent.readings import GnssReading, Reading

EVERY_S: Final = 1.0


class PlaceSource:
    """Tells the place that the stop's file names."""

    is_live = True

    def __init__(
        self, place: Place, *, now: Callable[[], datetime], wait: Callable[[float], None] = time.sleep
    ) -> None:
        self._place = place
        self._now = now
        self._wait = wait

    def readings(self) -> Iterator[Reading]:
        while True:
            yield GnssReading(
                at=self._now(),
                lon=self._place.lon,
                lat=self._place.lat,
                speed_mps=0.0,
                heading_deg=0.0,
                accuracy_m=self._place.accuracy_m,
            )
            self._wait(EVERY_S)
