"""Which looks of successive frames show one thing: things stand still, so places on the ground say it. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from edge_agent.ego import EgoState, Offset, moved, offset_between
from edge_agent.readings import Image
from edge_agent.vision.detections import Box
from edge_agent.vision.ground import GroundPoint
from wire.error_model import Quality

NEAREST_GATE_M: Final = 2.0
FARTHEST_GATE_M: Final = 6.0
_SIGMAS: Final = 3.0
MIN_LOOKS: Final = 2  # a thing that shows in one frame alone is none
FORGET_M: Final = 30.0  # of way without a look at it
MIN_SIGMA_M: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Look:
    """One frame in which a thing was found."""

    at: datetime
    kind: str
    confidence: float
    box: Box
    point: GroundPoint
    heading_deg: float
    quality: Quality = "good"

    @property
    def worth(self) -> float:
        """How much it shows of the thing."""
        return self.confidence * math.sqrt(_area(self.box))


@dataclass(slots=True, eq=False)
class Track:
    """Looks at one thing, and the frame of the best of them alone: one of 1280 x 720 has 2.8 MB."""

    best: Look  # that shows most of it
    image: Image
    looks: list[Look] = field(init=False)
    unseen_m: float = 0.0

    def __post_init__(self) -> None:
        self.looks = [self.best]

    @property
    def kind(self) -> str:
        return self.best.kind

    def see(self, look: Look, image: Image) -> None:
        """Take one more look."""
        self.looks.append(look)
        self.unseen_m = 0.0
        if look.worth > self.best.worth:
            self.best, self.image = look, image

    @property
    def confidence(self) -> float:
        """Mean of its looks: those of one pass share their mistakes, so more of them make it no surer."""
        return sum(look.confidence for look in self.looks) / len(self.looks)

    def place(self) -> "Place":
        """Mean place, the nearer looks weigh more; what all looks share stays."""
        first = self.looks[0].point
        weights = [1 / max(look.point.own_along_m, MIN_SIGMA_M) ** 2 for look in self.looks]
        offsets = [
            offset_between(lon=first.lon, lat=first.lat, to_lon=look.point.lon, to_lat=look.point.lat)
            for look in self.looks
        ]
        whole = sum(weights)
        east_m = sum(w * o.east_m for w, o in zip(weights, offsets, strict=True)) / whole
        north_m = sum(w * o.north_m for w, o in zip(weights, offsets, strict=True)) / whole
        lon, lat = moved(lon=first.lon, lat=first.lat, heading_deg=0.0, forward_m=north_m, right_m=east_m)
        nearest = min((look.point for look in self.looks), key=lambda point: point.own_along_m)
        return Place(
            lon=lon,
            lat=lat,
            along_m=math.hypot(1 / math.sqrt(whole), nearest.shared_along_m, nearest.receiver_m),
            across_m=math.hypot(
                nearest.own_across_m / math.sqrt(len(self.looks)), nearest.shared_across_m, nearest.receiver_m
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a thing is, one sigma along and across the bus's heading."""

    lon: float
    lat: float
    along_m: float
    across_m: float


class Tracks:
    """Follows things from their first look until the bus has passed."""

    def __init__(self, *, near_m: float) -> None:
        self._near_m = near_m
        self._tracks: list[Track] = []
        self._latest: EgoState | None = None

    def move(self, ego: EgoState) -> list[Track]:
        """Go on to where the bus is now; the things that it has passed."""
        way_m = 0.0
        if self._latest is not None:
            way_m = _offset(self._latest, lon=ego.lon, lat=ego.lat).length_m
        self._latest = ego
        for track in self._tracks:
            track.unseen_m += way_m
        passed = [track for track in self._tracks if self._is_passed(track, ego)]
        self._tracks = [track for track in self._tracks if track not in passed]
        return _told(passed)

    def see(self, looks: Sequence[Look], image: Image) -> None:
        """Join the looks of one frame with the things they are nearest to."""
        pairs = sorted(
            (away_m, number, index)
            for number, look in enumerate(looks)
            for index, track in enumerate(self._tracks)
            if (away_m := _away_m(track, look)) is not None
        )
        used_looks, used_tracks = set[int](), set[int]()
        for _, number, index in pairs:
            if number not in used_looks and index not in used_tracks:
                used_looks.add(number)
                used_tracks.add(index)
                self._tracks[index].see(looks[number], image)
        self._tracks += [Track(look, image) for number, look in enumerate(looks) if number not in used_looks]

    def end(self) -> list[Track]:
        """What is still followed counts as passed."""
        ended, self._tracks, self._latest = self._tracks, [], None
        return _told(ended)

    def _is_passed(self, track: Track, ego: EgoState) -> bool:
        point = track.looks[-1].point
        offset = _offset(ego, lon=point.lon, lat=point.lat)
        course = math.radians(ego.heading_deg)
        forward_m = offset.east_m * math.sin(course) + offset.north_m * math.cos(course)
        return forward_m < self._near_m or track.unseen_m > FORGET_M


def _told(tracks: Sequence[Track]) -> list[Track]:
    return [track for track in tracks if len(track.looks) >= MIN_LOOKS]


def _away_m(track: Track, look: Look) -> float | None:
    """Metres between a thing and a look that may show it."""
    if track.kind != look.kind or track.looks[-1].at >= look.at:
        return None
    last = track.looks[-1].point
    away_m = offset_between(lon=last.lon, lat=last.lat, to_lon=look.point.lon, to_lat=look.point.lat).length_m
    spread_m = _SIGMAS * math.hypot(last.own_along_m, look.point.own_along_m)
    return away_m if away_m <= min(max(spread_m, NEAREST_GATE_M), FARTHEST_GATE_M) else None


def _area(box: Box) -> float:
    left, top, right, bottom = (float(edge) for edge in box)
    return max(right - left, 1.0) * max(bottom - top, 1.0)


def _offset(ego: EgoState, *, lon: float, lat: float) -> Offset:
    return offset_between(lon=ego.lon, lat=ego.lat, to_lon=lon, to_lat=lat)
