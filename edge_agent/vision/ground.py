"""From a pixel to a place on the road, and back: a pinhole camera over a flat road."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edge_agent.ego import EgoState, moved
from edge_agent.errors import AboveHorizonError
from edge_agent.vision.detections import Box

Homography = NDArray[np.float64]  # (3, 3)
MIN_DEPTH_M = 0.1
NEAR_MARGIN_PX = 2.0  # a box that ends this close to the lower edge may go on below it
MAX_MEASURED_M = 30.0  # beyond, one row of pixels is metres long
SIGMA_OF_RADIUS_68 = 1 / 1.5096  # Rayleigh: a circle of sqrt(-2 ln 0.32) sigma holds 68 %


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


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundErrors:
    """One-sigma errors of what a position on the road is made of."""

    box_share: float = 0.008  # of a box's edge, as a share of the frame's height; detectors cut cracks short
    pitch_deg: float = 0.4  # a bus nods when it brakes
    heading_deg: float = 1.5
    time_s: float = 0.03  # between the shutter's clock and the receiver's


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundPoint:
    """A thing's place on the road, with its error in three parts, each one sigma.

    `own` errors are independent from frame to frame, `shared` ones (pitch, heading, clock) and the receiver's are the
    same in all frames of a pass and do not average out.
    """

    lon: float  # WGS-84
    lat: float
    road: RoadPoint
    distance_m: float  # from the lens
    own_along_m: float  # along the heading
    own_across_m: float
    shared_along_m: float
    shared_across_m: float
    receiver_m: float  # in each direction

    @property
    def along_m(self) -> float:
        return math.hypot(self.own_along_m, self.shared_along_m, self.receiver_m)

    @property
    def across_m(self) -> float:
        return math.hypot(self.own_across_m, self.shared_across_m, self.receiver_m)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoadSize:
    """How large a box is when it is laid on the road; a box is not the damage itself."""

    length_m: float
    width_m: float
    area_m2: float


def box_foot_on_road(
    box_xyxy_px: Box, *, ego: EgoState, camera: CameraModel, errors: GroundErrors = GroundErrors()
) -> GroundPoint:
    """Meet the ray through the middle of the box's lower edge with the road plane.

    Raises:
        AboveHorizonError: the ray does not reach the road.
    """
    u_px, v_px = float(box_xyxy_px[0] + box_xyxy_px[2]) / 2, float(box_xyxy_px[3])
    road = pixel_on_road(camera, u_px=u_px, v_px=v_px)
    lon, lat = moved(
        lon=ego.lon, lat=ego.lat, heading_deg=ego.heading_deg, forward_m=road.forward_m, right_m=road.right_m
    )
    own_along_m, own_across_m = _box_error(camera, errors, road, u_px=u_px, v_px=v_px)
    shared_along_m, shared_across_m = _pass_error(camera, errors, road, ego, u_px=u_px, v_px=v_px)
    reach_m = math.hypot(road.forward_m - camera.forward_m, road.right_m - camera.right_m)
    return GroundPoint(
        lon=lon,
        lat=lat,
        road=road,
        distance_m=math.hypot(reach_m, camera.height_m),
        own_along_m=own_along_m,
        own_across_m=own_across_m,
        shared_along_m=shared_along_m,
        shared_across_m=shared_across_m,
        receiver_m=ego.accuracy_m * SIGMA_OF_RADIUS_68,
    )


def size_on_road(box_xyxy_px: Box, *, camera: CameraModel) -> RoadSize | None:
    """Lay a box on the road; None when it is cut off by the frame's lower edge or reaches too far to be measured."""
    left, top, right, bottom = (float(edge) for edge in box_xyxy_px)
    if bottom >= camera.height_px - NEAR_MARGIN_PX:
        return None
    try:
        corners = [pixel_on_road(camera, u_px=u, v_px=v) for v in (bottom, top) for u in (left, right)]
    except AboveHorizonError:
        return None
    near_left, near_right, far_left, far_right = corners
    far_m = max(far_left.forward_m, far_right.forward_m)
    if far_m > MAX_MEASURED_M:
        return None
    length_m = far_m - min(near_left.forward_m, near_right.forward_m)
    widths_m = near_right.right_m - near_left.right_m, far_right.right_m - far_left.right_m
    return RoadSize(length_m=length_m, width_m=sum(widths_m) / 2, area_m2=length_m * sum(widths_m) / 2)


def _box_error(
    camera: CameraModel, errors: GroundErrors, road: RoadPoint, *, u_px: float, v_px: float
) -> tuple[float, float]:
    """Errors along and across that come from the box's edges."""
    sigma_px = errors.box_share * camera.height_px
    down = _step(camera, road, u_px=u_px, v_px=v_px + sigma_px)
    aside = _step(camera, road, u_px=u_px + sigma_px, v_px=v_px)
    return math.hypot(down[0], aside[0]), math.hypot(down[1], aside[1])


def _pass_error(
    camera: CameraModel, errors: GroundErrors, road: RoadPoint, ego: EgoState, *, u_px: float, v_px: float
) -> tuple[float, float]:
    """Errors along and across that all frames of a pass share: pitch, heading and clock."""
    nodding = replace(camera, pitch_deg=camera.pitch_deg + errors.pitch_deg)
    pitch = _step(nodding, road, u_px=u_px, v_px=v_px)
    heading = math.radians(errors.heading_deg)
    along = math.hypot(pitch[0], ego.speed_mps * errors.time_s, heading * road.right_m)
    across = math.hypot(pitch[1], heading * road.forward_m)
    return along, across


def _step(camera: CameraModel, road: RoadPoint, *, u_px: float, v_px: float) -> tuple[float, float]:
    """How far (forward, right) the road point of another pixel or camera lies from this one."""
    other = pixel_on_road(camera, u_px=u_px, v_px=v_px)
    return other.forward_m - road.forward_m, other.right_m - road.right_m
