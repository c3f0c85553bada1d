"""From a pixel to a place on the road, and back: a camera over a flat road."""

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edge_agent.ego import EgoState, moved
from edge_agent.errors import AboveHorizonError
from edge_agent.vision.detections import Box
from edge_agent.vision.lens import Lens, Ray, bent, straightened

Homography = NDArray[np.float64]  # (3, 3)
Rows = tuple[tuple[float, ...], ...]  # of a homography: for one point faster than an array
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
    roll_deg: float = 0.0  # clockwise, seen from behind the camera
    k1: float = 0.0  # the lens's distortion, see `vision.lens`
    k2: float = 0.0
    p1: float = 0.0
    p2: float = 0.0

    @property
    def lens(self) -> Lens:
        return Lens(self.k1, self.k2, self.p1, self.p2)

    @property
    def horizon_px(self) -> float:
        """Row of the horizon in the middle of the picture, without the lens's distortion."""
        pitch, roll = math.radians(self.pitch_deg), math.radians(self.roll_deg)
        return self.height_px / 2 - self.focal_px * math.tan(pitch) / math.cos(roll)

    @property
    def horizon_fall(self) -> float:
        """Rows by which the horizon lies lower for each column to the right."""
        return -math.tan(math.radians(self.roll_deg))

    @property
    def ahead_px(self) -> tuple[float, float]:
        """Point of the picture (u, v) to which the bus drives, without the lens's distortion."""
        across, down, depth = road_to_image(self)[:, 0].tolist()
        return across / depth, down / depth


@dataclass(frozen=True, slots=True, kw_only=True)
class RoadPoint:
    """A point of the road plane, seen from the bus."""

    forward_m: float
    right_m: float


@lru_cache(maxsize=64)
def road_to_image(camera: CameraModel) -> Homography:
    """Homography that takes (forward, right, 1) on the road to homogeneous pixels; third row = depth in metres.

    It is the pinhole's part: without the lens's distortion.
    Source: Hartley and Zisserman, Multiple View Geometry, 2nd ed., section 8.1 (the road plane's camera).
    """
    pitch, yaw, roll = (math.radians(angle) for angle in (camera.pitch_deg, camera.yaw_deg, camera.roll_deg))
    # Into the lens's own axes: shift to the lens, turn by yaw, then by pitch, then by roll.
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
    tilt = np.array([[math.cos(roll), math.sin(roll), 0.0], [-math.sin(roll), math.cos(roll), 0.0], [0.0, 0.0, 1.0]])
    intrinsic = np.array(
        [[camera.focal_px, 0.0, camera.width_px / 2], [0.0, camera.focal_px, camera.height_px / 2], [0.0, 0.0, 1.0]]
    )
    return intrinsic @ tilt @ right_down_depth @ turn @ to_lens


@lru_cache(maxsize=64)
def _road_to_image_rows(camera: CameraModel) -> Rows:
    return tuple(tuple(row) for row in road_to_image(camera).tolist())


@lru_cache(maxsize=64)
def _image_to_road_rows(camera: CameraModel) -> Rows:
    return tuple(tuple(row) for row in np.linalg.inv(road_to_image(camera)).tolist())


def _mapped(rows: Rows, x: float, y: float) -> tuple[float, float, float]:
    first, second, third = (row[0] * x + row[1] * y + row[2] for row in rows)
    return first, second, third


def pixel_on_road(camera: CameraModel, *, u_px: float, v_px: float) -> RoadPoint:
    """Meet the ray through a pixel with the road plane.

    Raises:
        AboveHorizonError: the ray does not reach the road.
    """
    u, v = _without_lens(camera, u_px, v_px)
    forward, right, scale = _mapped(_image_to_road_rows(camera), u, v)
    # scale is 1 / depth: not positive means at or above the horizon.
    if scale <= 1e-9:  # noqa: PLR2004
        raise AboveHorizonError(
            f"pixel ({u_px:.0f}, {v_px:.0f}) lies at or above the horizon ({camera.horizon_px:.0f})"
        )
    return RoadPoint(forward_m=forward / scale, right_m=right / scale)


