"""How badly a look fits a track: pure, on the plane of the road."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from edge_agent.errors import AboveHorizonError
from edge_agent.scenarios.road_damage.assign import assigned
from edge_agent.scenarios.road_damage.look import Look, are_akin
from edge_agent.scenarios.road_damage.track import Track
from edge_agent.vision.detections import Box, overlaps
from edge_agent.vision.ground import CameraModel, RoadPoint, depth_m, road_in_image

GATE: Final = 9.21  # chi-squared, two degrees of freedom, 99 %
MIN_IOU: Final = 0.3  # with the box as it should look now; long cracks slide along their own line
OTHER_CLASS_COST: Final = 0.5  # a crack may be called alligator in one frame, but the same class goes first
MARGIN_M: Final = 0.4  # pieces of one crack lie so near to each other
PIECE_SIGMAS: Final = 1.0

Pair = tuple[Track, Look]


def matched(tracks: Sequence[Track], looks: Sequence[Look], camera: CameraModel) -> list[Pair]:
    """Pairs of track and look that show the same thing, at the least cost in all."""
    if not looks:
        return []
    expected = [expected_box(track, camera) for track in tracks]
    costs = [[_cost(t, box, look) for look in looks] for t, box in zip(tracks, expected, strict=True)]
    return [(tracks[row], looks[column]) for row, column in assigned(costs)]


def pieces(tracks: Sequence[Track], looks: Sequence[Look]) -> list[Pair]:
    """Looks at a piece of something that is followed already: the rest of a long crack whose foot has passed."""
    pairs = [(next((track for track in tracks if is_piece(track, look)), None), look) for look in looks]
    return [(track, look) for track, look in pairs if track is not None]


def is_piece(track: Track, look: Look) -> bool:
    """Whether a look lies on the ground that a track's thing covers; both may be pieces of one thing."""
    if not are_akin(track.class_code, look.class_code):
        return False
    near_m = look.ground.road.forward_m
    play_m = MARGIN_M + PIECE_SIGMAS * look.own_along_m
    return _do_overlap(track, near_m=near_m, far_m=near_m + look.footprint.length_m, play_m=play_m) and _are_in_line(
        track, right_m=look.ground.road.right_m, width_m=look.footprint.width_m
    )


def are_pieces(track: Track, other: Track) -> bool:
    """Whether two tracks are pieces of one thing: akin, and one goes on where the other ends."""
    if not are_akin(track.class_code, other.class_code):
        return False
    near_m, shape = other.road.forward_m, other.footprint
    return _do_overlap(track, near_m=near_m, far_m=near_m + shape.length_m, play_m=MARGIN_M) and _are_in_line(
        track, right_m=other.road.right_m, width_m=shape.width_m
    )


def expected_box(track: Track, camera: CameraModel) -> Box | None:
    """Last box of a track, moved and scaled to where the thing should be now; None when it is out of view."""
    try:
        u_px, v_px = road_in_image(camera, track.road)
        old_u_px, old_v_px = road_in_image(camera, track.last.ground.road)
    except AboveHorizonError:
        return None
    scale = growth(track.last, track.road, camera=camera)
    foot = np.array([old_u_px, old_v_px] * 2, np.float32)
    return ((track.last.box - foot) * np.float32(scale) + np.array([u_px, v_px] * 2, np.float32)).astype(np.float32)


def growth(look: Look, road: RoadPoint, *, camera: CameraModel) -> float:
    """How much larger than in a look a thing shows when its foot is there.

    Raises:
        AboveHorizonError: that lies behind the lens.
    """
    return depth_m(camera, look.ground.road) / depth_m(camera, road)


def _cost(track: Track, expected: Box | None, look: Look) -> float:
    """How badly they fit, or infinity when they cannot be the same thing."""
    distance = _distance2(track, look)
    iou = 0.0 if expected is None else float(overlaps(expected[None], look.box[None])[0][0, 0])
    if distance > GATE and iou < MIN_IOU:
        return float("inf")
    class_cost = 0.0 if look.class_code == track.class_code else OTHER_CLASS_COST
    return min(distance / GATE, 1.0) - iou + class_cost


def _distance2(track: Track, look: Look) -> float:
    """Squared distance in sigmas between where a track should be and where a look is."""
    forward_m2, right_m2 = look.spread
    seen = look.ground.road
    forward = (seen.forward_m - track.road.forward_m) ** 2 / (track.forward_m2 + forward_m2)
    return forward + (seen.right_m - track.road.right_m) ** 2 / (track.right_m2 + right_m2)


def _do_overlap(track: Track, *, near_m: float, far_m: float, play_m: float) -> bool:
    track_far_m = track.road.forward_m + track.footprint.length_m
    return near_m < track_far_m + play_m and far_m > track.road.forward_m - play_m


def _are_in_line(track: Track, *, right_m: float, width_m: float) -> bool:
    apart_m = abs(right_m - track.road.right_m) - (width_m + track.footprint.width_m) / 2
    return apart_m < MARGIN_M
