"""Where a thing stands: by the foot of its box on the ground, or by its known size where it hangs. Pure."""

import math
from typing import Final

from edge_agent.ego import EgoState, moved
from edge_agent.errors import AboveHorizonError
from edge_agent.scenarios.street_furniture.kinds import Outline
from edge_agent.vision.detections import Box
from edge_agent.vision.ground import (
    SIGMA_OF_RADIUS_68,
    CameraModel,
    GroundErrors,
    GroundPoint,
    box_foot_on_road,
    ground_below,
    straight_width_px,
)

SIZE_SHARE: Final = 0.15  # one sigma of a thing's real width about the usual one (assumed)
MAX_ALONG_M: Final = 10.0  # a place known worse than this is no place
ERRORS: Final = GroundErrors()
_LEAST_PX: Final = 2.0


def place_of(
    box: Box, outline: Outline, *, ego: EgoState, camera: CameraModel, errors: GroundErrors = ERRORS
) -> GroundPoint | None:
    """Put a box where its thing stands; None where that cannot be told."""
    try:
        if outline.width_m is None:
            point = box_foot_on_road(box, ego=ego, camera=camera, errors=errors)
        else:
            point = _hanging(box, outline.width_m, ego=ego, camera=camera, errors=errors)
    except AboveHorizonError:
        return None
    return point if point.along_m <= MAX_ALONG_M and point.road.forward_m > 0 else None


def _hanging(box: Box, width_m: float, *, ego: EgoState, camera: CameraModel, errors: GroundErrors) -> GroundPoint:
    """As far away as its width in the picture tells, along the ray through the middle of the box."""
    left, top, right, bottom = (float(edge) for edge in box)
    width_px = max(straight_width_px(box, camera=camera), _LEAST_PX)
    depth_m = camera.focal_px * width_m / width_px
    road = ground_below(camera, depth_m=depth_m, u_px=(left + right) / 2, v_px=(top + bottom) / 2)
    lon, lat = moved(
        lon=ego.lon, lat=ego.lat, heading_deg=ego.heading_deg, forward_m=road.forward_m, right_m=road.right_m
    )
    edge_px = math.hypot(errors.edge_share * camera.height_px, errors.side_share * width_px)
    heading = math.radians(errors.heading_deg)
    return GroundPoint(
        lon=lon,
        lat=lat,
        road=road,
        distance_m=math.hypot(road.forward_m - camera.forward_m, road.right_m - camera.right_m),
        own_along_m=depth_m * math.sqrt(2) * edge_px / width_px,
        own_across_m=depth_m * edge_px / camera.focal_px,
        shared_along_m=math.hypot(SIZE_SHARE * depth_m, ego.speed_mps * errors.time_s, heading * road.right_m),
        shared_across_m=math.hypot(SIZE_SHARE * abs(road.right_m), heading * road.forward_m),
        receiver_m=ego.accuracy_m * SIGMA_OF_RADIUS_68,
    )
