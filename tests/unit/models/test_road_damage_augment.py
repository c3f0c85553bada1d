import numpy as np
import pytest

from models.road_damage.training.augment import Example, mosaic, single

ALL = np.ones(4, np.bool_)


def example(boxes: list[list[float]], *, height: int = 100, width: int = 200) -> Example:
    """A dark picture whose boxes are white."""
    image = np.full((height, width, 3), 40, np.uint8)
    for x1, y1, x2, y2 in boxes:
        image[round(y1) : round(y2), round(x1) : round(x2)] = 250
    return Example(image, np.array(boxes, np.float32).reshape(-1, 4), np.zeros(len(boxes), np.int64), ALL)


@pytest.mark.parametrize("seed", range(12))
def test_boxes_follow_what_they_mark(seed: int) -> None:
    shown = single(example([[60, 30, 130, 70]]), np.random.default_rng(seed), 160)

    assert shown.image.shape == (160, 160, 3)
    for box in shown.boxes:
        x1, y1, x2, y2 = (round(float(side)) for side in box)
        inside = shown.image[y1 + 2 : y2 - 2, x1 + 2 : x2 - 2].astype(float).mean()
        assert inside > shown.image.astype(float).mean() + 30


def test_same_generator_same_picture() -> None:
    one = single(example([[60, 30, 130, 70]]), np.random.default_rng(3), 160)
    other = single(example([[60, 30, 130, 70]]), np.random.default_rng(3), 160)

    np.testing.assert_array_equal(one.image, other.image)
    np.testing.assert_array_equal(one.boxes, other.boxes)


def test_boxes_and_labels_stay_together_and_on_the_canvas() -> None:
    rng = np.random.default_rng(1)
    for _ in range(30):
        shown = single(example([[0, 0, 20, 100], [150, 20, 200, 60]]), rng, 128)

        assert len(shown.boxes) == len(shown.labels)
        assert (shown.boxes >= 0).all()
        assert (shown.boxes <= 128).all()


def test_mosaic_holds_four_pictures_and_keeps_their_masks() -> None:
    only_potholes = np.array([False, False, False, True])
    tiles = [
        Example(one.image, one.boxes, one.labels, only_potholes)
        for one in (example([[50, 20, 150, 80]]) for _ in range(4))
    ]

    shown = mosaic(tiles, np.random.default_rng(5), 160)

    assert 1 <= len(shown.boxes) <= 4
    assert shown.is_labelled.tolist() == only_potholes.tolist()


def test_picture_without_boxes_stays_without() -> None:
    shown = single(example([]), np.random.default_rng(2), 96)

    assert shown.boxes.shape == (0, 4)
