"""How far the bus moved between two frames, seen from the road itself: both laid flat, and shifted until they agree."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.readings import Image
from edge_agent.vision.ground import CameraModel, road_to_image
from edge_agent.vision.lens import PINHOLE

METRES_PER_PX: Final = 0.05
LENGTH_M: Final = 8.0
WIDTH_M: Final = 5.0
LIGHT_M: Final = 0.5  # light and shade wider than this say nothing about motion
MIN_RESPONSE: Final = 0.08  # of 1: below, the two patches do not show the same road
MAX_SHIFT_SHARE: Final = 0.3  # of the patch; further off, too little is on both

Patch = NDArray[np.float32]  # (rows, columns) of the road laid flat, the farthest row first
Grey = NDArray[np.uint8]  # (H, W), as a pinhole would have taken it


@dataclass(frozen=True, slots=True, kw_only=True)
class RoadShift:
    """Motion of the bus over the road, as the road shows it."""

    forward_m: float
    right_m: float
    response: float  # 0 to 1, how much the road agrees with it


def flat_grey(image: Image, camera: CameraModel) -> Grey:
    """Prepare a frame: grey, and without the lens's distortion."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    if camera.lens != PINHOLE:
        grey = cv2.remap(grey, *_straightening(camera), cv2.INTER_LINEAR)
    return grey.astype(np.uint8, copy=False)


def road_shift(
    before: Grey, after: Grey, *, camera: CameraModel, near_m: float, ways_m: Sequence[float]
) -> RoadShift | None:
    """Find the shift between two frames; None when the road does not show it.

    Args:
        before: from `flat_grey`.
        after: the same, taken later.
        camera: of both.
        near_m: where the road begins to be visible.
        ways_m: guesses of the way driven; the best is made better.
    """
    after_patch = _patch(after, camera, near_m)
    found = [_shift(_patch(before, camera, near_m + way_m), after_patch, way_m) for way_m in ways_m]
    best = max((shift for shift in found if shift is not None), key=lambda shift: shift.response, default=None)
    return best if best is not None and best.response >= MIN_RESPONSE else None


def _shift(before: Patch, after: Patch, way_m: float) -> RoadShift | None:
    (right_px, down_px), response = cv2.phaseCorrelate(before, after, _window())
    rows, columns = before.shape
    if abs(down_px) > MAX_SHIFT_SHARE * rows or abs(right_px) > MAX_SHIFT_SHARE * columns:
        return None
    return RoadShift(
        forward_m=way_m + down_px * METRES_PER_PX, right_m=-right_px * METRES_PER_PX, response=float(response)
    )


def _patch(grey: Grey, camera: CameraModel, near_m: float) -> Patch:
    size = round(WIDTH_M / METRES_PER_PX), round(LENGTH_M / METRES_PER_PX)
    on_road = np.array(
        [
            [0.0, -METRES_PER_PX, near_m + LENGTH_M],
            [METRES_PER_PX, 0.0, -WIDTH_M / 2],
            [0.0, 0.0, 1.0],
        ]
    )
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    patch = cv2.warpPerspective(grey, road_to_image(camera) @ on_road, size, flags=how).astype(np.float32)
    return (patch - cv2.blur(patch, (2 * round(LIGHT_M / METRES_PER_PX) + 1,) * 2)).astype(np.float32, copy=False)


@lru_cache(maxsize=1)
def _window() -> Patch:
    size = round(WIDTH_M / METRES_PER_PX), round(LENGTH_M / METRES_PER_PX)
    return cv2.createHanningWindow(size, cv2.CV_32F).astype(np.float32, copy=False)


@lru_cache(maxsize=4)
def _straightening(camera: CameraModel) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Maps from a pinhole's pixels to the lens's."""
    inner = np.array(
        [[camera.focal_px, 0, camera.width_px / 2], [0, camera.focal_px, camera.height_px / 2], [0, 0, 1.0]]
    )
    size = camera.width_px, camera.height_px
    u, v = cv2.initUndistortRectifyMap(inner, np.array(camera.lens), np.eye(3), inner, size, cv2.CV_32FC1)
    return u.astype(np.float32, copy=False), v.astype(np.float32, copy=False)
