"""Seams that are drawn over training pictures: straight, on the road alone, and no damage."""

import numpy as np
import pytest

from models.road_damage.training.augment import Example
from models.road_damage.training.seams import HIGHEST, with_seams

HEIGHT, WIDTH = 200, 300


def plain_road() -> Example:
    return Example(
        np.full((HEIGHT, WIDTH, 3), 120, np.uint8),
        np.array([[60, 130, 130, 170]], np.float32),
        np.array([0], np.int64),
        np.ones(4, np.bool_),
    )


@pytest.mark.parametrize("seed", range(20))
def test_seams_change_the_road_and_neither_the_sky_nor_the_boxes(seed: int) -> None:
    road = plain_road()
    seen = with_seams(road, np.random.default_rng(seed))
    assert np.array_equal(seen.boxes, road.boxes)
    assert np.array_equal(seen.labels, road.labels)
    assert (seen.image[: round(HIGHEST * HEIGHT)] == 120).all()
    assert (plain_road().image == road.image).all()


def test_most_pictures_show_their_seams() -> None:
    shown = [with_seams(plain_road(), np.random.default_rng(seed)).image for seed in range(50)]
    assert sum(bool((image != 120).any()) for image in shown) >= 40


def test_the_same_seed_draws_the_same_seams() -> None:
    first, second = (with_seams(plain_road(), np.random.default_rng(4)).image for _ in range(2))
    assert np.array_equal(first, second)
