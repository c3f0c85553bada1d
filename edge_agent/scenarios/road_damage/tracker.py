"""Which detections of successive frames show the same thing: pure, on the plane of the road."""

import cmath
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from edge_agent.ego import STOOD_M, Step
from edge_agent.errors import AboveHorizonError
from edge_agent.scenarios.road_damage.evidence import Odds
from edge_agent.scenarios.road_damage.look import Look, one_each
from edge_agent.scenarios.road_damage.match import are_pieces, expected_box, growth, matched, pieces
from edge_agent.scenarios.road_damage.motion import MAX_GAP_S
from edge_agent.scenarios.road_damage.track import Track
from edge_agent.vision.detections import Box
from edge_agent.vision.ground import CameraModel, RoadPoint, road_in_image
from edge_agent.watch import TrackView
from wire.error_model import Quality
from wire.looks import TOLD_FROM

FORGET_M: Final = 12.0  # a thing not seen over this way is left behind or was never there
GHOST_M: Final = 10.0  # a reported thing is remembered until it lies this far behind: it is not reported twice
MIN_STEP_M: Final = 0.3  # from nearly the same place a frame repeats the mistakes of the one before: no new evidence
TURN_SIGMA_DEG: Final = 0.4
STANDING_MPS: Final = 0.3
STANDING_S: Final = 1.0  # a bus that stands so long may stand much longer: what is sure is told now
SURE: Final = 0.8


