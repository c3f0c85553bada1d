import numpy as np
import pytest

from edge_agent.vision.ground import CameraModel, pixel_on_road
from simulator.drawn import DrawnDefect, box_of, draw_frame
from simulator.drawn_damage import stamp_of

CAMERA = CameraModel(width_px=640, height_px=384, focal_px=500.0, height_m=2.2, pitch_deg=12.0)
CODES = ("D00", "D10", "D20", "D40")


def defect(class_code: str = "D40", *, forward_m: float = 8.0, right_m: float = 0.5, seed: int = 3) -> DrawnDefect:
    length_m, width_m = {"D00": (3.0, 0.4), "D10": (0.6, 2.5), "D20": (2.0, 1.6), "D40": (0.9, 0.8)}[class_code]
    return DrawnDefect(
        class_code=class_code, forward_m=forward_m, right_m=right_m, length_m=length_m, width_m=width_m, seed=seed
    )


def test_frame_has_the_camera_size_and_is_a_bgr_picture() -> None:
    image, _ = draw_frame(CAMERA, [], seed=1, along_m=0.0)

    assert image.shape == (384, 640, 3)
    assert image.dtype == np.uint8


def test_same_arguments_draw_the_same_frame() -> None:
    defects = [defect(code, forward_m=5.0 + 3 * index) for index, code in enumerate(CODES)]

    one, boxes = draw_frame(CAMERA, defects, seed=5, along_m=31.4)
    draw_frame(CAMERA, [], seed=6, along_m=2.0)
    other, other_boxes = draw_frame(CAMERA, defects, seed=5, along_m=31.4)

    np.testing.assert_array_equal(one, other)
    assert boxes == other_boxes


def test_empty_road_has_no_boxes() -> None:
    _, boxes = draw_frame(CAMERA, [], seed=1, along_m=12.0)

    assert boxes == []


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("forward_m", [4.5, 6.0, 9.0])
def test_box_lies_inside_the_picture_and_its_foot_on_the_defect(code: str, forward_m: float) -> None:
    drawn = defect(code, forward_m=forward_m)

    _, boxes = draw_frame(CAMERA, [drawn], seed=2, along_m=0.0)

    (box,) = boxes
    left, top, right, bottom = box.box_xyxy_px
    assert box.class_code == code
    assert 0 <= left < right <= 640
    assert 0 <= top < bottom <= 384
    foot = pixel_on_road(CAMERA, u_px=(left + right) / 2, v_px=bottom)
    assert abs(foot.forward_m - forward_m) <= drawn.length_m / 2 + 0.05
    assert abs(foot.right_m - drawn.right_m) <= drawn.width_m / 2 + 0.05


@pytest.mark.parametrize("code", CODES)
def test_damage_darkens_its_box(code: str) -> None:
    drawn = defect(code, forward_m=6.0)

    with_damage, (box,) = draw_frame(CAMERA, [drawn], seed=2, along_m=0.0)
    without, _ = draw_frame(CAMERA, [], seed=2, along_m=0.0)

    left, top, right, bottom = (round(side) for side in box.box_xyxy_px)
    change = without.astype(int).mean(2) - with_damage.astype(int).mean(2)
    assert change[top:bottom, left:right].max() > 20
    outside = change.copy()
    outside[top - 2 : bottom + 2, left - 2 : right + 2] = 0
    assert np.abs(outside).max() < 20


@pytest.mark.parametrize(
    ("forward_m", "right_m"),
    [(26.5, 0.0), (8.0, 30.0), (-3.0, 0.0), (0.2, 0.0)],
    ids=["too far", "outside", "behind", "under the bus"],
)
def test_no_box_for_what_is_not_seen(forward_m: float, right_m: float) -> None:
    _, boxes = draw_frame(CAMERA, [defect(forward_m=forward_m, right_m=right_m)], seed=2, along_m=0.0)

    assert boxes == []


def test_small_boxes_are_left_out() -> None:
    assert box_of(CAMERA, defect("D40", forward_m=6.0)) is not None
    assert box_of(CAMERA, defect("D40", forward_m=24.0)) is None


def test_driving_moves_defect_and_road_together() -> None:
    here, (far_box,) = draw_frame(CAMERA, [defect(forward_m=9.0)], seed=2, along_m=100.0)
    there, (near_box,) = draw_frame(CAMERA, [defect(forward_m=6.0)], seed=2, along_m=103.0)

    assert near_box.box_xyxy_px[3] > far_box.box_xyxy_px[3]
    assert not np.array_equal(here, there)


def test_light_makes_the_picture_brighter() -> None:
    dark, _ = draw_frame(CAMERA, [], seed=1, along_m=0.0, light=0.4)
    clear, _ = draw_frame(CAMERA, [], seed=1, along_m=0.0, light=1.0)

    assert dark.mean() == pytest.approx(0.4 * clear.mean(), rel=0.05)


def test_shape_comes_from_the_seed() -> None:
    one = stamp_of("D20", length_m=2.0, width_m=1.5, seed=1)
    other = stamp_of("D20", length_m=2.0, width_m=1.5, seed=2)

    assert one.dark.shape == other.dark.shape == (100, 75)
    assert not np.array_equal(one.dark, other.dark)


def test_unknown_class_is_refused() -> None:
    with pytest.raises(ValueError, match="D99"):
        stamp_of("D99", length_m=1.0, width_m=1.0, seed=1)


def test_camera_that_looks_at_the_sky_draws_no_road() -> None:
    sky = CameraModel(width_px=64, height_px=48, focal_px=60.0, height_m=2.0, pitch_deg=-40.0)

    image, boxes = draw_frame(sky, [defect()], seed=1, along_m=0.0)

    assert image.shape == (48, 64, 3)
    assert boxes == []
