"""Variation of where and how large things stand: scale, squeeze, tilt, place, mosaic. Light and weather follow."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.readings import Image
from models.road_damage.training.weather import weathered

GREY = 114  # of the canvas where no picture lies; the agent pads with the same
SQUEEZES = 0.55, 1.15  # of the height alone: a bus looks along the road more flatly than a telephone
TILTS = -0.1, 0.5  # how much smaller the top edge is shown: a plane looked at more flatly
TILT_CHANCE = 0.5
FOCUS_CHANCE = 0.7  # that a picture larger than its place is cut around one of its boxes
MOSAIC_SCALES = 0.45, 0.9
KEPT_SHARE = 0.35  # of a box that must stay on the canvas; and of a long crack it may be less
LONG_PX = 60
SMALLEST_PX = 2.0
AVERAGED_BELOW = 0.6  # scale from which a picture is first shrunk by averaging: thin cracks must not fall through


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    image: Image
    boxes: NDArray[np.float32]  # (n, 4) xyxy px
    labels: NDArray[np.int64]  # (n,)
    is_labelled: NDArray[np.bool_]  # (classes,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Canvas:
    """What a picture is put on: a square of `size_px`, the area of which a picture covers at scale 1."""

    size_px: int
    scales: tuple[float, float]
    is_tilted: bool = True
    has_weather: bool = True


@dataclass(frozen=True, slots=True)
class Tile:
    left: int
    top: int
    right: int
    bottom: int


def single(example: Example, rng: np.random.Generator, canvas: Canvas) -> Example:
    """One picture, scaled, tilted, moved, mirrored and lit by chance."""
    image = _blank(canvas)
    boxes, labels = _place(
        image, example, rng, Tile(0, 0, canvas.size_px, canvas.size_px), canvas=canvas, scales=canvas.scales
    )
    return Example(weathered(image, rng, is_hard=canvas.has_weather), boxes, labels, example.is_labelled)


def mosaic(examples: Sequence[Example], rng: np.random.Generator, canvas: Canvas) -> Example:
    """Four pictures around a common corner (Bochkovskiy et al. 2020, YOLOv4).

    All four come from sources that labelled the same classes.
    """
    image = _blank(canvas)
    x, y = (round(rng.uniform(0.35, 0.65) * canvas.size_px) for _ in range(2))
    end = canvas.size_px
    tiles = [Tile(0, 0, x, y), Tile(x, 0, end, y), Tile(0, y, x, end), Tile(x, y, end, end)]
    placed = [
        _place(image, one, rng, tile, canvas=canvas, scales=MOSAIC_SCALES)
        for one, tile in zip(examples, tiles, strict=True)
    ]
    boxes = np.concatenate([boxes for boxes, _ in placed])
    labels = np.concatenate([labels for _, labels in placed])
    return Example(weathered(image, rng, is_hard=canvas.has_weather), boxes, labels, examples[0].is_labelled)


def _blank(canvas: Canvas) -> Image:
    return np.full((canvas.size_px, canvas.size_px, 3), GREY, np.uint8)


def _place(
    image: Image,
    example: Example,
    rng: np.random.Generator,
    tile: Tile,
    *,
    canvas: Canvas,
    scales: tuple[float, float],
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Draw a picture into a tile and return the boxes that stay, in pixels of the canvas."""
    height, width = example.image.shape[:2]
    base = canvas.size_px / np.sqrt(height * width)
    scale_x = base * np.exp(rng.uniform(*np.log(scales)))
    scale_y = scale_x * rng.uniform(*SQUEEZES)
    tilt = rng.uniform(*TILTS) if canvas.is_tilted and rng.random() < TILT_CHANCE else 0.0
    mirror = -1.0 if rng.random() < 0.5 else 1.0  # noqa: PLR2004
    matrix = np.diag([mirror * scale_x, scale_y, 1.0]) @ _tilted(height, width, tilt)
    corners = _through(matrix, np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float64))
    boxes = _moved(example.boxes, matrix)
    shift = _shift(corners.min(axis=0), corners.max(axis=0), boxes, rng, tile)
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]], [0, 0, 1]]) @ matrix
    _draw(image, example.image, matrix, tile, (scale_x, scale_y))
    return _kept(boxes + np.tile(shift, 2).astype(np.float32), example.labels, tile)


