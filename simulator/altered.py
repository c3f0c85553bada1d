"""Photos made worse as dusk, speed, rain and a low sun make them worse; named as the quality gate names them."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.readings import Image
from wire.error_model import Quality

DUSK_SHARE = 0.15, 0.3  # of the light
GRAIN = 4.0  # of 255: a camera that turns up its gain
SHAKE_SHARE = 0.012, 0.025  # of the picture's width that a point moves during the exposure
DROPS = 25, 60
DROP_SHARE = 0.01, 0.045  # radius of the picture's width
GLARE_SHARE = 0.35  # one sigma of the brightest place, of the picture's side
VEIL = 70, 130  # of 255, at the middle of the glare


def dark(image: Image, rng: np.random.Generator) -> Image:
    dim = image * rng.uniform(*DUSK_SHARE)
    return _pixels(dim + rng.normal(0, GRAIN, image.shape))


def blurred(image: Image, rng: np.random.Generator) -> Image:
    """Move every point along one line, as a bump does while the shutter is open."""
    length = max(3, round(image.shape[1] * rng.uniform(*SHAKE_SHARE)))
    kernel = np.zeros((length, length), np.float32)
    angle = rng.uniform(0, np.pi)
    for along in np.linspace(-(length - 1) / 2, (length - 1) / 2, 4 * length):
        kernel[round(along * np.sin(angle) + (length - 1) / 2), round(along * np.cos(angle) + (length - 1) / 2)] = 1
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)


def wet(image: Image, rng: np.random.Generator) -> Image:
    """Drops on the pane that show a blurred world, and greyer colours."""
    height, width = image.shape[:2]
    behind = np.asarray(cv2.GaussianBlur(image, (0, 0), width * 0.02), np.float32) * 1.05 + 12
    mask = np.zeros((height, width), np.float32)
    count = int(rng.integers(*DROPS))
    middles = rng.uniform(0, [width, height], (count, 2)).round().astype(int).tolist()
    for middle, share in zip(middles, rng.uniform(*DROP_SHARE, count).tolist(), strict=True):
        cv2.circle(mask, middle, max(2, round(width * share)), 1.0, -1)
    seen_through = np.asarray(cv2.GaussianBlur(mask, (0, 0), width * 0.004), np.float32)[..., None]
    grey = image.mean(axis=2, keepdims=True)
    duller = 0.7 * image + 0.3 * grey
    return _pixels(duller * (1 - seen_through) + behind * seen_through)


def glare(image: Image, rng: np.random.Generator) -> Image:
    """Light that the road mirrors: a bright veil, brightest at one place of the lower half."""
    height, width = image.shape[:2]
    columns = np.arange(width, dtype=np.float32)[None, :] / width - rng.uniform(0.2, 0.8)
    rows = np.arange(height, dtype=np.float32)[:, None] / height - rng.uniform(0.45, 0.8)
    far: NDArray[np.float32] = (columns**2 + rows**2) / GLARE_SHARE**2
    veil = rng.uniform(*VEIL) * (0.35 + 0.65 * np.exp(-far / 2))
    return _pixels(image * 0.8 + np.asarray(veil, np.float32)[..., None])


def _pixels(values: NDArray[np.floating]) -> Image:
    return np.clip(values, 0, 255).astype(np.uint8)


ALTERED: dict[Quality, Callable[[Image, np.random.Generator], Image]] = {
    "dark": dark,
    "blurred": blurred,
    "wet": wet,
    "glare": glare,
}
