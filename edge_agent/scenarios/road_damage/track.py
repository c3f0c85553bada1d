"""One thing on the road, followed over the frames of one pass."""

import math
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from edge_agent.readings import Image
from edge_agent.vision.detections import Box
from edge_agent.vision.ground import GroundPoint, RoadPoint, RoadSize

MAX_FRAME_CONFIDENCE: Final = 0.99  # no single frame is certain
CUT_FOOT_M: Final = 1.5  # one sigma of where a thing ends that goes on below the frame's edge


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Look:
    """One frame in which a thing was found."""

    at: datetime
    box: Box
    class_code: str
    confidence: float
    ground: GroundPoint
    size: RoadSize | None  # None when it could not be measured in this frame
    is_cut: bool  # the thing may go on below the frame's lower edge
    heading_deg: float
    image: Image

    @property
    def own_along_m(self) -> float:
        return math.hypot(self.ground.own_along_m, CUT_FOOT_M if self.is_cut else 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Position fused over frames, one sigma along and across the heading."""

    lon: float
    lat: float
    along_m: float
    across_m: float


@dataclass(slots=True)
class _Fusion:
    """Running sums of the inverse-variance mean; a standing bus may look a thousand times."""

    weight: float = 0.0
    lon: float = 0.0  # sums of weight times value
    lat: float = 0.0
    shared_along_m: float = 0.0
    shared_across_m: float = 0.0
    receiver_m: float = 0.0
    own_along_m2: float = 0.0  # sums of weight^2 times variance
    own_across_m2: float = 0.0

    def add(self, look: Look, *, lon: float, lat: float) -> None:
        """Add a look, with its position relative to the first one."""
        ground = look.ground
        weight = 1.0 / (look.own_along_m**2 + ground.shared_along_m**2)
        self.weight += weight
        self.lon += weight * (ground.lon - lon)
        self.lat += weight * (ground.lat - lat)
        self.shared_along_m += weight * ground.shared_along_m
        self.shared_across_m += weight * ground.shared_across_m
        self.receiver_m += weight * ground.receiver_m
        self.own_along_m2 += (weight * look.own_along_m) ** 2
        self.own_across_m2 += (weight * ground.own_across_m) ** 2

    def place(self, *, lon: float, lat: float) -> Place:
        """Mean; own errors average out over the frames, shared ones and the receiver's do not."""
        total = self.weight
        along = math.sqrt(self.own_along_m2 + self.shared_along_m**2 + self.receiver_m**2) / total
        across = math.sqrt(self.own_across_m2 + self.shared_across_m**2 + self.receiver_m**2) / total
        return Place(lon=lon + self.lon / total, lat=lat + self.lat / total, along_m=along, across_m=across)


@dataclass(slots=True, eq=False)
class Track:
    """What is known of one thing. `road` is where it should be now, seen from the bus."""

    first: Look
    best: Look = field(init=False)
    last: Look = field(init=False)
    measured: Look | None = field(init=False, default=None)  # the look from nearest by that showed the whole thing
    road: RoadPoint = field(init=False)
    forward_m2: float = field(init=False)  # variance of `road`
    right_m2: float = field(init=False)
    unseen_m: float = 0.0  # way of the bus since the last look
    looks: int = 0
    misses: int = 0
    is_reported: bool = False
    _votes: dict[str, float] = field(default_factory=dict[str, float])
    _log_doubt: float = 0.0  # sum of log(1 - confidence)
    _fusion: _Fusion = field(default_factory=_Fusion)

    def __post_init__(self) -> None:
        self.best = self.last = self.first
        self.road = self.first.ground.road
        self.forward_m2, self.right_m2 = spread_of(self.first)
        self.add(self.first)

    def add(self, look: Look) -> None:
        """Take one more look."""
        self.looks += 1
        self.unseen_m = 0.0
        self.last = look
        self._votes[look.class_code] = self._votes.get(look.class_code, 0.0) + look.confidence
        self._log_doubt += math.log1p(-min(look.confidence, MAX_FRAME_CONFIDENCE))
        self._fusion.add(look, lon=self.first.ground.lon, lat=self.first.ground.lat)
        if (not look.is_cut, look.confidence) > (not self.best.is_cut, self.best.confidence):
            self.best = look
        if look.size is not None and (self.measured is None or _is_nearer(look, self.measured)):
            self.measured = look

    @property
    def class_code(self) -> str:
        """The class with the most votes, each weighted with its confidence."""
        return max(self._votes, key=lambda code: self._votes[code])

    @property
    def confidence(self) -> float:
        """Probability that the thing is there, from all frames.

        Frames of one pass show the same thing in the same light and share their mistakes: n of them count like
        sqrt(n) independent ones. Frames in which it should have been visible and was not count against it.
        """
        seen = 1.0 - math.exp(self._log_doubt / math.sqrt(self.looks))
        return seen * math.sqrt(self.looks / (self.looks + self.misses))

    @property
    def place(self) -> Place:
        return self._fusion.place(lon=self.first.ground.lon, lat=self.first.ground.lat)


def spread_of(look: Look) -> tuple[float, float]:
    """Variances (forward, right) of one look's place, seen from the bus."""
    ground = look.ground
    forward_m2 = look.own_along_m**2 + ground.shared_along_m**2
    return forward_m2, ground.own_across_m**2 + ground.shared_across_m**2


def _is_nearer(look: Look, other: Look) -> bool:
    return look.ground.distance_m < other.ground.distance_m
