from dataclasses import replace

import cv2
import numpy as np
import pytest

from edge_agent.readings import Image
from edge_agent.vision.preprocess import Ahead, InputShape, Letterbox, letterbox

SHAPE = InputShape(width_px=512, height_px=512, stride_px=32, pad=114)


def frame(height: int, width: int, value: int = 200) -> Image:
    return np.full((height, width, 3), value, np.uint8)


def test_a_frame_of_the_right_size_goes_in_without_a_copy() -> None:
    image = frame(384, 640)
    picture, fit = letterbox(image, SHAPE)
    assert picture is image
    assert (fit.scale_x, fit.scale_y) == (1.0, 1.0)


@pytest.mark.parametrize(("height", "width"), [(360, 640), (480, 500), (530, 530)])
def test_a_frame_near_the_trained_scale_is_padded_and_not_resized(height: int, width: int) -> None:
    image = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    picture, fit = letterbox(image, SHAPE)
    assert (picture[:height, :width] == image).all()
    assert fit.scale_x == fit.scale_y == 1.0


def test_a_larger_frame_is_resized_to_the_trained_scale() -> None:
    picture, fit = letterbox(frame(600, 1280), SHAPE)
    assert picture.shape == (352, 768, 3)
    assert fit.scale_x == pytest.approx(748 / 1280)


@pytest.mark.parametrize(("height", "width", "whole"), [(720, 1280, 2), (1080, 1920, 3), (2160, 3840, 6)])
def test_usual_cameras_are_reduced_by_a_whole_number(height: int, width: int, whole: int) -> None:
    picture, fit = letterbox(frame(height, width), SHAPE)
    assert picture.shape == (384, 640, 3)
    assert fit.scale_x == fit.scale_y == 1 / whole


def test_a_part_of_a_frame_is_made_whole_in_memory() -> None:
    picture, _ = letterbox(frame(384, 1280)[:, :640], SHAPE)
    assert picture.flags.c_contiguous
    assert picture.shape == (384, 640, 3)


def test_the_buffer_is_used_again_and_what_pads_it_stays() -> None:
    box = Letterbox(SHAPE)
    first, _ = box.fit(frame(600, 1280, 10))
    second, _ = box.fit(frame(600, 1280, 90))
    assert second is first
    assert (second[:350, :748] == 90).all()
    assert (second[:, 748:] == 114).all()


def test_frames_of_other_sizes_leave_nothing_behind() -> None:
    box = Letterbox(SHAPE)
    box.fit(frame(600, 1280, 10))
    picture, _ = box.fit(frame(602, 1280, 90))
    alone, _ = letterbox(frame(602, 1280, 90), SHAPE)
    assert (picture == alone).all()


def test_a_frame_made_ready_is_there_at_once_and_leaves_the_one_in_use_alone() -> None:
    ahead, frames = Ahead(SHAPE), [frame(600, 1280, value) for value in (10, 90, 170)]
    in_use, _ = ahead.take(frames[0])
    ahead.prepare(frames[1])
    assert (in_use[:350, :748] == 10).all()
    frames[1][:] = 0  # it was looked at already
    ready, fit = ahead.take(frames[1])
    assert (ready[:350, :748] == 90).all()
    assert fit.scale_x == pytest.approx(748 / 1280)
    ahead.prepare(frames[2])
    assert (ready[:350, :748] == 90).all()


def test_a_frame_that_was_made_ready_before_the_one_in_between_waits_its_turn() -> None:
    ahead, (one, two, three) = Ahead(SHAPE), [frame(600, 1280, value) for value in (10, 90, 170)]
    ahead.prepare(two)
    in_use, _ = ahead.take(one)
    assert (in_use[:350, :748] == 10).all()
    assert (ahead.take(two)[0][:350, :748] == 90).all()
    ahead.prepare(one)  # but another comes
    assert (ahead.take(three)[0][:350, :748] == 170).all()
    assert (ahead.take(one)[0][:350, :748] == 10).all()


def test_every_thin_line_of_a_photo_keeps_its_weight() -> None:
    photo = np.zeros((640, 640, 3), np.uint8)
    lines = np.arange(7, 640, 23)
    photo[:, lines] = 200

    shown, fit = letterbox(photo, replace(SHAPE, width_px=384, height_px=384))

    middles = np.round((lines + 0.5) * fit.scale_x - 0.5).astype(int)
    weights = [int(shown[100, max(0, middle - 1) : middle + 2, 0].sum()) for middle in middles]
    assert weights == pytest.approx([200 * fit.scale_x] * len(lines), abs=2)


@pytest.mark.parametrize("size", [(384, 640), (451, 601), (720, 1000), (200, 300)], ids=str)
def test_interpolated_frames_have_the_bits_that_are_the_same_on_every_processor(size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 255, (*size, 3), dtype=np.uint8)
    picture, fit = letterbox(image, replace(SHAPE, width_px=384, height_px=384))
    width, height = round(fit.scale_x * size[1]), round(fit.scale_y * size[0])
    halved = cv2.resize(image, (500, 360), interpolation=cv2.INTER_AREA) if size[1] > 2 * width else image
    exact = cv2.resize(halved, (width, height), interpolation=cv2.INTER_LINEAR_EXACT)
    assert (picture[:height, :width] == exact).all()
