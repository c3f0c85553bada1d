"""Shapes of damage on the road plane: cracks, networks of cracks and holes, each from its own seed."""

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

PIXELS_PER_METRE = 50
Plane = NDArray[np.float32]  # (rows along the road, columns across), values 0..1
Outline = NDArray[np.float32]  # (n, 2) metres from the middle: forward, right
SUPERSAMPLING = 2
SHIFT_BITS = 4  # OpenCV draws at fractions of a pixel: 2 ** 4 steps
CELL_M = 0.24  # of an alligator crack
DRAWN_AT_LEAST = 0.25  # darkness from which a pixel counts as drawn


@dataclass(frozen=True, slots=True)
class Stamp:
    """Damage seen from above, one pixel = 1 / PIXELS_PER_METRE metres.

    `dark` says how far the road's own grey goes towards `grey`.
    """

    dark: Plane
    grey: float
    outline: Outline


@lru_cache(maxsize=512)
def stamp_of(class_code: str, *, length_m: float, width_m: float, seed: int) -> Stamp:
    """Draw one piece of damage; the same arguments give the same shape.

    Raises:
        ValueError: the class has no drawing.
    """
    rng = np.random.default_rng((seed, sum(class_code.encode())))
    size = (_pixels(length_m), _pixels(width_m))
    match class_code:
        case "D00":
            dark, grey = _crack(rng, size), 0.22
        case "D10":
            dark, grey = np.ascontiguousarray(_crack(rng, (size[1], size[0])).T), 0.22
        case "D20":
            dark, grey = _network(rng, size), 0.25
        case "D40":
            dark, grey = _hole(rng, size), 0.2
        case "manhole":
            dark, grey = _manhole(size), 0.3
        case "patch":
            dark, grey = _patch(size), 0.4
        case _:
            raise ValueError(f"no drawing for class {class_code!r}, expected D00, D10, D20, D40, manhole or patch")
    return Stamp(dark=dark, grey=grey, outline=_outline(dark))


def _pixels(metres: float) -> int:
    return max(3, round(metres * PIXELS_PER_METRE))


def _outline(dark: Plane) -> Outline:
    """Hull of what was drawn, in metres from the stamp's middle."""
    rows, columns = np.nonzero(dark > DRAWN_AT_LEAST)
    points = np.stack([columns, rows], -1).astype(np.int32)
    hull = cv2.convexHull(points).reshape(-1, 2).astype(np.float32)
    middle = np.array([dark.shape[1] - 1, dark.shape[0] - 1], np.float32) / 2
    return ((hull - middle) / PIXELS_PER_METRE)[:, ::-1].astype(np.float32)


def _canvas(size: tuple[int, int]) -> NDArray[np.uint8]:
    return np.zeros((size[0] * SUPERSAMPLING, size[1] * SUPERSAMPLING), np.uint8)


