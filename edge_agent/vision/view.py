"""Which part of the road a camera sees well enough."""

from dataclasses import dataclass
from typing import Final

from edge_agent.errors import AboveHorizonError, ConfigurationError
from edge_agent.vision.ground import CameraModel, RoadPoint, pixel_on_road, road_in_image

SMALLEST_M: Final = 0.5  # width of the smallest damage that counts, a pothole
MIN_SHARE: Final = 0.025  # of the frame's width that it must cover: 8 of the detector's 320 pixels
MAX_FAR_M: Final = 30.0
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
    _, row_px = road_in_image(camera, middle)
    left_m = -pixel_on_road(camera, u_px=0.0, v_px=row_px).right_m
    right_m = pixel_on_road(camera, u_px=float(camera.width_px), v_px=row_px).right_m
    return View(near_m=near_m, far_m=far_m, left_m=_aside(left_m, aside_m), right_m=_aside(right_m, aside_m))


def _aside(width_m: float, most_m: float) -> float:
    return min(max(width_m, 0.0), most_m)
