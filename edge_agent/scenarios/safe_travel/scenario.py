"""Advertisements in, sightings out: each stretch of the way with the tags that were heard on it."""

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Final

from edge_agent.ego import EgoState, offset_between
from edge_agent.readings import WORST_M, AdvertisementReading, FixQuality, GnssReading, Image, Reading
from edge_agent.scenarios.safe_travel.frames import id_of
from wire.messages import Sighting, TagHeard

STRETCH_M: Final = 60.0  # a tag is heard some 80 m far: a shorter stretch would tell nothing more
LONGEST_S: Final = 30.0  # a bus that stands tells what it hears twice a minute
MAX_TAGS: Final = 200  # limit of the contract
FASTEST_MPS: Final = 25.0  # what a place becomes unsure by, while it is not known

Here = EgoState | GnssReading
"""Where the reader is: a stop, and a bus that has not moved yet, have a place and no heading, so no `EgoState`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A message of tags."""

    message: Sighting
    observed_at: datetime
    image: Image | None = None


@dataclass(frozen=True, slots=True)
class _Call:
    at: datetime
    rssi_dbm: int


class SafeTravel:
    """Collects what is heard on a stretch: a window for each tag, and one place for all."""

    def __init__(self) -> None:
        self._begun: Here | None = None
        self._latest: Here | None = None
        self._opened_at: datetime | None = None
        self._calls: defaultdict[str, list[_Call]] = defaultdict(list)

    def take(self, reading: Reading, ego: EgoState | None) -> list[Batch]:
        here = ego or _fixed(reading)
        said = list(self._close_when_due(reading.at, here))
        if here is not None:
            self._begun = self._begun or here
            self._latest = here
        if isinstance(reading, AdvertisementReading) and (heard := id_of(reading)) is not None:
            self._opened_at = self._opened_at or reading.at
            self._calls[heard].append(_Call(reading.at, reading.rssi_dbm))
        return said

    def end(self) -> list[Batch]:
        """What was heard on the stretch that is not over."""
        return list(self._close())

    def _close_when_due(self, at: datetime, here: Here | None) -> Iterator[Batch]:
        if (self._begun is not None and here is not None and _apart_m(self._begun, here) > STRETCH_M) or (
            self._opened_at is not None and abs((at - self._opened_at).total_seconds()) > LONGEST_S
        ):
            yield from self._close()

    def _close(self) -> Iterator[Batch]:
        """One message, or more where there are many tags; nothing while the bus has never known where it is."""
        calls, self._calls = self._calls, defaultdict(list)
        begun, latest, opened_at = self._begun, self._latest, self._opened_at
        self._begun, self._opened_at = latest, None
        if begun is None or latest is None or opened_at is None:
            return
        until = max(call.at for own in calls.values() for call in own)
        tags = [_tag(rotating_id, own) for rotating_id, own in sorted(calls.items())]
        for number in range(0, len(tags), MAX_TAGS):
            part = tuple(tags[number : number + MAX_TAGS])
            yield Batch(message=_sighting(part, begun=begun, latest=latest, until=until), observed_at=until)


def _fixed(reading: Reading) -> GnssReading | None:
    return reading if isinstance(reading, GnssReading) and reading.fix is not FixQuality.NONE else None


def _sighting(tags: tuple[TagHeard, ...], *, begun: Here, latest: Here, until: datetime) -> Sighting:
    """Put tags in the middle of the stretch; its ends lie within the accuracy."""
    unknown_s = max((until - latest.at).total_seconds(), 0.0)
    half_m = _apart_m(begun, latest) / 2
    return Sighting(
        lon=math.remainder(begun.lon + math.remainder(latest.lon - begun.lon, 360.0) / 2, 360.0),
        lat=(begun.lat + latest.lat) / 2,
        accuracy_m=min(half_m + math.hypot(begun.accuracy_m, latest.accuracy_m) + FASTEST_MPS * unknown_s, WORST_M),
        tags=tags,
    )


def _tag(rotating_id: str, calls: list[_Call]) -> TagHeard:
    strengths = [call.rssi_dbm for call in calls]
    return TagHeard(
        rotating_id=rotating_id,
        first_at=min(call.at for call in calls),
        last_at=max(call.at for call in calls),
        heard=len(calls),
        rssi_median_dbm=round(median(strengths)),
        rssi_max_dbm=max(strengths),
    )


def _apart_m(first: Here, second: Here) -> float:
    return offset_between(lon=first.lon, lat=first.lat, to_lon=second.lon, to_lat=second.lat).length_m