def _tilted(height: int, width: int, tilt: float) -> NDArray[np.float64]:
    """Projective map of a plane looked at more flatly: the bottom edge stays, the top shrinks by 1 / (1 + tilt).

    With u to the right of the middle and v upwards from the bottom edge: (u, v) / (1 + tilt * v / height).
    """
    to_bottom = np.array([[1, 0, -width / 2], [0, 1, -height], [0, 0, 1]], np.float64)
    flat = np.array([[1, 0, 0], [0, 1, 0], [0, -tilt / height, 1]], np.float64)
    return np.linalg.inv(to_bottom) @ flat @ to_bottom


def _shift(
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    boxes: NDArray[np.float32],
    rng: np.random.Generator,
    tile: Tile,
) -> NDArray[np.float64]:
    """Where a picture from `low` to `high` goes: anywhere inside its tile or, if larger, cut, mostly around a box."""
    start, end = np.array([tile.left, tile.top], np.float64), np.array([tile.right, tile.bottom], np.float64)
    room = (end - start) - (high - low)
    shift = start - low + room * rng.uniform(size=2)
    if len(boxes) and rng.random() < FOCUS_CHANCE:
        box = boxes[int(rng.integers(len(boxes)))]
        wanted = start + (end - start) * rng.uniform(0.15, 0.85, 2) - (box[:2] + box[2:]) / 2
        shift = np.where(room < 0, np.clip(wanted, end - high, start - low), shift)
    return shift


def _draw(image: Image, source: Image, matrix: NDArray[np.float64], tile: Tile, scales: tuple[float, float]) -> None:
    view = image[tile.top : tile.bottom, tile.left : tile.right]
    local = np.array([[1, 0, -tile.left], [0, 1, -tile.top], [0, 0, 1]], np.float64) @ matrix
    if min(scales) < AVERAGED_BELOW:
        height, width = source.shape[:2]
        shrunk = [scale if scale < AVERAGED_BELOW else 1.0 for scale in scales]
        source = np.asarray(
            cv2.resize(source, None, fx=shrunk[0], fy=shrunk[1], interpolation=cv2.INTER_AREA), np.uint8
        )
        local = local @ np.diag([width / source.shape[1], height / source.shape[0], 1.0])
    size = (view.shape[1], view.shape[0])
    view[:] = cv2.warpPerspective(source, local, size, flags=cv2.INTER_LINEAR, borderValue=(GREY, GREY, GREY))


def _through(matrix: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points (n, 2) through a projective map."""
    mapped = np.concatenate([points, np.ones((len(points), 1))], axis=1) @ matrix.T
    return mapped[:, :2] / mapped[:, 2:]


def _moved(boxes: NDArray[np.float32], matrix: NDArray[np.float64]) -> NDArray[np.float32]:
    """Boxes (n, 4) around their four mapped corners."""
    corners = boxes[:, [[0, 1], [2, 1], [0, 3], [2, 3]]].astype(np.float64)
    mapped = _through(matrix, corners.reshape(-1, 2)).reshape(-1, 4, 2)
    return np.concatenate([mapped.min(axis=1), mapped.max(axis=1)], axis=1).astype(np.float32).reshape(-1, 4)


def _kept(
    boxes: NDArray[np.float32], labels: NDArray[np.int64], tile: Tile
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Clip boxes to their tile; cracks may be cut anywhere across, so only slivers go."""
    clipped = boxes.copy()
    clipped[:, 0::2] = np.clip(boxes[:, 0::2], tile.left, tile.right)
    clipped[:, 1::2] = np.clip(boxes[:, 1::2], tile.top, tile.bottom)
    sides, whole = clipped[:, 2:] - clipped[:, :2], np.maximum(boxes[:, 2:] - boxes[:, :2], 1e-3)
    shares = (sides / whole).min(axis=1)
    is_kept = (sides.min(axis=1) >= SMALLEST_PX) & ((shares >= KEPT_SHARE) | (sides.max(axis=1) > LONG_PX))
    return clipped[is_kept], labels[is_kept]
