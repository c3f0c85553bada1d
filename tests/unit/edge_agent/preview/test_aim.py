import math
from dataclasses import replace

import pytest

from edge_agent.preview.aim import BAND, Tilt, aim_of, pitch_of
from tests.unit.edge_agent.scenes import CAMERA

HEIGHT = CAMERA.height_px
MIDDLE_PX = sum(BAND) / 2 * HEIGHT


def test_configured_horizon_has_the_configured_pitch() -> None:
    assert pitch_of(CAMERA, CAMERA.horizon_px) == pytest.approx(CAMERA.pitch_deg)


@pytest.mark.parametrize(
    ("share", "tilt"),
    [
        (BAND[0] + 0.001, Tilt.RIGHT),
        (BAND[1] - 0.001, Tilt.RIGHT),
        (BAND[0] - 0.01, Tilt.UP),
        (BAND[1] + 0.01, Tilt.DOWN),
        (-0.2, Tilt.UP),
        (1.1, Tilt.DOWN),
    ],
)
def test_tilt_follows_the_band(share: float, tilt: Tilt) -> None:
    assert aim_of(CAMERA, horizon_px=share * HEIGHT).tilt is tilt


def test_camera_tilted_as_told_sees_the_horizon_in_the_middle_of_the_band() -> None:
    aim = aim_of(CAMERA, horizon_px=0.5 * HEIGHT)

    turned = replace(CAMERA, pitch_deg=aim.pitch_deg + aim.degrees)

    assert aim.tilt is Tilt.DOWN
    assert turned.horizon_px == pytest.approx(MIDDLE_PX)


def test_camera_that_looks_too_far_down_is_tilted_up_as_far() -> None:
    aim = aim_of(CAMERA, horizon_px=0.0)

    turned = replace(CAMERA, pitch_deg=aim.pitch_deg - aim.degrees)

    assert aim.tilt is Tilt.UP
    assert turned.horizon_px == pytest.approx(MIDDLE_PX)


@pytest.mark.parametrize(("off_deg", "is_same"), [(0.0, True), (0.4, True), (-0.4, True), (0.6, False), (-3.0, False)])
def test_other_pitch_than_configured_is_told(off_deg: float, *, is_same: bool) -> None:
    horizon_px = HEIGHT / 2 - CAMERA.focal_px * math.tan(math.radians(CAMERA.pitch_deg + off_deg))

    assert aim_of(CAMERA, horizon_px=horizon_px).is_as_configured is is_same


@pytest.mark.parametrize("roll_deg", [-25, 10, 30])
def test_a_rolled_camera_that_is_as_configured_is_said_to_be(roll_deg: float) -> None:
    rolled = replace(CAMERA, roll_deg=roll_deg)
    aim = aim_of(rolled, horizon_px=rolled.horizon_px)
    assert aim.pitch_deg == pytest.approx(CAMERA.pitch_deg)
    assert aim.is_as_configured
