"""Straight lines that every road has and nobody repairs: joints, cuts, edges of strips of asphalt. They get no box."""

import cv2
import numpy as np
from numpy.typing import NDArray

from models.road_damage.training.augment import Example
from models.road_damage.training.weather import shaded

MOST_SEAMS = 3
ACROSS_CHANCE = 0.25
STRIP_CHANCE = 0.4  # that the edges of a strip of other asphalt are seen instead of a line
HIGHEST = 0.4  # share of the height above which none is drawn: there is no road
VANISHING = -0.8, 0.35  # where seams along the road meet, as a share of the height: above a picture that looks down
LINES = 0.003, 0.016  # width of a line at its foot, as a share of the picture's
STRIPS = 0.1, 0.9
LINE_DEPTHS = 0.04, 0.35  # share by which it is darker than the road
STRIP_DEPTHS = 0.03, 0.14
LIGHT_CHANCE = 0.25  # that it is lighter instead
SOFTNESS_PX = 0.5, 2.0
SUBPIXEL_BITS = 4


def with_seams(example: Example, rng: np.random.Generator) -> Example:
    """Draw a few seams over the road of a picture; its boxes stay as they are."""
    height, width = example.image.shape[:2]
    vanishing = np.array([rng.uniform(0.25, 0.75) * width, rng.uniform(*VANISHING) * height])
    shade = np.ones((height, width), np.float32)
    for _ in range(int(rng.integers(1, MOST_SEAMS + 1))):
        shade *= _seam(shade.shape, vanishing, rng)
    shade[: round(HIGHEST * height)] = 1
    return Example(shaded(example.image, shade), example.boxes, example.labels, example.is_labelled)


def _seam(shape: tuple[int, ...], vanishing: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float32]:
    """By what one seam multiplies the brightness of each pixel."""
    is_strip = rng.random() < STRIP_CHANCE
    thick_px = shape[1] * float(np.exp(rng.uniform(*np.log(STRIPS if is_strip else LINES))))
    depth = rng.uniform(*(STRIP_DEPTHS if is_strip else LINE_DEPTHS)) * (-1 if rng.random() < LIGHT_CHANCE else 1)
    corners = _across(shape, thick_px, rng) if rng.random() < ACROSS_CHANCE else _along(shape, thick_px, vanishing, rng)
    mask = np.zeros(shape, np.float32)
    cv2.fillConvexPoly(mask, np.round(corners * 2**SUBPIXEL_BITS).astype(np.int32), 1.0, shift=SUBPIXEL_BITS)
    soft = cv2.GaussianBlur(mask, (0, 0), rng.uniform(*SOFTNESS_PX))
    return np.asarray(1 - depth * soft, np.float32)


def _along(
    shape: tuple[int, ...], thick_px: float, vanishing: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Corners of a seam that narrows towards where all along the road meet."""
    height, width = shape
    left = rng.uniform(-0.6, 1.6) * width
    return np.array([[left, height], [left + thick_px, height], vanishing])


def _across(shape: tuple[int, ...], thick_px: float, rng: np.random.Generator) -> NDArray[np.float64]:
    height, width = shape
    top, slope, flat_px = rng.uniform(HIGHEST, 1.0) * height, rng.normal(0, 0.06) * width, 0.6 * thick_px
    return np.array([[0, top], [width, top + slope], [width, top + slope + flat_px], [0, top + flat_px]])
