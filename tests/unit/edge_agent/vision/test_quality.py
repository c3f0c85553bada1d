from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_agent.readings import Image
from edge_agent.vision.quality import judge_frame
from wire.messages import Unusable


@pytest.fixture
def road() -> Image:
    """Sky, kerbs and a road with grain and a crack, drawn with numpy."""
    rng = np.random.default_rng(0)
    image = np.full((480, 640, 3), 170, np.uint8)
    image[200:] = 110
    image[200:, :120] = image[200:, 520:] = 70
    image[200:, 316:324] = 210
    image[300:420, 200:204] = 40
    grain = rng.normal(0, 12, image.shape)
    return np.clip(image + grain, 0, 255).astype(np.uint8)


def _lit(image: Image, factor: float) -> Image:
    return np.clip(image * factor, 0, 255).astype(np.uint8)


def _blurred(image: Image, sigma: float) -> Image:
    return cv2.GaussianBlur(image, (0, 0), sigma).astype(np.uint8)


def _glaring(image: Image) -> Image:
    image = image.copy()
    cv2.circle(image, (320, 400), 210, (255, 255, 255), -1)
    return image


def _covered(image: Image, share: float) -> Image:
    image = image.copy()
    image[: round(share * len(image))] = 120
    return image


Alter = Callable[[Image], Image]
SPOILED: dict[str, tuple[Alter, Unusable]] = {
    "night": (lambda image: _lit(image, 0.1), Unusable.DARK),
    "black": (lambda image: _lit(image, 0.0), Unusable.DARK),
    "out of focus": (lambda image: _blurred(image, 3), Unusable.BLURRED),
    "fogged": (lambda image: _blurred(image, 8), Unusable.BLURRED),
    "low sun": (_glaring, Unusable.GLARE),
    "covered": (lambda image: _covered(image, 0.95), Unusable.BLOCKED),
    "grey": (lambda image: _covered(image, 1.0), Unusable.BLOCKED),
}
ORDINARY: dict[str, Alter] = {
    "overcast": lambda image: _lit(image, 0.5),
    "bright": lambda image: _lit(image, 1.25),
    "a little soft": lambda image: _blurred(image, 0.7),
}


def test_a_plain_road_is_usable(road: Image) -> None:
    assert judge_frame(road) is None


@pytest.mark.parametrize("name", SPOILED)
def test_a_spoiled_frame_is_named(road: Image, name: str) -> None:
    alter, reason = SPOILED[name]
    assert judge_frame(alter(road)) is reason


@pytest.mark.parametrize("name", ORDINARY)
def test_an_ordinary_frame_passes(road: Image, name: str) -> None:
    assert judge_frame(ORDINARY[name](road)) is None


@pytest.mark.parametrize("shape", [(16, 16, 3), (20, 400, 3), (2000, 30, 3)])
def test_odd_sizes_are_judged(shape: tuple[int, int, int]) -> None:
    assert judge_frame(np.full(shape, 128, np.uint8)) is not None


@pytest.mark.data
def test_real_daylight_frames_pass(data_folder: Path) -> None:
    photos = sorted((data_folder / "drive").rglob("*.jpg"))[::12]
    images = [cv2.imread(str(photo)) for photo in photos]
    refused = [judge_frame(image.astype(np.uint8)) for image in images if image is not None]
    assert refused == [None] * len(photos)
