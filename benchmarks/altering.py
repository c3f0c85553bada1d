"""Photos spoiled as night, speed, focus, rain, dirt, a low sun and a knocked camera spoil them.

Each so far that a person would not look for cracks in them any more.
"""

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.readings import Image
from wire.messages import Unusable

LIGHT_SHARE: Final = 0.04, 0.12
GRAIN: Final = 4.0  # of 255: a camera that turns up its gain
MOTION_SHARE: Final = 0.02, 0.04  # of the width that a point moves while the shutter is open
FOCUS_SHARE: Final = 0.005, 0.012  # one sigma of the blur, of the width
DROPS: Final = 120, 200
DROP_SHARE: Final = 0.015, 0.045  # radius, of the width
SMEARS: Final = 14, 22
SMEAR_SHARE: Final = 0.08, 0.16
OPAQUE: Final = 0.85, 0.97
SUN_SHARE: Final = 0.3, 0.5  # one sigma of the light, of the picture's side
SUN: Final = 500.0
COVERED_SHARE: Final = 0.85, 1.0

Alter = Callable[[Image, np.random.Generator], Image]


def dark(image: Image, rng: np.random.Generator) -> Image:
    return _pixels(image * rng.uniform(*LIGHT_SHARE) + rng.normal(0, GRAIN / 2, image.shape))


def moved(image: Image, rng: np.random.Generator) -> Image:
    """Along one line, as the road moves before a fast bus or a camera shakes."""
    length = max(3, round(image.shape[1] * rng.uniform(*MOTION_SHARE)))
    angle = rng.uniform(0, np.pi)
    reach = np.linspace(-(length - 1) / 2, (length - 1) / 2, 4 * length)
    places = (reach[:, None] * [np.sin(angle), np.cos(angle)] + (length - 1) / 2).round().astype(int)
    kernel = np.zeros((length, length), np.float32)
    kernel[places[:, 0], places[:, 1]] = 1
    return _with_grain(cv2.filter2D(image, -1, kernel / kernel.sum()).astype(np.float32), rng)


def out_of_focus(image: Image, rng: np.random.Generator) -> Image:
    sigma = image.shape[1] * rng.uniform(*FOCUS_SHARE)
    return _with_grain(cv2.GaussianBlur(image, (0, 0), sigma).astype(np.float32), rng)


def rain(image: Image, rng: np.random.Generator) -> Image:
    return drops_on_pane(image, rng)(image, rng)


def dirt(image: Image, rng: np.random.Generator) -> Image:
    return mud_on_pane(image, rng)(image, rng)


def drops_on_pane(image: Image, rng: np.random.Generator) -> Alter:
    """Drops that stay where they are before pictures of this size: each shows the world blurred and brighter."""
    share = _blobs(image, rng, count=DROPS, radius_share=DROP_SHARE, edge_share=0.004)

    def alter(image: Image, rng: np.random.Generator) -> Image:
        behind = cv2.GaussianBlur(image, (0, 0), image.shape[1] * 0.025).astype(np.float32) * 1.05 + 12
        return _with_grain(image * (1 - share) + behind * share, rng)

    return alter


def mud_on_pane(image: Image, rng: np.random.Generator) -> Alter:
    """Mud that stays where it is before pictures of this size, out of focus."""
    share = _blobs(image, rng, count=SMEARS, radius_share=SMEAR_SHARE, edge_share=0.03) * rng.uniform(*OPAQUE)
    mud = np.array([40, 60, 75], np.float32) * rng.uniform(0.5, 1.5)

    def alter(image: Image, rng: np.random.Generator) -> Image:
        return _with_grain(image * (1 - share) + mud * share, rng)

    return alter


def low_sun(image: Image, rng: np.random.Generator) -> Image:
    """The sun mirrored by a wet road: a part of the lower half is white."""
    height, width = image.shape[:2]
    columns = np.arange(width, dtype=np.float32)[None, :] / width - rng.uniform(0.3, 0.7)
    rows = np.arange(height, dtype=np.float32)[:, None] / height - rng.uniform(0.6, 0.9)
    light = SUN * np.exp(-(columns**2 + rows**2) / (2 * rng.uniform(*SUN_SHARE) ** 2))
    return _pixels(image + light[..., None])


def covered(image: Image, rng: np.random.Generator) -> Image:
    """A wiper, a leaf or a curtain right before the lens."""
    image = image.copy()
    width = round(image.shape[1] * rng.uniform(*COVERED_SHARE))
    colour = rng.uniform(20, 200, 3)
    image[:, :width] = colour
    return _with_grain(cv2.GaussianBlur(image, (0, 0), image.shape[1] * 0.01).astype(np.float32), rng)


def to_the_sky(image: Image, rng: np.random.Generator) -> Image:  # noqa: ARG001 - the sky is where it is
    """The upper quarter alone: a camera that was knocked upwards."""
    height, width = image.shape[:2]
    return cv2.resize(image[: height // 4], (width, height), interpolation=cv2.INTER_LINEAR).astype(np.uint8)


def upside_down(image: Image, rng: np.random.Generator) -> Image:  # noqa: ARG001 - there is one way
    return np.ascontiguousarray(image[::-1, ::-1])


def on_its_side(image: Image, rng: np.random.Generator) -> Image:  # noqa: ARG001 - there is one way
    """The middle square, turned by a quarter, over the whole picture."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    turned = cv2.rotate(image[top : top + side, left : left + side], cv2.ROTATE_90_CLOCKWISE)
    return cv2.resize(turned, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False)


KINDS: Final[dict[str, tuple[Alter, frozenset[Unusable]]]] = {
    "dark": (dark, frozenset({Unusable.DARK})),
    "motion": (moved, frozenset({Unusable.BLURRED})),
    "out of focus": (out_of_focus, frozenset({Unusable.BLURRED})),
    "rain on the pane": (rain, frozenset({Unusable.BLURRED, Unusable.WET})),
    "dirt on the pane": (dirt, frozenset({Unusable.BLURRED, Unusable.BLOCKED})),
    "low sun": (low_sun, frozenset({Unusable.GLARE})),
    "covered": (covered, frozenset({Unusable.BLOCKED})),
    "to the sky": (to_the_sky, frozenset({Unusable.WRONG_VIEW, Unusable.BLOCKED, Unusable.GLARE, Unusable.BLURRED})),
    "upside down": (upside_down, frozenset({Unusable.WRONG_VIEW})),
}
"""Each way to spoil a photo, with the words of the gate that name it rightly."""


def _blobs(
    image: Image,
    rng: np.random.Generator,
    *,
    count: tuple[int, int],
    radius_share: tuple[float, float],
    edge_share: float,
) -> NDArray[np.float32]:
    """Opacity (H, W, 1) of round spots with soft edges."""
    height, width = image.shape[:2]
    mask: NDArray[np.float32] = np.zeros((height, width), np.float32)
    for _ in range(int(rng.integers(*count))):
        middle = int(rng.random() * width), int(rng.random() * height)
        cv2.circle(mask, middle, max(2, round(width * rng.uniform(*radius_share))), 1.0, -1)
    soft = cv2.GaussianBlur(mask, (0, 0), max(0.8, width * edge_share))
    return np.asarray(soft, np.float32)[..., None]


def _with_grain(values: NDArray[np.floating], rng: np.random.Generator) -> Image:
    """Sensors have grain behind whatever blurs: without it blur would be too easy to see."""
    return _pixels(values + rng.normal(0, 1.5, values.shape))


def _pixels(values: NDArray[np.floating]) -> Image:
    return np.clip(values, 0, 255).astype(np.uint8)
