import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from models.road_damage.training.augment import Canvas, Example, mosaic, single
from models.road_damage.training.paste import pasted, patch_at, plain_patch
from models.road_damage.training.weather import weathered

ALL = np.ones(4, np.bool_)


def canvas(size_px: int, *, times: float = 1.0, is_tilted: bool = True) -> Canvas:
    return Canvas(size_px=size_px, scales=(0.65 * times, 1.3 * times), is_tilted=is_tilted, has_weather=False)


def example(boxes: list[list[float]], *, height: int = 100, width: int = 200, road: int = 40) -> Example:
    """A dark picture whose boxes are white."""
    image = np.full((height, width, 3), road, np.uint8)
    for x1, y1, x2, y2 in boxes:
        image[round(y1) : round(y2), round(x1) : round(x2)] = 250
    return Example(image, np.array(boxes, np.float32).reshape(-1, 4), np.zeros(len(boxes), np.int64), ALL)


@pytest.mark.parametrize("seed", range(12))
def test_boxes_follow_what_they_mark(seed: int) -> None:
    shown = single(example([[60, 30, 130, 70]]), np.random.default_rng(seed), canvas(160))

    assert shown.image.shape == (160, 160, 3)
    for box in shown.boxes:
        x1, y1, x2, y2 = (round(float(side)) for side in box)
        inside = shown.image[y1 + 2 : y2 - 2, x1 + 2 : x2 - 2].astype(float).mean()
        assert inside > shown.image.astype(float).mean() + 30


@pytest.mark.parametrize("seed", range(8))
def test_a_part_of_a_larger_picture_keeps_its_scale(seed: int) -> None:
    shown = single(example([[90, 40, 110, 60]]), np.random.default_rng(seed), canvas(80, times=2.5, is_tilted=False))

    for box in shown.boxes:
        assert 20 * 0.65 * 0.3 < box[2] - box[0] < 20 * 1.3 * 1.5


def test_a_tilted_plane_shrinks_towards_its_top() -> None:
    both = example([[20, 4, 80, 10], [20, 90, 80, 96]], height=100, width=100)
    widths: list[NDArray[np.float32]] = []
    for seed in range(40):
        boxes = single(both, np.random.default_rng(seed), canvas(300, times=1 / 3)).boxes
        if len(boxes) == 2:
            widths.append(boxes[:, 2] - boxes[:, 0])

    far, near = np.array(widths).T
    assert (far / near).min() < 0.8
    assert np.median(far / near) <= 1.0


def test_same_generator_same_picture() -> None:
    one = single(example([[60, 30, 130, 70]]), np.random.default_rng(3), canvas(160))
    other = single(example([[60, 30, 130, 70]]), np.random.default_rng(3), canvas(160))

    np.testing.assert_array_equal(one.image, other.image)
    np.testing.assert_array_equal(one.boxes, other.boxes)


def test_boxes_and_labels_stay_together_and_on_the_canvas() -> None:
    rng = np.random.default_rng(1)
    for _ in range(30):
        shown = single(example([[0, 0, 20, 100], [150, 20, 200, 60]]), rng, canvas(128))

        assert len(shown.boxes) == len(shown.labels)
        assert (shown.boxes >= 0).all()
        assert (shown.boxes <= 128).all()


def test_mosaic_holds_four_pictures_and_keeps_their_masks() -> None:
    only_potholes = np.array([False, False, False, True])
    tiles = [
        Example(one.image, one.boxes, one.labels, only_potholes)
        for one in (example([[50, 20, 150, 80]]) for _ in range(4))
    ]

    shown = mosaic(tiles, np.random.default_rng(5), canvas(160))

    assert 1 <= len(shown.boxes) <= 4
    assert shown.is_labelled.tolist() == only_potholes.tolist()


def test_picture_without_boxes_stays_without() -> None:
    shown = single(example([]), np.random.default_rng(2), canvas(96))

    assert shown.boxes.shape == (0, 4)


@pytest.mark.parametrize("seed", range(10))
def test_weather_changes_a_picture_and_leaves_its_shape(seed: int) -> None:
    picture = np.random.default_rng(7).integers(0, 255, (64, 96, 3), dtype=np.uint8)

    changed = weathered(picture, np.random.default_rng(seed), is_hard=True)

    assert changed.shape == picture.shape
    assert changed.dtype == np.uint8
    assert (changed != picture).any()


def cracked() -> Example:
    """A grey road with one dark pothole."""
    image = np.full((200, 200, 3), 120, np.uint8)
    image[80:120, 70:130] = 40
    return Example(image, np.array([[70, 80, 130, 120]], np.float32), np.array([3]), ALL)


def test_pasted_damage_darkens_the_road_where_its_box_says() -> None:
    patch = patch_at(cracked(), 0)
    assert patch is not None
    clean = example([], height=300, width=300, road=160)

    shown = pasted(clean, [patch], np.random.default_rng(4))

    assert shown.labels.tolist() == [3]
    x1, y1, x2, y2 = (round(float(side)) for side in shown.boxes[0])
    assert shown.image[y1:y2, x1:x2].astype(float).mean() < 0.6 * 160
    outside = shown.image.copy()
    outside[max(y1 - 12, 0) : y2 + 12, max(x1 - 12, 0) : x2 + 12] = 160
    assert (np.abs(outside.astype(int) - 160) <= 2).all()
    assert (clean.image == 160).all()


def test_damage_is_not_pasted_onto_damage() -> None:
    patch = patch_at(cracked(), 0)
    assert patch is not None
    full = example([[0, 0, 300, 300]], height=300, width=300)

    assert len(pasted(full, [patch], np.random.default_rng(4)).boxes) == 1


def test_damage_that_overlaps_other_damage_or_paint_is_no_donor() -> None:
    crowded = cracked()
    both = np.array([[70, 80, 130, 120], [80, 90, 140, 130]], np.float32)
    painted = crowded.image.copy()
    painted[80:120, 90:100] = 250

    assert patch_at(Example(crowded.image, both, np.array([3, 3]), ALL), 0) is None
    assert patch_at(Example(painted, crowded.boxes, crowded.labels, ALL), 0) is None


def test_damage_over_yellow_paint_is_no_donor() -> None:
    painted = cracked()
    image = painted.image.copy()
    image[75:125, 66:74] = (60, 190, 220)

    assert patch_at(Example(image, painted.boxes, painted.labels, ALL), 0) is None


def test_damage_too_faint_to_be_seen_is_not_pasted() -> None:
    patch = patch_at(cracked(), 0)
    assert patch is not None
    faint = dataclasses.replace(patch, ratio=(1 + (patch.ratio - 1) * 0.03).astype(np.float32))

    assert len(pasted(example([], height=300, width=300), [faint], np.random.default_rng(4)).boxes) == 0


def test_plain_road_is_pasted_without_a_box_and_never_cut_from_damage() -> None:
    road = cracked()
    patch = plain_patch(road, road.boxes[0], np.random.default_rng(4))
    assert patch is not None
    assert patch.label is None
    full = Example(road.image, np.array([[0, 0, 300, 300]], np.float32), road.labels, ALL)
    assert plain_patch(full, road.boxes[0], np.random.default_rng(4)) is None

    shown = pasted(example([], height=300, width=300, road=160), [patch], np.random.default_rng(4))

    assert len(shown.boxes) == 0
    assert (shown.image != 160).any()