def _shrunk(canvas: NDArray[np.uint8], size: tuple[int, int]) -> Plane:
    small = cv2.resize(canvas, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    return (small / 255).astype(np.float32)


def _line(canvas: NDArray[np.uint8], points: NDArray[np.float64], thickness: int, value: int = 255) -> None:
    """Draw points (n, 2), x and y as shares of the canvas."""
    extent = np.array([canvas.shape[1] - 1, canvas.shape[0] - 1]) * 2**SHIFT_BITS
    fixed = np.round(np.clip(points, 0, 1) * extent).astype(np.int32)
    cv2.polylines(
        canvas, [fixed], isClosed=False, color=value, thickness=thickness, lineType=cv2.LINE_AA, shift=SHIFT_BITS
    )


def _walk(rng: np.random.Generator, steps: int) -> NDArray[np.float64]:
    """Sideways course of a crack, 0..1, that touches both limits."""
    raw = np.cumsum(rng.normal(0, 1, steps)) + 0.8 * rng.normal(0, 1, steps)
    tilt: NDArray[np.float64] = np.linspace(raw[0], raw[-1], steps, dtype=np.float64)
    course = raw - tilt * rng.uniform(0.2, 1.0)
    lowest, highest = float(np.min(course)), float(np.max(course))
    return (course - lowest) / max(highest - lowest, 1e-6)


def _crack(rng: np.random.Generator, size: tuple[int, int]) -> Plane:
    """Crack along the rows, now thick, now thin, with a few branches."""
    canvas = _canvas(size)
    steps = max(6, size[0] // 7)
    down = np.linspace(0, 1, steps)
    course = 0.04 + 0.92 * _walk(rng, steps)
    thickest = int(rng.integers(3, 6))
    for start in range(steps - 1):
        piece = np.stack([course[start : start + 2], down[start : start + 2]], -1)
        _line(canvas, piece, int(rng.integers(2, thickest + 1)), int(rng.integers(170, 256)))
    for _ in range(int(rng.integers(0, 4))):
        _branch(rng, canvas, course, down)
    return _shrunk(canvas, size)


def _branch(
    rng: np.random.Generator, canvas: NDArray[np.uint8], course: NDArray[np.float64], down: NDArray[np.float64]
) -> None:
    start = int(rng.integers(0, len(course)))
    steps = 5
    x = course[start] + np.linspace(0, rng.normal(0, 0.5), steps) + rng.normal(0, 0.03, steps)
    y = down[start] + np.linspace(0, rng.normal(0, 0.15), steps)
    _line(canvas, np.stack([x, y], -1), 2, int(rng.integers(120, 220)))


def _network(rng: np.random.Generator, size: tuple[int, int]) -> Plane:
    """Cells of cracks inside a ragged patch."""
    canvas = _canvas(size)
    cell_px = CELL_M * PIXELS_PER_METRE * rng.uniform(0.8, 1.3)
    rows, columns = (max(2, round(extent / cell_px)) for extent in size)
    y, x = np.indices((rows + 1, columns + 1), dtype=np.float64)
    nodes: NDArray[np.float64] = np.stack(
        [(x + rng.uniform(-0.4, 0.4, x.shape)) / columns, (y + rng.uniform(-0.4, 0.4, y.shape)) / rows], -1
    )
    inside = _inside_patch(rng, nodes)
    for row, column in np.ndindex(rows + 1, columns + 1):
        for next_row, next_column in ((row + 1, column), (row, column + 1), (row + 1, column + 1)):
            is_diagonal = next_row > row and next_column > column
            if next_row > rows or next_column > columns or rng.random() < (0.8 if is_diagonal else 0.08):
                continue
            if inside[row, column] and inside[next_row, next_column]:
                _edge(rng, canvas, nodes[row, column], nodes[next_row, next_column])
    shade = cv2.blur(canvas, (9, 9)).astype(np.float32) / 255
    shade = cv2.resize(shade, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    return np.clip(_shrunk(canvas, size) + 0.25 * shade, 0, 1).astype(np.float32)


def _inside_patch(rng: np.random.Generator, nodes: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Nodes within an ellipse whose radius wobbles."""
    offset = nodes - 0.5
    angle = np.arctan2(offset[..., 1], offset[..., 0])
    phases = rng.uniform(0, 2 * math.pi, 3)
    radius = 0.58 + sum(rng.uniform(0, 0.05) * np.sin((k + 2) * angle + phases[k]) for k in range(3))
    return np.hypot(offset[..., 0], offset[..., 1]) < radius


def _edge(
    rng: np.random.Generator, canvas: NDArray[np.uint8], start: NDArray[np.float64], end: NDArray[np.float64]
) -> None:
    middle = (start + end) / 2 + rng.normal(0, 0.12, 2) * np.abs(end - start).max()
    _line(canvas, np.stack([start, middle, end]), int(rng.integers(2, 5)), int(rng.integers(170, 256)))


def _hole(rng: np.random.Generator, size: tuple[int, int]) -> Plane:
    """Ragged hole: darkest at the wall that hides its own shadow, gravel on its floor, crumbs around it."""
    canvas = _canvas(size)
    angle = np.linspace(0, 2 * math.pi, 40, endpoint=False)
    radius = 0.44 + sum(rng.uniform(0, 0.07) / k * np.sin(k * angle + rng.uniform(0, 2 * math.pi)) for k in range(2, 9))
    radius = np.clip(radius, 0.25, 0.5)
    extent = np.array([canvas.shape[1], canvas.shape[0]], np.float64)
    rim = ((0.5 + np.stack([np.cos(angle), np.sin(angle)], -1) * radius[:, None]) * extent).astype(np.int32)
    cv2.fillPoly(canvas, [rim], 255, cv2.LINE_AA)
    hole = _shrunk(canvas, size)
    depth = cv2.GaussianBlur(hole, (0, 0), max(1.0, min(size) / 10))
    rows = np.linspace(1.0, 0.55, size[0], dtype=np.float32)[:, None]
    gravel = cv2.GaussianBlur(rng.normal(0, 1, size).astype(np.float32), (0, 0), 1.0) * 0.35
    return np.clip(hole * (0.35 + 0.65 * depth * rows + gravel * hole), 0, 1).astype(np.float32)


def _manhole(size: tuple[int, int]) -> Plane:
    """Round cover with a dark rim and rings."""
    canvas = _canvas(size)
    middle, radius = (canvas.shape[1] // 2, canvas.shape[0] // 2), min(canvas.shape) // 2 - 2
    cv2.circle(canvas, middle, radius, 140, -1, cv2.LINE_AA)
    for share, value, thickness in ((1.0, 255, 4), (0.75, 80, 2), (0.5, 80, 2), (0.25, 80, 2)):
        cv2.circle(canvas, middle, round(radius * share), value, thickness, cv2.LINE_AA)
    return _shrunk(canvas, size)


def _patch(size: tuple[int, int]) -> Plane:
    """Even, darker asphalt with a sealed edge."""
    canvas = _canvas(size)
    canvas[:] = 110
    cv2.rectangle(canvas, (0, 0), (canvas.shape[1] - 1, canvas.shape[0] - 1), 230, 5)
    return _shrunk(canvas, size)
