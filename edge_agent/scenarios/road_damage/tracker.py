"""Which detections of successive frames show the same thing: pure, on the plane of the road."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from edge_agent.ego import EgoState, turn_between
from edge_agent.errors import AboveHorizonError
from edge_agent.scenarios.road_damage.track import Look, Track, spread_of
from edge_agent.vision.detections import Box, overlaps
from edge_agent.vision.ground import CameraModel, RoadPoint, road_in_image
from edge_agent.watch import TrackView

GATE: Final = 9.21  # chi-squared, two degrees of freedom, 99 %
MIN_IOU: Final = 0.3  # with the box as it should look now; long cracks slide along their own line
OTHER_CLASS_COST: Final = 0.5  # a crack may be called alligator in one frame, but the same class goes first
FORGET_M: Final = 12.0  # a thing not seen over this way is left behind or was never there
GHOST_M: Final = 10.0  # a reported thing is remembered until it lies this far behind: it is not reported twice
MAX_GAP_S: Final = 3.0  # without a position the places of before mean nothing
MIN_STEP_M: Final = 0.3  # from nearly the same place a frame repeats the mistakes of the one before: no new evidence
SPEED_SIGMA_MPS: Final = 0.5
TURN_SIGMA_DEG: Final = 0.4
STEP_SIGMA_M: Final = 0.05
MIN_CONFIDENCE: Final = 0.45
MIN_LOOKS: Final = 2
SURE_AT_ONCE: Final = 0.8  # a fast bus may see a small hole in one frame only


class Tracker:
    """Follows things from their first look until they have left the view."""

    def __init__(self, camera: CameraModel, *, near_m: float, far_m: float) -> None:
        self._camera = camera
        self._near_m = near_m
        self._far_m = far_m
        self._ego: EgoState | None = None
        self._tracks: list[Track] = []
        self._way_since_seen_m = math.inf

    def move(self, ego: EgoState) -> list[Track]:
        """Go on to the bus's next state; the tracks that ended there and are confirmed."""
        before, self._ego = self._ego, ego
        if before is None:
            return []
        if not 0.0 <= (ego.at - before.at).total_seconds() <= MAX_GAP_S:
            return self.end()
        way_m = (before.speed_mps + ego.speed_mps) / 2 * (ego.at - before.at).total_seconds()
        self._way_since_seen_m += way_m
        for track in self._tracks:
            _carry(track, before, ego, way_m=way_m)
        return self._leave()

    def see(self, looks: Sequence[Look]) -> None:
        """Join the looks of one usable frame, taken at the state last moved to, with the tracks."""
        if self._way_since_seen_m < MIN_STEP_M:
            return
        self._way_since_seen_m = 0.0
        pairs = self._match(looks)
        for track, look in pairs:
            _correct(track, look)
            track.add(look)
        seen, used = {id(track) for track, _ in pairs}, {id(look) for _, look in pairs}
        for track in self._tracks:
            track.misses += id(track) not in seen and self._should_be_visible(track.road)
        self._tracks += [Track(look) for look in looks if id(look) not in used]

    def end(self) -> list[Track]:
        """Forget everything; the confirmed tracks that were not reported yet."""
        ended = [track for track in self._tracks if _is_confirmed(track) and not track.is_reported]
        self._tracks = []
        return ended

    def views(self) -> tuple[TrackView, ...]:
        """The tracks that should be in the frame now, for people."""
        expected = [(track, _expected_box(track, self._camera)) for track in self._tracks]
        return tuple(_view(track, box) for track, box in expected if box is not None)

    def _leave(self) -> list[Track]:
        left: list[Track] = []
        for track in self._tracks:
            if not track.is_reported and self._has_left(track) and _is_confirmed(track):
                track.is_reported = True
                left.append(track)
        self._tracks = [track for track in self._tracks if not self._is_forgotten(track)]
        return left

    def _has_left(self, track: Track) -> bool:
        return track.road.forward_m < self._near_m or track.unseen_m > FORGET_M

    def _is_forgotten(self, track: Track) -> bool:
        if track.is_reported:
            return track.road.forward_m < self._near_m - GHOST_M or track.unseen_m > FORGET_M + GHOST_M
        return track.road.forward_m < self._near_m - 1.0 or track.unseen_m > FORGET_M

    def _should_be_visible(self, road: RoadPoint) -> bool:
        if not self._near_m + 0.5 < road.forward_m < self._far_m:
            return False
        u_px, _ = road_in_image(self._camera, road)
        return 0.05 < u_px / self._camera.width_px < 0.95  # noqa: PLR2004 - a twentieth of the frame on each side

    def _match(self, looks: Sequence[Look]) -> list[tuple[Track, Look]]:
        """Pairs of track and look, cheapest first, each in one pair at most."""
        costs = [
            (cost, t, k)
            for t, track in enumerate(self._tracks)
            for k, look in enumerate(looks)
            if (cost := self._cost(track, look)) is not None
        ]
        pairs: list[tuple[int, int]] = []
        for _, t, k in sorted(costs):
            if all(t != taken_t and k != taken_k for taken_t, taken_k in pairs):
                pairs.append((t, k))
        return [(self._tracks[t], looks[k]) for t, k in pairs]

    def _cost(self, track: Track, look: Look) -> float | None:
        """How badly they fit, or None when they cannot be the same thing."""
        distance = _distance2(track, look)
        iou = _iou(_expected_box(track, self._camera), look.box)
        if distance > GATE and iou < MIN_IOU:
            return None
        class_cost = 0.0 if look.class_code == track.class_code else OTHER_CLASS_COST
        return min(distance / GATE, 1.0) - iou + class_cost