def road_in_image(camera: CameraModel, point: RoadPoint) -> tuple[float, float]:
    """Pixel (u, v) of a road point; it may lie outside the picture.

    Raises:
        AboveHorizonError: the point lies behind the lens or outside its field.
    """
    u, v, depth = _seen(camera, point)
    return _through_lens(camera, u / depth, v / depth)


def depth_m(camera: CameraModel, point: RoadPoint) -> float:
    """How deep along the lens's axis a road point lies: what stands there shows larger, the less that is.

    Raises:
        AboveHorizonError: it lies behind the lens.
    """
    return _seen(camera, point)[2]


def _seen(camera: CameraModel, point: RoadPoint) -> tuple[float, float, float]:
    u, v, depth = _mapped(_road_to_image_rows(camera), point.forward_m, point.right_m)
    if depth < MIN_DEPTH_M:
        raise AboveHorizonError(f"a road point {point.forward_m:.1f} m ahead lies behind the lens")
    return u, v, depth


def _through_lens(camera: CameraModel, u_px: float, v_px: float) -> tuple[float, float]:
    """Pixel at which the lens shows what a pinhole would show at (u, v)."""
    middle_u, middle_v, focal = camera.width_px / 2, camera.height_px / 2, camera.focal_px
    seen = bent(camera.lens, Ray((u_px - middle_u) / focal, (v_px - middle_v) / focal))
    return middle_u + focal * seen.x, middle_v + focal * seen.y


def _without_lens(camera: CameraModel, u_px: float, v_px: float) -> tuple[float, float]:
    """Pixel at which a pinhole would show what the lens shows at (u, v)."""
    middle_u, middle_v, focal = camera.width_px / 2, camera.height_px / 2, camera.focal_px
    ray = straightened(camera.lens, Ray((u_px - middle_u) / focal, (v_px - middle_v) / focal))
    return middle_u + focal * ray.x, middle_v + focal * ray.y


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundErrors:
    """One-sigma errors of what a position on the road is made of."""

    edge_share: float = 0.008  # of a box's edge, as a share of the frame's height; detectors cut cracks short
    side_share: float = 0.05  # of a box's edge too, as a share of the box's own side
    pitch_deg: float = 0.4  # a bus nods when it brakes
    height_share: float = 0.02  # of the lens over the road: load and tyres
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
    own_along_m, own_across_m = _box_error(camera, errors, road, box_xyxy_px)
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


def rise_deg(camera: CameraModel, *, u_px: float, v_px: float) -> float:
    """Angle of the ray through a pixel over the horizon; negative where it goes down to the road.

    Raises:
        AboveHorizonError: the pixel lies outside the field of the lens.
    """
    pitch, (right, down) = math.radians(camera.pitch_deg), _without_roll(camera, u_px=u_px, v_px=v_px)
    level = math.hypot(right, math.cos(pitch) - down * math.sin(pitch))
    return math.degrees(math.atan2(-down * math.cos(pitch) - math.sin(pitch), level))


def ground_below(camera: CameraModel, *, depth_m: float, u_px: float, v_px: float) -> RoadPoint:
    """The ground below what lies so deep along the lens's axis at a pixel.

    Raises:
        AboveHorizonError: the pixel lies outside the field of the lens.
    """
    right, down = _without_roll(camera, u_px=u_px, v_px=v_px)
    pitch, yaw = math.radians(camera.pitch_deg), math.radians(camera.yaw_deg)
    forward_m, right_m = depth_m * (math.cos(pitch) - down * math.sin(pitch)), depth_m * right
    return RoadPoint(
        forward_m=camera.forward_m + forward_m * math.cos(yaw) - right_m * math.sin(yaw),
        right_m=camera.right_m + forward_m * math.sin(yaw) + right_m * math.cos(yaw),
    )


def straight_width_px(box_xyxy_px: Box, *, camera: CameraModel) -> float:
    """Width of a box where a pinhole would show it.

    Raises:
        AboveHorizonError: it reaches outside the field of the lens.
    """
    left, top, right, bottom = (float(edge) for edge in box_xyxy_px)
    (from_px, _), (to_px, _) = (_without_lens(camera, u_px, (top + bottom) / 2) for u_px in (left, right))
    return to_px - from_px


