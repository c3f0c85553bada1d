from dataclasses import replace
from datetime import timedelta

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.errors import AboveHorizonError
from edge_agent.readings import Image
from edge_agent.vision.ground import CameraModel, GroundErrors, RoadPoint, road_in_image
from edge_agent.vision.horizon import Horizon, HorizonFinder, direction_of, estimate, vanishing_point
from edge_agent.vision.road_motion import flat_grey
from tests.unit.edge_agent.scenes import START, state

CAMERA = CameraModel(width_px=640, height_px=384, focal_px=520, height_m=2.6, pitch_deg=12)


def road(camera: CameraModel, *, seed: int = 0, right_m: float = 0.0) -> Image:
    """A road with two edges and a lane line, as a camera sees it that stands to the right of its middle."""
    rng = np.random.default_rng(seed)
    image = rng.integers(85, 105, (camera.height_px, camera.width_px, 3), dtype=np.uint8)
    for aside in (-5.0, -1.6, 1.8, 4.5):
        corners = [(4.0, aside), (60.0, aside), (60.0, aside + 0.15), (4.0, aside + 0.15)]
        pixels = [road_in_image(camera, RoadPoint(forward_m=far, right_m=side - right_m)) for far, side in corners]
        cv2.fillPoly(image, [np.round(np.array(pixels) * 16).astype(np.int32)], (230, 230, 230), cv2.LINE_AA, shift=4)
    return image


def found(finder: HorizonFinder, camera: CameraModel, *, frames: int, speed_mps: float = 8.0) -> Horizon | None:
    for number in range(frames):
        at = START + timedelta(seconds=0.5 * number)
        finder.look(road(camera, seed=number, right_m=0.01 * number), state(0.0, speed_mps=speed_mps, at=at))
    return finder.horizon


@given(pitch_deg=st.floats(-5, 25), yaw_deg=st.floats(-10, 10), roll_deg=st.floats(-10, 10))
def test_the_direction_of_where_the_road_goes_to_is_the_cameras(
    pitch_deg: float, yaw_deg: float, roll_deg: float
) -> None:
    camera = replace(CAMERA, pitch_deg=pitch_deg, yaw_deg=yaw_deg, roll_deg=roll_deg)
    far = np.array(road_in_image(camera, RoadPoint(forward_m=1e9, right_m=0.0)))
    assert direction_of(camera, far) == pytest.approx((pitch_deg, yaw_deg), abs=1e-3)


@pytest.mark.parametrize(("pitch_deg", "yaw_deg"), [(12.0, 0.0), (9.0, 1.5), (15.0, -2.0)])
def test_lines_along_the_road_meet_at_the_horizon(pitch_deg: float, yaw_deg: float) -> None:
    real = replace(CAMERA, pitch_deg=pitch_deg, yaw_deg=yaw_deg)
    point = vanishing_point(flat_grey(road(real), CAMERA), CAMERA)
    assert point is not None
    assert direction_of(CAMERA, point) == pytest.approx((pitch_deg, yaw_deg), abs=0.25)


def test_a_camera_mounted_askew_is_corrected_after_some_frames() -> None:
    real, finder = replace(CAMERA, pitch_deg=13.5, yaw_deg=-1.0), HorizonFinder(CAMERA)
    horizon = found(finder, real, frames=12)
    assert horizon is not None
    assert horizon.is_trusted
    assert horizon.row_px == pytest.approx(real.horizon_px, abs=2.5)
    corrected = finder.corrected()
    assert (corrected.pitch_deg, corrected.yaw_deg) == pytest.approx((13.5, -1.0), abs=0.25)
    assert finder.errors(GroundErrors()).pitch_deg < GroundErrors().pitch_deg


def test_a_camera_that_looks_aside_and_is_rolled_is_corrected_too() -> None:
    configured = replace(CAMERA, yaw_deg=25.0, roll_deg=25.0)
    real, finder = replace(configured, pitch_deg=13.5), HorizonFinder(configured)
    found(finder, real, frames=12)
    assert finder.corrected().pitch_deg == pytest.approx(13.5, abs=0.4)


@pytest.mark.parametrize(
    ("frames", "speed_mps"), [(4, 8.0), (20, 1.0)], ids=["too few frames", "too slow to know where it goes"]
)
def test_what_is_not_sure_changes_nothing(frames: int, speed_mps: float) -> None:
    finder = HorizonFinder(CAMERA)
    found(finder, replace(CAMERA, pitch_deg=13.5), frames=frames, speed_mps=speed_mps)
    assert finder.corrected() == CAMERA


def test_a_picture_without_lines_has_no_horizon() -> None:
    grain = np.random.default_rng(0).integers(0, 255, (384, 640, 3), dtype=np.uint8)
    assert vanishing_point(flat_grey(cv2.GaussianBlur(grain, (5, 5), 0).astype(np.uint8), CAMERA), CAMERA) is None


def test_a_single_nonsense_frame_does_not_move_it() -> None:
    steady = [(12.4, 0.3)] * 20
    horizon = estimate(CAMERA, [*steady, (8.0, -5.0)])
    assert (horizon.pitch_deg, horizon.yaw_deg) == (12.4, 0.3)
    assert horizon.is_trusted


def test_frames_that_do_not_agree_are_not_trusted() -> None:
    rng = np.random.default_rng(0)
    scattered = [(float(12 + rng.uniform(-5, 5)), float(rng.uniform(-5, 5))) for _ in range(20)]
    assert not estimate(CAMERA, scattered).is_trusted


def test_a_direction_no_mechanic_would_leave_is_not_trusted() -> None:
    assert not estimate(CAMERA, [(18.5, 0.0)] * 30).is_trusted


def test_a_camera_that_is_known_better_still_sees_the_road() -> None:
    finder = HorizonFinder(CAMERA)
    found(finder, replace(CAMERA, pitch_deg=10.0), frames=12)
    try:
        road_in_image(finder.corrected(), RoadPoint(forward_m=10, right_m=0))
    except AboveHorizonError:
        pytest.fail("the road is out of sight")
