"""Variation of what the network sees: scale, place, squeeze, light, blur, mosaic."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.readings import Image

GREY = 114  # of the canvas where no picture lies; the agent pads with the same
SCALES = 0.55, 1.5  # of a picture that covers the canvas's area
SQUEEZES = 0.75, 1.2  # of the height alone: a bus looks along the road more flatly than a telephone
KEPT_SHARE = 0.35  # of a box that must stay on the canvas; and of a long crack it may be less
SMALLEST_PX = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    image: Image
    boxes: NDArray[np.float32]  # (n, 4) xyxy px
    labels: NDArray[np.int64]  # (n,)
    is_labelled: NDArray[np.bool_]  # (classes,)


def single(example: Example, rng: np.random.Generator, size_px: int) -> Example:
    """One picture, scaled, moved, mirrored and lit by chance, on a square canvas."""
    canvas = np.full((size_px, size_px, 3), GREY, np.uint8)
    boxes, labels = _place(canvas, example, rng, (0, 0, size_px, size_px), SCALES)
    return Example(_lit(canvas, rng), boxes, labels, example.is_labelled)


def mosaic(examples: Sequence[Example], rng: np.random.Generator, size_px: int) -> Example:
    """Four pictures around a common corner (Bochkovskiy et al. 2020, YOLOv4).

    All four come from sources that labelled the same classes.
    """
    canvas = np.full((size_px, size_px, 3), GREY, np.uint8)
    x, y = (round(rng.uniform(0.35, 0.65) * size_px) for _ in range(2))
    tiles = [(0, 0, x, y), (x, 0, size_px, y), (0, y, x, size_px), (x, y, size_px, size_px)]
    placed = [_place(canvas, example, rng, tile, (0.5, 1.0)) for example, tile in zip(examples, tiles, strict=True)]
    boxes = np.concatenate([boxes for boxes, _ in placed])
    labels = np.concatenate([labels for _, labels in placed])
    return Example(_lit(canvas, rng), boxes, labels, examples[0].is_labelled)


def _place(
    canvas: Image,
    example: Example,
    rng: np.random.Generator,
    tile: tuple[int, int, int, int],
    scales: tuple[float, float],
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Draw a picture into a tile of the canvas (x1, y1, x2, y2) and return the boxes that stay."""
    height, width = example.image.shape[:2]
    base = canvas.shape[0] / np.sqrt(height * width)
    scale_x = base * np.exp(rng.uniform(*np.log(scales)))
    scale_y = scale_x * rng.uniform(*SQUEEZES)
    left = tile[0] + (tile[2] - tile[0] - width * scale_x) * rng.uniform()
    top = tile[1] + (tile[3] - tile[1] - height * scale_y) * rng.uniform()
    is_mirrored = rng.random() < 0.5  # noqa: PLR2004
    sign = -1.0 if is_mirrored else 1.0
    matrix = np.array([[sign * scale_x, 0.0, left + (width * scale_x if is_mirrored else 0.0)], [0.0, scale_y, top]])
    view = canvas[tile[1] : tile[3], tile[0] : tile[2]]
    local = matrix - np.array([[0.0, 0.0, tile[0]], [0.0, 0.0, tile[1]]])
    source = example.image
    if scale_x < 0.6:  # noqa: PLR2004 (shrink by averaging first, as the agent does: thin cracks must not fall through)
        source = cv2.resize(source, None, fx=scale_x, fy=scale_y, interpolation=cv2.INTER_AREA)
        local = local @ np.diag([width / source.shape[1], height / source.shape[0], 1.0])
    view[:] = cv2.warpAffine(
        source, local, (view.shape[1], view.shape[0]), flags=cv2.INTER_LINEAR, borderValue=(GREY, GREY, GREY)
    )
    return _kept(_moved(example.boxes, matrix), example.labels, tile)


def _moved(boxes: NDArray[np.float32], matrix: NDArray[np.float64]) -> NDArray[np.float32]:
    x = np.sort(boxes[:, 0::2] * matrix[0, 0] + matrix[0, 2], axis=1)
    y = boxes[:, 1::2] * matrix[1, 1] + matrix[1, 2]
    return np.stack([x[:, 0], y[:, 0], x[:, 1], y[:, 1]], axis=1).astype(np.float32)


def _kept(
    boxes: NDArray[np.float32], labels: NDArray[np.int64], tile: tuple[int, int, int, int]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Clip boxes to their tile; cracks may be cut anywhere across, so only slivers go."""
    clipped = boxes.copy()
    clipped[:, 0::2] = np.clip(boxes[:, 0::2], tile[0], tile[2])
    clipped[:, 1::2] = np.clip(boxes[:, 1::2], tile[1], tile[3])
    sides, whole = clipped[:, 2:] - clipped[:, :2], np.maximum(boxes[:, 2:] - boxes[:, :2], 1e-3)
    shares = (sides / whole).min(axis=1)
    is_kept = (sides.min(axis=1) >= SMALLEST_PX) & ((shares >= KEPT_SHARE) | (sides.max(axis=1) > 60))  # noqa: PLR2004
    return clipped[is_kept], labels[is_kept]


def _lit(canvas: Image, rng: np.random.Generator) -> Image:
    """Change brightness, contrast and colour; sometimes blur, grain or JPEG blocks."""
    steps = np.arange(256, dtype=np.float32)
    gain, gamma, shift = np.exp(rng.normal(0, 0.22)), np.exp(rng.normal(0, 0.2)), rng.normal(0, 10)
    tints = np.exp(rng.normal(0, 0.05, 3))
    curve = 255 * (steps / 255) ** gamma * gain + shift
    table = np.clip(curve[:, None] * tints, 0, 255).astype(np.uint8)[None]
    lit = cv2.LUT(canvas, table)
    kind = rng.random()
    if kind < 0.08:  # noqa: PLR2004
        lit = cv2.GaussianBlur(lit, (0, 0), rng.uniform(0.4, 1.1))
    elif kind < 0.16:  # noqa: PLR2004
        lit = cv2.add(lit, rng.normal(0, rng.uniform(2, 8), lit.shape).astype(np.float32), dtype=cv2.CV_8U)
    elif kind < 0.24:  # noqa: PLR2004
        _, coded = cv2.imencode(".jpg", lit, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 75))])
        lit = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    return np.asarray(lit, np.uint8)
