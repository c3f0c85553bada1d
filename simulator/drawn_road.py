"""The road seen from above, as it lies before the bus: asphalt, lanes, kerb, and clutter that is not damage."""

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.drawn_damage import PIXELS_PER_METRE

Picture = NDArray[np.uint8]  # (rows, columns, 3) BGR
LEFT_M, RIGHT_M = -8.0, 6.0  # what is drawn across, measured from the bus
NEAR_LENGTH_M = 26.0
PERIOD_M = 60.0  # after which the asphalt repeats
TEXTURE_COUNT = 12
CELL_M = 12.0  # clutter is thrown per stretch of this length
DASH_M, DASH_PERIOD_M = 4.0, 10.0
COLUMNS = round((RIGHT_M - LEFT_M) * PIXELS_PER_METRE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Street:
    """What stays the same along one road."""

    texture: int
    right_edge_m: float
    left_edge_m: float
    lane_lines_m: tuple[float, ...]
    is_yellow: bool
    verge_bgr: tuple[int, int, int]
    clutter_share: float


@lru_cache(maxsize=64)
def street_of(seed: int) -> Street:
    rng = np.random.default_rng((seed, 1))
    lanes = int(rng.integers(1, 3))
    right_edge = 1.75 + rng.uniform(0.2, 2.2)
    verges = ((70, 110, 90), (60, 95, 75), (120, 125, 130), (95, 120, 140), (150, 150, 150))
    return Street(
        texture=int(rng.integers(TEXTURE_COUNT)),
        right_edge_m=right_edge,
        left_edge_m=-1.75 - lanes * 3.4 - rng.uniform(0.0, 0.6),
        lane_lines_m=(-1.75, 1.75) if right_edge > 2.4 else (-1.75,),  # noqa: PLR2004
        is_yellow=bool(rng.random() < 0.35),  # noqa: PLR2004
        verge_bgr=verges[int(rng.integers(len(verges)))],
        clutter_share=float(rng.uniform(0.2, 0.9)),
    )


@lru_cache(maxsize=TEXTURE_COUNT)
def _asphalt(texture: int) -> Picture:
    """Grain, stains and wheel tracks over one period, repeated by the length of the near view."""
    rng = np.random.default_rng((texture, 2))
    rows = round(PERIOD_M * PIXELS_PER_METRE)
    grey = np.full((rows, COLUMNS), rng.uniform(95, 150), np.float32)
    for step, strength in ((1, 7.0), (3, 5.0), (12, 3.0), (50, 4.0), (200, 6.0)):
        coarse = rng.normal(0, 1, (rows // step, COLUMNS // step + 1)).astype(np.float32)
        grey += strength * rng.uniform(0.5, 1.3) * cv2.resize(coarse, (COLUMNS, rows), interpolation=cv2.INTER_LINEAR)
    across = np.linspace(LEFT_M, RIGHT_M, COLUMNS)
    tracks = np.exp(-(((np.abs(across) - 0.9) / 0.35) ** 2)) * rng.uniform(-10, 6)
    grey += tracks.astype(np.float32)
    grey += (rng.random((rows, COLUMNS)) > 0.998).astype(np.float32) * rng.uniform(15, 45)  # noqa: PLR2004
    tint = np.array([rng.uniform(0.97, 1.06), 1.0, rng.uniform(0.94, 1.03)], np.float32)
    once = np.clip(grey[..., None] * tint, 0, 255).astype(np.uint8)
    return np.concatenate([once, once[: round((NEAR_LENGTH_M + 1) * PIXELS_PER_METRE)]])


def near_view(seed: int, start_m: float) -> tuple[Picture, float]:
    """Road from about `start_m` along it, NEAR_LENGTH_M far.

    Returns:
        Picture with row 0 nearest and column 0 at LEFT_M, and where along the road its row 0 really lies.
    """
    street = street_of(seed)
    first = math.floor(start_m * PIXELS_PER_METRE)
    row = first % round(PERIOD_M * PIXELS_PER_METRE)
    view = _asphalt(street.texture)[row : row + round(NEAR_LENGTH_M * PIXELS_PER_METRE)].copy()
    origin_m = first / PIXELS_PER_METRE
    _throw_clutter(view, street, seed, origin_m)
    paint_lanes(view, street, origin_m, PIXELS_PER_METRE)
    return view, origin_m


def far_view(seed: int, start_m: float, *, length_m: float, pixels_per_metre: int) -> Picture:
    """Plain road for the distance, where no grain is seen."""
    street = street_of(seed)
    grey = _asphalt(street.texture)[:: PIXELS_PER_METRE * 2, ::PIXELS_PER_METRE].mean(axis=(0, 1))
    view = np.empty((round(length_m * pixels_per_metre), round((RIGHT_M - LEFT_M) * pixels_per_metre), 3), np.uint8)
    view[:] = np.clip(grey + 6, 0, 255).astype(np.uint8)
    paint_lanes(view, street, start_m, pixels_per_metre)
    return view


def paint_lanes(view: Picture, street: Street, origin_m: float, pixels_per_metre: int) -> None:
    """Paint lane lines, edge line, kerb and verges over a view whose row 0 lies at `origin_m`."""

    def column(metres: float) -> int:
        return round((metres - LEFT_M) * pixels_per_metre)

    line_px = max(1, round(0.13 * pixels_per_metre))
    rows = np.arange(view.shape[0], dtype=np.float64)
    dashed: NDArray[np.bool_] = ((origin_m + rows / pixels_per_metre) % DASH_PERIOD_M) < DASH_M
    for index, line_m in enumerate(street.lane_lines_m):
        colour = (70, 170, 205) if street.is_yellow and index == 0 else (205, 208, 208)
        part = view[:, column(line_m) : column(line_m) + line_px]
        worn = cv2.addWeighted(part, 0.3, np.full_like(part, colour), 0.7, 0)
        part[dashed] = worn[dashed]
    kerb = np.array((165, 168, 170), np.uint8)
    for edge_m, outward in ((street.right_edge_m, 1), (street.left_edge_m, -1)):
        inner, outer = sorted((column(edge_m), column(edge_m + outward * 0.22)))
        view[:, max(0, inner) : max(0, outer)] = kerb
        beyond = view[:, outer:] if outward > 0 else view[:, : max(0, inner)]
        cv2.addWeighted(beyond, 0.35, np.full_like(beyond, street.verge_bgr), 0.65, 0, dst=beyond)


def _throw_clutter(view: Picture, street: Street, seed: int, origin_m: float) -> None:
    first, last = (math.floor(at / CELL_M) for at in (origin_m - CELL_M, origin_m + NEAR_LENGTH_M))
    for cell in range(first, last + 1):
        rng = np.random.default_rng((seed, 3, cell % 2**32))
        for draw in (_manhole, _patch, _sealed_joint, _stain):
            if rng.random() < street.clutter_share * 0.5:
                row = round((cell * CELL_M + rng.uniform(0, CELL_M) - origin_m) * PIXELS_PER_METRE)
                draw(view, rng, row)


def _manhole(view: Picture, rng: np.random.Generator, row: int) -> None:
    at = (round(rng.uniform(0.3, 0.6) * COLUMNS), row)
    radius = round(0.32 * PIXELS_PER_METRE)
    grey = int(rng.integers(60, 100))
    cv2.circle(view, at, radius, (grey, grey, grey + 4), -1, cv2.LINE_AA)
    cv2.circle(view, at, radius, (grey - 30, grey - 30, grey - 30), 2, cv2.LINE_AA)
    for ring in (0.3, 0.6, 0.8):
        cv2.circle(view, at, round(radius * ring), (grey + 22, grey + 22, grey + 22), 1, cv2.LINE_AA)


def _patch(view: Picture, rng: np.random.Generator, row: int) -> None:
    height, width = (round(metres * PIXELS_PER_METRE) for metres in (rng.uniform(0.8, 4.0), rng.uniform(0.6, 2.2)))
    column = round(rng.uniform(0.25, 0.65) * COLUMNS)
    part = view[max(0, row) : max(0, row + height), column : column + width]
    if part.size:
        cv2.convertScaleAbs(part, dst=part, alpha=rng.uniform(0.62, 0.9))


def _sealed_joint(view: Picture, rng: np.random.Generator, row: int) -> None:
    """A smooth black band of bitumen, wider and more even than a crack."""
    steps = 14
    x = np.linspace(rng.uniform(0.25, 0.4), rng.uniform(0.45, 0.7), steps) * COLUMNS
    y = row + np.linspace(0, rng.uniform(-2, 2) * PIXELS_PER_METRE, steps) + rng.normal(0, 2, steps)
    points = np.stack([x, y], -1).astype(np.int32)
    grey = int(rng.integers(38, 62))
    cv2.polylines(view, [points], False, (grey, grey, grey), int(rng.integers(5, 9)), cv2.LINE_AA)


def _stain(view: Picture, rng: np.random.Generator, row: int) -> None:
    column = round(rng.uniform(0.3, 0.65) * COLUMNS)
    size = round(rng.uniform(0.3, 1.2) * PIXELS_PER_METRE)
    part = view[max(0, row) : max(0, row + size), column : column + size]
    if min(part.shape[:2]) > 4:  # noqa: PLR2004
        y, x = np.mgrid[-1 : 1 : part.shape[0] * 1j, -1 : 1 : part.shape[1] * 1j]
        shade = 1 - rng.uniform(0.15, 0.35) * np.clip(1.2 - np.hypot(x, y) * 1.3, 0, 1)
        part[:] = (part * shade[..., None]).astype(np.uint8)
