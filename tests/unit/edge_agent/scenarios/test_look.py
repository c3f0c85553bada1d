"""What a box in a frame can be: damage lies on the road."""

import math
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from edge_agent.ego import EgoState
from edge_agent.readings import FrameReading
from edge_agent.scenarios.road_damage.look import Look, look_at
from edge_agent.scenarios.road_damage.match import growth
from edge_agent.vision.ground import CameraModel, GroundErrors, RoadPoint, road_in_image

CAMERA = CameraModel(width_px=1280, height_px=720, focal_px=1000, height_m=2.4, pitch_deg=8)
AT = datetime(2026, 11, 24, tzinfo=UTC)
EGO = EgoState(at=AT, lon=120.4, lat=27.5, speed_mps=10, heading_deg=60, accuracy_m=3)
FRAME = FrameReading(at=AT, camera_id="front", image=np.zeros((720, 1280, 3), np.uint8))
PX_OF_A_DEGREE = 17.5  # near the horizon


def seen(*, top_px: float, foot_px: float) -> Look | None:
    box = np.array([500, top_px, 700, foot_px], np.float32)
    return look_at(FRAME, box, class_code="D20", confidence=0.9, ego=EGO, camera=CAMERA, errors=GroundErrors())


@pytest.mark.parametrize("rise_deg", [-3, 0, 4])
def test_a_crack_reaches_to_the_horizon_or_up_a_slope(rise_deg: float) -> None:
    assert seen(top_px=CAMERA.horizon_px - rise_deg * PX_OF_A_DEGREE, foot_px=400) is not None


@pytest.mark.parametrize("rise_deg", [6, 12])
def test_what_stands_up_from_the_road_is_no_damage(rise_deg: float) -> None:
    assert seen(top_px=CAMERA.horizon_px - rise_deg * PX_OF_A_DEGREE, foot_px=400) is None


@pytest.mark.parametrize(
    "changes",
    [{}, {"roll_deg": 15.0}, {"roll_deg": -15.0, "yaw_deg": 10.0}, {"k1": -0.2}],
    ids=["plain", "rolled", "rolled and aside", "wide lens"],
)
@pytest.mark.parametrize("right_m", [-3.0, 0.0, 3.0])
def test_a_thing_shows_larger_by_as_much_as_it_is_nearer(changes: dict[str, float], right_m: float) -> None:
    camera = replace(CAMERA, **changes)
    far, near = (RoadPoint(forward_m=forward_m, right_m=right_m) for forward_m in (16.0, 9.0))
    u_px, v_px = road_in_image(camera, far)
    box = np.array([u_px - 10, v_px - 10, u_px + 10, v_px], np.float32)
    look = look_at(FRAME, box, class_code="D40", confidence=0.7, ego=EGO, camera=camera, errors=GroundErrors())
    assert look is not None
    depth_px = {place: camera.focal_px / _depth_m(camera, place) for place in (far, near)}
    assert growth(look, near, camera=camera) == pytest.approx(depth_px[near] / depth_px[far], rel=1e-3)


def _depth_m(camera: CameraModel, place: RoadPoint) -> float:
    pitch, yaw = math.radians(camera.pitch_deg), math.radians(camera.yaw_deg)
    ahead_m = place.forward_m * math.cos(yaw) + place.right_m * math.sin(yaw)
    return ahead_m * math.cos(pitch) + camera.height_m * math.sin(pitch)