def _without_roll(camera: CameraModel, *, u_px: float, v_px: float) -> tuple[float, float]:
    """Ray through a pixel, to the right and down for each metre along the axis of a lens that is not rolled."""
    u, v = _without_lens(camera, u_px, v_px)
    return unrolled(camera, u_px=u, v_px=v)


def unrolled(camera: CameraModel, *, u_px: float, v_px: float) -> tuple[float, float]:
    """The same where a pinhole shows (u, v)."""
    x, y = (u_px - camera.width_px / 2) / camera.focal_px, (v_px - camera.height_px / 2) / camera.focal_px
    roll = math.radians(camera.roll_deg)
    return x * math.cos(roll) - y * math.sin(roll), x * math.sin(roll) + y * math.cos(roll)


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
    near_m, far_m = (most(corner.forward_m for corner in corners) for most in (min, max))
    if far_m > MAX_MEASURED_M:
        return None
    length_m = far_m - near_m
    # As for `footprint_on_road`: of a camera that looks aside and is rolled, a box's right edge may lie further left.
    widths_m = abs(near_right.right_m - near_left.right_m), abs(far_right.right_m - far_left.right_m)
    return RoadSize(length_m=length_m, width_m=sum(widths_m) / 2, area_m2=length_m * sum(widths_m) / 2)


def footprint_on_road(box_xyxy_px: Box, *, camera: CameraModel) -> RoadSize:
    """Lay as much of a box on the road as can be seen: up to its top or, if that is too far, to where measuring ends.

    Raises:
        AboveHorizonError: its foot does not reach the road.
    """
    left, top, right, bottom = (float(edge) for edge in box_xyxy_px)
    near_left, near_right = (pixel_on_road(camera, u_px=u, v_px=bottom) for u in (left, right))
    near_m = min(near_left.forward_m, near_right.forward_m)
    try:
        far_m = min(pixel_on_road(camera, u_px=(left + right) / 2, v_px=top).forward_m, MAX_MEASURED_M)
    except AboveHorizonError:
        far_m = MAX_MEASURED_M
    length_m, width_m = max(far_m - near_m, 0.0), abs(near_right.right_m - near_left.right_m)
    return RoadSize(length_m=length_m, width_m=width_m, area_m2=length_m * width_m)


def _box_error(camera: CameraModel, errors: GroundErrors, road: RoadPoint, box: Box) -> tuple[float, float]:
    """Errors along and across that come from the box's edges."""
    left, top, right, bottom = (float(edge) for edge in box)
    u_px, edge_px = (left + right) / 2, errors.edge_share * camera.height_px
    down_px = math.hypot(edge_px, errors.side_share * (bottom - top))
    aside_px = math.hypot(edge_px, errors.side_share * (right - left)) / math.sqrt(2)  # mean of two edges
    down = _step(camera, road, u_px=u_px, v_px=bottom + down_px)
    aside = _step(camera, road, u_px=u_px + aside_px, v_px=bottom)
    return math.hypot(down[0], aside[0]), math.hypot(down[1], aside[1])


def _pass_error(
    camera: CameraModel, errors: GroundErrors, road: RoadPoint, ego: EgoState, *, u_px: float, v_px: float
) -> tuple[float, float]:
    """Errors along and across that all frames of a pass share: pitch, height, heading and clock."""
    nodding = replace(camera, pitch_deg=camera.pitch_deg + errors.pitch_deg)
    pitch = _step(nodding, road, u_px=u_px, v_px=v_px)
    heading, height = math.radians(errors.heading_deg), errors.height_share
    reach_m, aside_m = road.forward_m - camera.forward_m, road.right_m - camera.right_m
    along = math.hypot(pitch[0], height * reach_m, ego.speed_mps * errors.time_s, heading * road.right_m)
    across = math.hypot(pitch[1], height * aside_m, heading * road.forward_m)
    return along, across


def _step(camera: CameraModel, road: RoadPoint, *, u_px: float, v_px: float) -> tuple[float, float]:
    """How far (forward, right) the road point of another pixel or camera lies from this one."""
    other = pixel_on_road(camera, u_px=u_px, v_px=v_px)
    return other.forward_m - road.forward_m, other.right_m - road.right_m
