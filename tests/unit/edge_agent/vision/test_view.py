from dataclasses import replace

import pytest

from edge_agent.errors import ConfigurationError
from edge_agent.vision.ground import CameraModel
from edge_agent.vision.view import STEP_M, view_of

CAMERA = CameraModel(width_px=320, height_px=240, focal_px=260, height_m=2.6, pitch_deg=5)


def test_a_rolled_camera_sees_as_far_to_one_side_as_rolled_the_other_way_to_the_other() -> None:
    clockwise, against = (view_of(replace(CAMERA, roll_deg=roll_deg)) for roll_deg in (20, -20))
    assert clockwise.left_m == pytest.approx(against.right_m, abs=STEP_M)
    assert clockwise.right_m == pytest.approx(against.left_m, abs=STEP_M)
    assert min(clockwise.left_m, clockwise.right_m) > 2


def test_a_wide_lens_whose_picture_ends_before_the_frame_sees_the_road() -> None:
    view = view_of(replace(CAMERA, focal_px=150, k1=-0.1, yaw_deg=30, roll_deg=5))
    assert view.left_m > 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"pitch_deg": -40}, "check pitch_deg"), ({"yaw_deg": 90, "pitch_deg": 0}, "check yaw_deg")],
    ids=["up", "aside"],
)
def test_a_camera_that_does_not_see_the_road_ahead_is_refused_in_words(changes: dict[str, float], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        view_of(replace(CAMERA, **changes))  # pyright: ignore[reportArgumentType]
