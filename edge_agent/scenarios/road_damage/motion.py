"""How the bus moved from frame to frame: by the receiver, and by the road itself where the receiver is not enough."""

import math
from dataclasses import replace
from typing import Final

from edge_agent.ego import EgoState, Step, offset_between, step_between, turn_between
from edge_agent.readings import Image
from edge_agent.vision.ground import MAX_MEASURED_M, CameraModel
from edge_agent.vision.road_motion import LENGTH_M, RoadShift, flat_grey, road_shift

LONG_S: Final = 0.4  # between two frames; over more, a braking bus is elsewhere than its speed says
POOR_M: Final = 6.0  # accuracy of a receiver among high houses, whose speed is not to be trusted either
MAX_GAP_S: Final = 3.0  # over more, a bus may have stopped, gone on and stopped again: places of before mean nothing
MOST_OFF_M: Final = 0.6  # by which road and receiver may differ ...
MOST_OFF_MPS: Final = 1.5  # ... and this much more for each second: a bus brakes with 1.3 m/s2
SPREAD_M: Final = 1.5  # between guesses of a way driven without a frame
SEEN_SIGMA_M: Final = 0.08


class Motion:
    """Remembers the frame and the state before."""

    def __init__(self, camera: CameraModel, *, near_m: float) -> None:
        self._camera, self._near_m = camera, near_m
        self._before: EgoState | None = None
        self._image: Image | None = None

    def look_through(self, camera: CameraModel, *, near_m: float) -> None:
        """Go on with a camera that is known better."""
        self._camera, self._near_m = camera, near_m

    def step(self, image: Image, ego: EgoState) -> Step | None:
        """Motion since the last call; None at the first."""
        before, self._before = self._before, ego
        image_before, self._image = self._image, image
        if before is None or image_before is None:
            return None
        step = step_between(before, ego)
        if step.passed_s > MAX_GAP_S:
            return _by_place(step, before, ego)
        if not self._needs_eyes(step, ego) or image.shape != image_before.shape:
            return step
        return self._seen(step, image_before, image) or step

    def _needs_eyes(self, step: Step, ego: EgoState) -> bool:
        is_weak = step.passed_s > LONG_S or ego.accuracy_m > POOR_M
        is_in_view = self._near_m + step.forward_m + LENGTH_M < MAX_MEASURED_M
        return is_weak and is_in_view and 0 < step.passed_s <= MAX_GAP_S

    def _seen(self, step: Step, before: Image, after: Image) -> Step | None:
        shift = road_shift(
            flat_grey(before, self._camera),
            flat_grey(after, self._camera),
            camera=self._camera,
            near_m=self._near_m,
            ways_m=[max(step.forward_m + off_m, 0.0) for off_m in (0.0, -SPREAD_M, SPREAD_M)],
        )
        return None if shift is None or not _agree(shift, step) else _corrected(step, shift)


def _by_place(step: Step, before: EgoState, after: EgoState) -> Step:
    """Over a gap two speeds tell no way; two places do."""
    offset = offset_between(lon=before.lon, lat=before.lat, to_lon=after.lon, to_lat=after.lat)
    aside = math.radians(turn_between(before.heading_deg, offset.course_deg))
    return replace(
        step,
        forward_m=offset.length_m * math.cos(aside),
        right_m=offset.length_m * math.sin(aside),
        sigma_m=math.hypot(before.accuracy_m, after.accuracy_m),
    )


def _agree(shift: RoadShift, step: Step) -> bool:
    return abs(shift.forward_m - step.forward_m) <= MOST_OFF_M + MOST_OFF_MPS * step.passed_s


def _corrected(step: Step, shift: RoadShift) -> Step:
    return replace(step, forward_m=shift.forward_m, right_m=shift.right_m, sigma_m=SEEN_SIGMA_M)
