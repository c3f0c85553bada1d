"""From a pixel to a place on the road, and back: a pinhole camera over a flat road."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_agent.errors import AboveHorizonError

Homography = NDArray[np.float64]  # (3, 3)
MIN_DEPTH_M = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraModel:
    """Where a camera sits on the bus and how it looks at the road.

    The road frame has its origin on the road below the GNSS antenna: x forward, y right, both in metres.
    """

    width_px: int
    height_px: int
    focal_px: float
    height_m: float  # of the lens over the road
    pitch_deg: float  # below the horizontal
    yaw_deg: float = 0.0  # to the right of the bus's heading
    forward_m: float = 0.0  # lens ahead of the antenna
    right_m: float = 0.0

    @property
    def horizon_px(self) -> float:
        """Row of the horizon in the picture."""
        return self.height_px / 2 - self.focal_px * math.tan(math.radians(self.pitch_deg))


@dataclass(frozen=True, slots=True, kw_only=True)
class RoadPoint:
    """A point of the road plane, seen from the bus."""

    forward_m: float
    right_m: float


def road_to_image(camera: CameraModel) -> Homography:
    """Homography that takes (forward, right, 1) on the road to homogeneous pixels; third row = depth in metres.

    Source: Hartley and Zisserman, Multiple View Geometry, 2nd ed., section 8.1 (the road plane's camera).
    """
    pitch, yaw = math.radians(camera.pitch_deg), math.radians(camera.yaw_deg)
    # Into the lens's own axes: shift to the lens, turn by yaw, then by pitch.
    to_lens = np.array([[1.0, 0.0, -camera.forward_m], [0.0, 1.0, -camera.right_m], [0.0, 0.0, 1.0]])
    turn = np.array([[math.cos(yaw), math.sin(yaw), 0.0], [-math.sin(yaw), math.cos(yaw), 0.0], [0.0, 0.0, 1.0]])
    height = camera.height_m
    right_down_depth = np.array(
        [
            [0.0, 1.0, 0.0],
            [-math.sin(pitch), 0.0, height * math.cos(pitch)],
            [math.cos(pitch), 0.0, height * math.sin(pitch)],
        ]
    )
    intrinsic = np.array(
        [[camera.focal_px, 0.0, camera.width_px / 2], [0.0, camera.focal_px, camera.height_px / 2], [0.0, 0.0, 1.0]]
    )
    return intrinsic @ right_down_depth @ turn @ to_lens


def pixel_on_road(camera: CameraModel, *, u_px: float, v_px: float) -> RoadPoint:
    """Meet the ray through a pixel with the road plane.

    Raises:
        AboveHorizonError: the ray does not reach the road.
    """
    forward, right, scale = np.linalg.solve(road_to_image(camera), np.array([u_px, v_px, 1.0]))
    # scale is 1 / depth: not positive means at or above the horizon.
    if scale <= 1e-9:  # noqa: PLR2004
        raise AboveHorizonError(
            f"pixel ({u_px:.0f}, {v_px:.0f}) lies at or above the horizon ({camera.horizon_px:.0f})"
        )
    return RoadPoint(forward_m=float(forward / scale), right_m=float(right / scale))


def road_in_image(camera: CameraModel, point: RoadPoint) -> tuple[float, float]:
    """Pixel (u, v) of a road point; it may lie outside the picture.

    Raises:
        AboveHorizonError: the point lies behind the lens.
    """
    u, v, depth = road_to_image(camera) @ np.array([point.forward_m, point.right_m, 1.0])
    if depth < MIN_DEPTH_M:
        raise AboveHorizonError(f"a road point {point.forward_m:.1f} m ahead lies behind the lens")
    return float(u / depth), float(v / depth)