def _view(track: Track, box: Box) -> TrackView:
    return TrackView(
        class_code=track.class_code,
        probability=track.confidence,
        looks=track.looks,
        box=box,
        is_confirmed=_is_confirmed(track),
    )


def _is_confirmed(track: Track) -> bool:
    enough = MIN_CONFIDENCE if track.looks >= MIN_LOOKS else SURE_AT_ONCE
    return track.confidence >= enough


def _carry(track: Track, before: EgoState, ego: EgoState, *, way_m: float) -> None:
    """Move a track's place against the bus's motion."""
    passed_s = (ego.at - before.at).total_seconds()
    turn = math.radians(turn_between(before.heading_deg, ego.heading_deg))
    # The way is driven along the mean of both headings.
    forward_m = track.road.forward_m - way_m * math.cos(turn / 2)
    right_m = track.road.right_m - way_m * math.sin(turn / 2)
    track.road = RoadPoint(
        forward_m=forward_m * math.cos(turn) + right_m * math.sin(turn),
        right_m=right_m * math.cos(turn) - forward_m * math.sin(turn),
    )
    track.unseen_m += way_m
    track.forward_m2 += (SPEED_SIGMA_MPS * passed_s) ** 2 + STEP_SIGMA_M**2
    track.right_m2 += (math.radians(TURN_SIGMA_DEG) * forward_m) ** 2 + STEP_SIGMA_M**2


def _correct(track: Track, look: Look) -> None:
    """Kalman update of a track's place, each axis by itself."""
    forward_m2, right_m2 = spread_of(look)
    gain_forward = track.forward_m2 / (track.forward_m2 + forward_m2)
    gain_right = track.right_m2 / (track.right_m2 + right_m2)
    seen = look.ground.road
    track.road = RoadPoint(
        forward_m=track.road.forward_m + gain_forward * (seen.forward_m - track.road.forward_m),
        right_m=track.road.right_m + gain_right * (seen.right_m - track.road.right_m),
    )
    track.forward_m2 *= 1.0 - gain_forward
    track.right_m2 *= 1.0 - gain_right


def _distance2(track: Track, look: Look) -> float:
    """Squared distance in sigmas between where a track should be and where a look is."""
    forward_m2, right_m2 = spread_of(look)
    seen = look.ground.road
    forward = (seen.forward_m - track.road.forward_m) ** 2 / (track.forward_m2 + forward_m2)
    return forward + (seen.right_m - track.road.right_m) ** 2 / (track.right_m2 + right_m2)


def _expected_box(track: Track, camera: CameraModel) -> Box | None:
    """Last box of a track, moved and scaled to where the thing should be now; None when it is out of view."""
    try:
        u_px, v_px = road_in_image(camera, track.road)
        old_u_px, old_v_px = road_in_image(camera, track.last.ground.road)
    except AboveHorizonError:
        return None
    # On a flat road the size in pixels grows with the distance below the horizon.
    scale = (v_px - camera.horizon_px) / max(old_v_px - camera.horizon_px, 1.0)
    box = track.last.box
    foot = np.array([old_u_px, old_v_px] * 2, np.float32)
    return ((box - foot) * np.float32(scale) + np.array([u_px, v_px] * 2, np.float32)).astype(np.float32)


def _iou(expected: Box | None, box: Box) -> float:
    if expected is None:
        return 0.0
    iou, _ = overlaps(expected[None], box[None])
    return float(iou[0, 0])
