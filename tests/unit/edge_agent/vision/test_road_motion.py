from dataclasses import replace

import numpy as np
import pytest

from edge_agent.readings import Image
from edge_agent.vision.ground import CameraModel
from edge_agent.vision.road_motion import RoadShift, flat_grey, road_shift
from simulator.drawn import draw_frame
from simulator.frames import DRAWN_CAMERA as CAMERA

NEAR_M = 5.0


def frame(along_m: float, *, seed: int = 1) -> Image:
    image, _ = draw_frame(CAMERA, [], seed=seed, along_m=along_m)
    return image


def shift(before: Image, after: Image, ways_m: list[float], camera: CameraModel = CAMERA) -> RoadShift | None:
    return road_shift(flat_grey(before, camera), flat_grey(after, camera), camera=camera, near_m=NEAR_M, ways_m=ways_m)


@pytest.mark.parametrize("way_m", [0.0, 0.4, 1.7, 6.0])
def test_the_road_shows_how_far_the_bus_went(way_m: float) -> None:
    found = shift(frame(20.0), frame(20.0 + way_m), [way_m + 0.5])
    assert found is not None
    assert found.forward_m == pytest.approx(way_m, abs=0.05)
    assert found.right_m == pytest.approx(0.0, abs=0.05)


def test_of_several_guesses_the_one_that_fits_is_taken() -> None:
    found = shift(frame(20.0), frame(27.0), [2.0, 4.5, 7.4])
    assert found is not None
    assert found.forward_m == pytest.approx(7.0, abs=0.05)


def test_a_bus_that_drifts_to_the_right_sees_the_road_go_left() -> None:
    aside = replace(CAMERA, right_m=0.5)
    before, _ = draw_frame(CAMERA, [], seed=1, along_m=20.0)
    after, _ = draw_frame(aside, [], seed=1, along_m=21.0)
    found = shift(before, after, [1.0])
    assert found is not None
    assert found.right_m == pytest.approx(0.5, abs=0.05)


def test_another_road_is_not_the_same_road_further_on() -> None:
    grain = np.random.default_rng(0).integers(0, 255, (CAMERA.height_px, CAMERA.width_px, 3), dtype=np.uint8)
    assert shift(frame(20.0), grain, [1.0]) is None


def test_a_lens_that_bends_is_straightened_first() -> None:
    bending = replace(CAMERA, k1=-0.2)
    image = frame(20.0)
    assert flat_grey(image, bending).shape == image.shape[:2]
    assert not np.array_equal(flat_grey(image, bending), flat_grey(image, CAMERA))