class Tracker:
    """Follows things from their first look until they have left the view."""

    def __init__(self, camera: CameraModel, *, near_m: float, far_m: float, odds: Odds | None = None) -> None:
        self._camera = camera
        self._near_m, self._far_m = near_m, far_m
        self._odds = odds or Odds()
        self._tracks: list[Track] = []
        self._pose = _Pose()
        self._before: list[tuple[_Pose, Quality]] = []  # from where the bus looked, and how well it saw
        self._way_since_seen_m = math.inf
        self._stood_s = 0.0

    @property
    def tracks(self) -> tuple[Track, ...]:
        """What is being followed or remembered."""
        return tuple(self._tracks)

    def look_through(self, camera: CameraModel, *, near_m: float, far_m: float) -> None:
        """Go on with a camera that is known better; only while nothing is followed, whose places would be wrong."""
        self._camera, self._near_m, self._far_m = camera, near_m, far_m

    def move(self, step: Step, *, speed_mps: float) -> list[Track]:
        """Go on by the bus's motion since the last call; the confirmed tracks that ended there."""
        if not 0.0 <= step.passed_s <= MAX_GAP_S:
            return [] if self._stood_through(step, speed_mps) else self.end()
        self._stood_s = self._stood_s + step.passed_s if speed_mps < STANDING_MPS else 0.0
        self._way_since_seen_m += step.way_m
        for track in self._tracks:
            track.carry(step, turn_sigma_deg=TURN_SIGMA_DEG)
        self._pose = pose = self._pose.moved(step)
        self._before = [before for before in self._before if abs(before[0].place - pose.place) < self._far_m]
        return self._leave()

    def see(self, looks: Sequence[Look], quality: Quality = "good") -> None:
        """Join the looks of one usable frame of a quality, taken at the state last moved to, with the tracks."""
        if self._way_since_seen_m < MIN_STEP_M:
            return
        self._way_since_seen_m = 0.0
        looks = one_each(looks)
        pairs = matched(self._tracks, looks, self._camera)
        used = {id(look) for _, look in pairs}
        spare = pieces(self._tracks, [look for look in looks if id(look) not in used])
        for track, look in pairs:
            track.see(look)
        for track, look in spare:
            track.see_piece(look)
        self._miss({id(track) for track, _ in pairs + spare}, quality)
        used |= {id(look) for _, look in spare}
        self._tracks += [self._begun(look) for look in looks if id(look) not in used]
        self._before.append((self._pose, quality))

    def end(self) -> list[Track]:
        """Forget everything; the confirmed tracks that were not reported yet."""
        ended = [track for track in self._tracks if self._report(track)]
        self._tracks, self._before, self._pose = [], [], _Pose()
        return ended

    def views(self) -> tuple[TrackView, ...]:
        """The tracks that should be in the frame now, for people."""
        expected = [(track, expected_box(track, self._camera)) for track in self._tracks]
        return tuple(_view(track, box) for track, box in expected if box is not None)

    def _miss(self, seen: set[int], quality: Quality) -> None:
        for track in self._tracks:
            scale = None if id(track) in seen else self._scale_at(track.last, track.road)
            if scale is not None:
                track.miss(scale=scale, quality=quality)

    def _begun(self, look: Look) -> Track:
        """A new track, in the light of the frames in which it was not found although the bus had come near."""
        track = Track(look, self._odds)
        for before, quality in self._before:
            scale = self._scale_at(look, self._pose.road_seen_from(before, look.ground.road))
            if scale is not None:
                track.lack(scale=scale, quality=quality)
        return track

    def _leave(self) -> list[Track]:
        left = [track for track in self._tracks if self._is_due(track) and self._report(track)]
        self._tracks = [track for track in self._tracks if not self._is_forgotten(track)]
        return left

    def _report(self, track: Track) -> bool:
        """Whether to tell a track now; then it and the other pieces of the same thing are told once for all."""
        if track.is_reported or not is_confirmed(track):
            return False
        for other in self._tracks:
            other.is_reported = other.is_reported or are_pieces(track, other)
        track.is_reported = True
        return True

    def _stood_through(self, step: Step, speed_mps: float) -> bool:
        """Whether the bus stood before a gap and stands at the same place after it: then all lies where it lay."""
        stands = self._stood_s > 0.0 and speed_mps < STANDING_MPS
        return stands and step.passed_s > 0.0 and step.way_m < STOOD_M

    def _is_due(self, track: Track) -> bool:
        has_left = track.road.forward_m < self._near_m or track.unseen_m > FORGET_M
        return has_left or (self._stood_s >= STANDING_S and track.probability >= SURE)

    def _is_forgotten(self, track: Track) -> bool:
        behind_m = self._near_m - track.road.forward_m - track.footprint.length_m
        if track.is_reported:
            return behind_m > GHOST_M or track.unseen_m > FORGET_M + GHOST_M
        return behind_m > 1.0 or track.unseen_m > FORGET_M

    def _scale_at(self, look: Look, road: RoadPoint) -> float | None:
        """How much larger than in a look a thing is at a place; None where it need not be in view."""
        if not self._near_m + 0.5 < road.forward_m < self._far_m:
            return None
        try:
            u_px, _ = road_in_image(self._camera, road)
        except AboveHorizonError:
            return None
        is_inside = 0.05 < u_px / self._camera.width_px < 0.95  # noqa: PLR2004 - a twentieth of the frame on each side
        return growth(look, road, camera=self._camera) if is_inside else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pose:
    """Where the bus is, seen from where its way began: complex numbers, forward, and right as the imaginary part."""

    place: complex = 0j  # metres
    heading: complex = 1 + 0j

    def moved(self, step: Step) -> "_Pose":
        way = complex(step.forward_m, step.right_m)
        turn = cmath.rect(1.0, math.radians(step.turn_deg))
        return _Pose(place=self.place + self.heading * way, heading=self.heading * turn)

    def road_seen_from(self, other: "_Pose", road: RoadPoint) -> RoadPoint:
        """A place that is seen from here as `road`, seen from there."""
        place = self.place + self.heading * complex(road.forward_m, road.right_m)
        there = (place - other.place) / other.heading
        return RoadPoint(forward_m=there.real, right_m=there.imag)


def is_confirmed(track: Track) -> bool:
    return track.probability >= TOLD_FROM


def _view(track: Track, box: Box) -> TrackView:
    return TrackView(
        class_code=track.class_code,
        probability=track.probability,
        looks=track.looks,
        box=box,
        is_confirmed=is_confirmed(track),
    )
