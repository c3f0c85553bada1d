"""Variation of light and weather: brightness, colour, shadow, haze, rain, blur, grain, JPEG blocks."""

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.readings import Image

SHADOW_CHANCE = 0.2
HAZE_CHANCE = 0.1
RAIN_CHANCE = 0.06
SPOILT_CHANCE = 0.4  # one of blur, motion, grain, JPEG


def weathered(image: Image, rng: np.random.Generator, *, is_hard: bool) -> Image:
    """Change light and colour; when `is_hard`, sometimes add what weather and cheap cameras do."""
    if is_hard:
        if rng.random() < SHADOW_CHANCE:
            image = _shadowed(image, rng)
        if rng.random() < HAZE_CHANCE:
            image = _hazy(image, rng)
        if rng.random() < RAIN_CHANCE:
            image = _rainy(image, rng)
    image = _lit(image, rng)
    if rng.random() < (SPOILT_CHANCE if is_hard else SPOILT_CHANCE / 2):
        image = _SPOILERS[int(rng.integers(len(_SPOILERS)))](image, rng)
    return image


def _lit(image: Image, rng: np.random.Generator) -> Image:
    steps = np.arange(256, dtype=np.float32)
    gain, gamma, shift = np.exp(rng.normal(0, 0.17)), np.exp(rng.normal(0, 0.2)), rng.normal(0, 8)
    tints = np.exp(rng.normal(0, 0.05, 3))
    curve = 255 * (steps / 255) ** gamma * gain + shift
    table = np.clip(curve[:, None] * tints, 0, 255).astype(np.uint8)[None]
    return np.asarray(cv2.LUT(image, table), np.uint8)


def _shadowed(image: Image, rng: np.random.Generator) -> Image:
    """Darken a few soft-edged patches, long ones like those of poles and trees."""
    height, width = image.shape[:2]
    mask = np.zeros((height, width), np.float32)
    for _ in range(int(rng.integers(1, 5))):
        middle = rng.uniform(0, [width, height])
        spread = rng.uniform(0.05, 0.6, 2) * width
        corners = middle + rng.normal(0, 1, (int(rng.integers(3, 7)), 2)) * spread
        cv2.fillConvexPoly(mask, cv2.convexHull(corners.astype(np.int32)), 1.0)
    mask = cv2.GaussianBlur(mask, (0, 0), float(np.exp(rng.uniform(0, 2.3))))
    return shaded(image, 1 - mask * np.float32(rng.uniform(0.25, 0.65)))


def _hazy(image: Image, rng: np.random.Generator) -> Image:
    """Mix in grey, more of it towards the top, as fog and a low sun do."""
    strength = rng.uniform(0.1, 0.5) * np.linspace(1, rng.uniform(0.3, 1), image.shape[0], dtype=np.float32)
    share = strength[:, None, None].astype(np.float32)
    return np.clip(image * (1 - share) + float(rng.uniform(120, 235)) * share, 0, 255).astype(np.uint8)


def _rainy(image: Image, rng: np.random.Generator) -> Image:
    """Bright streaks in one direction over a slightly blurred picture."""
    height, width = image.shape[:2]
    drops = (rng.random((height, width)) > 0.996).astype(np.float32)  # noqa: PLR2004
    length = int(rng.integers(7, 21))
    kernel = _line(length, float(rng.normal(90, 12)))
    streaks = cv2.filter2D(drops, -1, kernel * length)[..., None]
    return np.clip(cv2.GaussianBlur(image, (0, 0), 0.6) + 60 * streaks, 0, 255).astype(np.uint8)


def _soft(image: Image, rng: np.random.Generator) -> Image:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.4)), np.uint8)


def _shaken(image: Image, rng: np.random.Generator) -> Image:
    kernel = _line(int(rng.integers(3, 9)), float(rng.uniform(0, 180)))
    return np.asarray(cv2.filter2D(image, -1, kernel), np.uint8)


def _grainy(image: Image, rng: np.random.Generator) -> Image:
    grain = rng.normal(0, rng.uniform(2, 10), image.shape).astype(np.float32)
    return np.asarray(cv2.add(image, grain, dtype=cv2.CV_8U), np.uint8)


def _blocky(image: Image, rng: np.random.Generator) -> Image:
    _, coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 75))])
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)


_SPOILERS = (_soft, _shaken, _grainy, _blocky)


def _line(length: int, angle_deg: float) -> NDArray[np.float32]:
    """Kernel that smears along a line; its sum is 1."""
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1
    turn = cv2.getRotationMatrix2D((length / 2 - 0.5, length / 2 - 0.5), angle_deg, 1.0)
    turned = cv2.warpAffine(kernel, turn, (length, length))
    return np.asarray(turned / turned.sum(), np.float32)


def shaded(image: Image, factor: NDArray[np.float32]) -> Image:
    """Multiply the brightness of each pixel by its own factor (h, w)."""
    return np.clip(image * factor[..., None], 0, 255).astype(np.uint8)
