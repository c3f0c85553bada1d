"""Which part of the road a camera sees well enough."""

from dataclasses import dataclass, replace
from typing import Final

from edge_agent.errors import AboveHorizonError, ConfigurationError
from edge_agent.vision.ground import CameraModel, RoadPoint, pixel_on_road, road_in_image

SMALLEST_M: Final = 0.5  # width of the smallest damage that counts, a pothole
MIN_SHARE: Final = 0.025  # of the frame's width that it must cover: 8 of the detector's 320 pixels
MAX_FAR_M: Final = 30.0
STEP_M: Final = 0.1
MAX_ASIDE_M: Final = 8.0  # the bus's lane and one on each side; beyond are kerb and houses


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Visible road: from near to far ahead, and to each side of the bus's path half way."""

    near_m: float
    far_m: float
    left_m: float
    right_m: float


def view_of(camera: CameraModel, *, smallest_m: float = SMALLEST_M, aside_m: float = MAX_ASIDE_M) -> View:
    """What the camera sees well enough of things at least so wide, at most so far beside the bus's path.

    Raises:
        ConfigurationError: the camera does not look at the road.
    """
    try:
        near_m = pixel_on_road(camera, u_px=camera.width_px / 2, v_px=camera.height_px - 1.0).forward_m
    except AboveHorizonError as error:
        raise ConfigurationError(f"camera: it does not look at the road ({error}); check pitch_deg") from error
    far_m = camera.forward_m + min(MAX_FAR_M, camera.focal_px * smallest_m / (MIN_SHARE * camera.width_px))
    if far_m <= near_m:
        raise ConfigurationError(
            f"camera: the road begins {near_m:.1f} m ahead, but what is to be seen only shows up to {far_m:.1f} m"
        )
    middle = RoadPoint(forward_m=(near_m + far_m) / 2, right_m=0.0)
    try:
        _, row_px = road_in_image(camera, middle)
    except AboveHorizonError as error:
        raise ConfigurationError(f"camera: it does not look ahead ({error}); check yaw_deg") from error
    left_m, right_m = (
        _aside_m(camera, middle, side=side, edge_px=edge_px, row_px=row_px, most_m=aside_m)
        for side, edge_px in ((-1, 0.0), (1, float(camera.width_px)))
    )
    return View(near_m=near_m, far_m=far_m, left_m=left_m, right_m=right_m)


def _aside_m(
    camera: CameraModel, middle: RoadPoint, *, side: int, edge_px: float, row_px: float, most_m: float
) -> float:
    """How far to a side the road is in the picture."""
    try:
        width_m = side * pixel_on_road(camera, u_px=edge_px, v_px=row_px).right_m
    except AboveHorizonError:  # of a rolled camera or a wide lens the row leaves the road before the picture's edge
        width_m = _seen_aside_m(camera, middle, side=side, most_m=most_m)
    return min(max(width_m, 0.0), most_m)


def _seen_aside_m(camera: CameraModel, middle: RoadPoint, *, side: int, most_m: float) -> float:
    """The same by looking along the road to that side, step by step."""
    width_m = 0.0
    while width_m < most_m and _is_seen(camera, replace(middle, right_m=side * (width_m + STEP_M))):
        width_m += STEP_M
    return width_m


def _is_seen(camera: CameraModel, point: RoadPoint) -> bool:
    try:
        u_px, v_px = road_in_image(camera, point)
    except AboveHorizonError:
        return False
    return 0 <= u_px <= camera.width_px and 0 <= v_px <= camera.height_px
