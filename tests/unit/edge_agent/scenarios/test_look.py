"""What a box in a frame can be: damage lies on the road."""

from datetime import UTC, datetime

import numpy as np
import pytest

from edge_agent.ego import EgoState
from edge_agent.readings import FrameReading
from edge_agent.scenarios.road_damage.look import Look, look_at
from edge_agent.vision.ground import CameraModel, GroundErrors

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
