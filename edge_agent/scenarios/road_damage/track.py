"""One thing on the road, followed over the frames of one pass."""

import math
from dataclasses import dataclass, field, replace

from edge_agent.ego import Step
from edge_agent.scenarios.road_damage.evidence import Evidence, Odds
from edge_agent.scenarios.road_damage.look import Look
from edge_agent.vision.ground import RoadPoint, RoadSize
from wire.error_model import Quality


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
        self.lon += weight * math.remainder(ground.lon - lon, 360.0)
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
        lon = math.remainder(lon + self.lon / total, 360.0)
        return Place(lon=lon, lat=lat + self.lat / total, along_m=along, across_m=across)


@dataclass(slots=True, eq=False)
class Track:
    """What is known of one thing. `road` is where its foot should be now, seen from the bus."""

    first: Look
    odds: Odds
    best: Look = field(init=False)
    last: Look = field(init=False)
    measured: Look | None = field(init=False, default=None)  # the look from nearest by that showed the whole thing
    evidence: Evidence = field(init=False)
    road: RoadPoint = field(init=False)
    forward_m2: float = field(init=False)  # variance of `road`
    right_m2: float = field(init=False)
    unseen_m: float = 0.0  # way of the bus since the last look
    is_reported: bool = False
    _votes: dict[str, float] = field(default_factory=dict[str, float])
    _fusion: _Fusion = field(default_factory=_Fusion)

    def __post_init__(self) -> None:
        self.best = self.first
        self.first = replace(self.first, image=None)
        self.evidence = Evidence(self.odds, self.first.class_code)
        self.road = self.first.ground.road
        self.forward_m2, self.right_m2 = self.first.spread
        self._take(self.best)

    @property
    def class_code(self) -> str:
        """The class with the most votes, each weighted with its confidence."""
        return max(self._votes, key=lambda code: self._votes[code])

    @property
    def probability(self) -> float:
        """That the thing is there, from all frames."""
        return self.evidence.probability

    @property
    def looks(self) -> int:
        return self.evidence.looks

    @property
    def place(self) -> Place:
        return self._fusion.place(lon=self.first.ground.lon, lat=self.first.ground.lat)

    @property
    def footprint(self) -> RoadSize:
        """As much of it as is known."""
        return self.last.footprint if self.measured is None else self.measured.footprint

    def carry(self, step: Step, *, turn_sigma_deg: float) -> None:
        """Move the place against the bus's motion."""
        turn = math.radians(step.turn_deg)
        forward_m, right_m = self.road.forward_m - step.forward_m, self.road.right_m - step.right_m
        self.road = RoadPoint(
            forward_m=forward_m * math.cos(turn) + right_m * math.sin(turn),
            right_m=right_m * math.cos(turn) - forward_m * math.sin(turn),
        )
        self.unseen_m += step.way_m
        self.forward_m2 += step.sigma_m**2
        self.right_m2 += (math.radians(turn_sigma_deg) * forward_m) ** 2 + (step.sigma_m / 4) ** 2

    def see(self, look: Look) -> None:
        """Take one more look at the whole thing: Kalman update of its place, each axis by itself."""
        forward_m2, right_m2 = look.spread
        gain_forward = self.forward_m2 / (self.forward_m2 + forward_m2)
        gain_right = self.right_m2 / (self.right_m2 + right_m2)
        seen = look.ground.road
        self.road = RoadPoint(
            forward_m=self.road.forward_m + gain_forward * (seen.forward_m - self.road.forward_m),
            right_m=self.road.right_m + gain_right * (seen.right_m - self.road.right_m),
        )
        self.forward_m2 *= 1.0 - gain_forward
        self.right_m2 *= 1.0 - gain_right
        self._take(look)

    def see_piece(self, look: Look) -> None:
        """Take a look at some piece of it: it is there, but its foot is elsewhere."""
        self.unseen_m = 0.0
        self._weigh(look)

    def miss(self, *, scale: float, quality: Quality) -> None:
        """It should have been visible in a frame, this much larger than last time, and was not found."""
        self.evidence.miss(rate=self._rate(self.last, quality, scale=scale))

    def lack(self, *, scale: float, quality: Quality) -> None:
        """It should have been visible in a frame, this much larger than at first, before its first look."""
        self.evidence.lack(rate=self._rate(self.first, quality, scale=scale))

    def _take(self, look: Look) -> None:
        self.unseen_m, self.last = 0.0, replace(look, image=None)
        self._weigh(look)
        self._fusion.add(look, lon=self.first.ground.lon, lat=self.first.ground.lat)
        if (not look.is_cut, look.confidence) > (not self.best.is_cut, self.best.confidence):
            self.best = look
        if look.size is not None and (self.measured is None or _is_nearer(look, self.measured)):
            self.measured = self.last

    def _weigh(self, look: Look) -> None:
        self._votes[look.class_code] = self._votes.get(look.class_code, 0.0) + look.confidence
        self.evidence.see(look.confidence, class_code=look.class_code, rate=self._rate(look, look.quality))

    def _rate(self, look: Look, quality: Quality, *, scale: float = 1.0) -> float:
        return self.odds.hit_rate(look.class_code, scale * look.width_px, scale * look.height_px, quality)


def _is_nearer(look: Look, other: Look) -> bool:
    return look.ground.distance_m < other.ground.distance_m
