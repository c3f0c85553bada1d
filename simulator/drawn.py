"""A road scene as a bus's camera sees it, drawn from a seed, with the boxes of its damage."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.readings import Image
from edge_agent.vision.ground import CameraModel, Homography, road_to_image
from simulator.drawn_damage import PIXELS_PER_METRE, Stamp, stamp_of
from simulator.drawn_road import LEFT_M, NEAR_LENGTH_M, RIGHT_M, Picture, far_view, near_view

FARTHEST_BOX_M = 25.0
SMALLEST_BOX_PX = 6.0
SEEN_SHARE = 0.5  # of the unclipped box; less means mostly outside
NEAR_M = 0.6  # the drawn road begins so far ahead of the lens
FAR_LENGTH_M = 150.0
FAR_PIXELS_PER_METRE = 8
MIN_DEPTH_M = 0.3
BLEND_M = 14.0, 20.0  # the far view, which does not flicker, takes over between these
NOISE_SIGMA = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnDefect:
    """Damage on the road plane in front of the bus, in the road frame of `vision.ground`."""

    class_code: str  # D00, D10, D20 or D40
    forward_m: float  # of its middle
    right_m: float
    length_m: float  # along the road
    width_m: float  # across
    seed: int  # of its shape: the same from every distance and on every pass


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnBox:
    class_code: str
    box_xyxy_px: tuple[float, float, float, float]


def draw_frame(
    camera: CameraModel, defects: Sequence[DrawnDefect], *, seed: int, along_m: float, light: float = 1.0
) -> tuple[Image, list[DrawnBox]]:
    """Draw what the camera sees at `along_m` of the road named by `seed`.

    Args:
        camera: gives the perspective and the size.
        defects: what lies before the bus; behind it or far away is allowed.
        seed: of the street, the same along its length.
        along_m: way of the bus along its road: the texture moves with it.
        light: 1 is a clear day; the picture's brightness is multiplied by it.

    Returns:
        Picture uint8 (height, width, 3) BGR, and the boxes of the damage that shows, in the order of `defects`.
    """
    picture = _surroundings(camera, seed).copy()
    _draw_road(picture, camera, defects, seed=seed, along_m=along_m)
    _draw_roadside(picture, camera, seed=seed, along_m=along_m)
    boxes = [box for defect in defects if (box := box_of(camera, defect)) is not None]
    return _exposed(picture, seed=seed, along_m=along_m, light=light), boxes


def box_of(camera: CameraModel, defect: DrawnDefect) -> DrawnBox | None:
    """Box of the drawn shape, clipped to the picture; None if it is too small, too far or mostly outside."""
    if defect.forward_m - camera.forward_m > FARTHEST_BOX_M:
        return None
    outline = _stamp(defect).outline + np.array([defect.forward_m, defect.right_m], np.float32)
    u, v, depth = road_to_image(camera) @ np.column_stack([outline, np.ones(len(outline))]).T
    if depth.min() < MIN_DEPTH_M:
        return None
    whole = np.array([(u / depth).min(), (v / depth).min(), (u / depth).max(), (v / depth).max()])
    seen = np.clip(whole, 0, [camera.width_px, camera.height_px] * 2)
    if min(seen[2:] - seen[:2]) < SMALLEST_BOX_PX or _area(seen) < SEEN_SHARE * _area(whole):
        return None
    left, top, right, bottom = (float(side) for side in seen)
    return DrawnBox(class_code=defect.class_code, box_xyxy_px=(left, top, right, bottom))


def _area(box: NDArray[np.float64]) -> float:
    return float(np.prod(box[2:] - box[:2]))


def _stamp(defect: DrawnDefect) -> Stamp:
    return stamp_of(defect.class_code, length_m=defect.length_m, width_m=defect.width_m, seed=defect.seed)


def _draw_road(
    picture: Picture, camera: CameraModel, defects: Sequence[DrawnDefect], *, seed: int, along_m: float
) -> None:
    top = max(0, math.floor(camera.horizon_px) + 1)
    if top >= camera.height_px:
        return
    near, origin_m = near_view(seed, along_m + camera.forward_m + NEAR_M)
    start_m = origin_m - along_m  # of row 0, in the road frame
    for defect in defects:
        _press(near, defect, start_m)
    far = far_view(seed, origin_m, length_m=FAR_LENGTH_M, pixels_per_metre=FAR_PIXELS_PER_METRE)
    coarse_rows = round(NEAR_LENGTH_M * FAR_PIXELS_PER_METRE)
    far[:coarse_rows] = cv2.resize(near, (far.shape[1], coarse_rows), interpolation=cv2.INTER_AREA)
    shade = _shade(seed, along_m, start_m)
    road = _warped(far, camera, start_m, FAR_PIXELS_PER_METRE, top)
    sharp = _warped(near, camera, start_m, PIXELS_PER_METRE, top)
    weight = _near_weight(camera, top)
    first = int(np.argmax(weight > 0))
    road[first:] = cv2.blendLinear(
        sharp[first:],
        road[first:],
        np.ascontiguousarray(np.broadcast_to(weight[first:, None], road[first:, :, 0].shape)),
        np.ascontiguousarray(np.broadcast_to(1 - weight[first:, None], road[first:, :, 0].shape)),
    )
    gain = _warped(shade, camera, start_m, 2, top)
    picture[top:] = cv2.multiply(road, cv2.merge([gain, gain, gain]), scale=1 / 255)


def _warped(view: NDArray[np.uint8], camera: CameraModel, start_m: float, pixels_per_metre: int, top: int) -> Picture:
    """View from above as the camera sees it, from picture row `top` down."""
    to_road = np.array([[0.0, 1 / pixels_per_metre, start_m], [1 / pixels_per_metre, 0.0, LEFT_M], [0.0, 0.0, 1.0]])
    shift = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, -top], [0.0, 0.0, 1.0]])
    homography: Homography = shift @ road_to_image(camera) @ to_road
    size = (camera.width_px, camera.height_px - top)
    return cv2.warpPerspective(view, homography, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # pyright: ignore[reportReturnType]


def _near_weight(camera: CameraModel, top: int) -> NDArray[np.float32]:
    """Share of the sharp near view in each picture row from `top` down."""
    rows = np.arange(top, camera.height_px, dtype=np.float64)
    angle = math.radians(camera.pitch_deg) + np.arctan((rows - camera.height_px / 2) / camera.focal_px)
    ahead_m = camera.height_m / np.tan(np.maximum(angle, 1e-3))
    begin, end = BLEND_M
    return np.clip((end - ahead_m) / (end - begin), 0, 1).astype(np.float32)


def _press(view: Picture, defect: DrawnDefect, start_m: float) -> None:
    """Darken the view where the defect lies."""
    stamp = _stamp(defect)
    height, width = stamp.dark.shape
    row = round((defect.forward_m - start_m) * PIXELS_PER_METRE - height / 2)
    column = round((defect.right_m - LEFT_M) * PIXELS_PER_METRE - width / 2)
    rows = slice(max(0, row), max(0, min(view.shape[0], row + height)))
    columns = slice(max(0, column), max(0, min(view.shape[1], column + width)))
    part = view[rows, columns]
    if part.size == 0:
        return
    dark = stamp.dark[rows.start - row : rows.stop - row, columns.start - column : columns.stop - column]
    part[:] = (part * (1 - dark * (1 - stamp.grey))[..., None]).astype(np.uint8)


def _shade(seed: int, along_m: float, start_m: float) -> NDArray[np.uint8]:
    """Soft shadows of trees and houses on the road as a brightness in 0..255, two pixels a metre."""
    view = np.full((round(FAR_LENGTH_M * 2), round((RIGHT_M - LEFT_M) * 2)), 255, np.uint8)
    origin_m = along_m + start_m
    for cell in range(math.floor(origin_m / 15) - 1, math.floor((origin_m + 60) / 15) + 1):
        rng = np.random.default_rng((seed, 4, cell % 2**32))
        if rng.random() < 0.5:  # noqa: PLR2004
            row = (cell * 15 + rng.uniform(0, 15) - origin_m) * 2
            corners = np.array(
                [
                    [rng.uniform(0, 12), row],
                    [28, row + rng.uniform(-4, 4)],
                    [28, row + 9],
                    [rng.uniform(0, 12), row + 6],
                ]
            )
            cv2.fillPoly(view, [corners.astype(np.int32)], int(rng.integers(120, 200)))
    return cv2.blur(view, (3, 3))  # pyright: ignore[reportReturnType]


@lru_cache(maxsize=32)
def _surroundings(camera: CameraModel, seed: int) -> Picture:
    """Sky, haze and a far skyline; the road covers what lies below the horizon."""
    rng = np.random.default_rng((seed, 5))
    height, width = camera.height_px, camera.width_px
    horizon = min(max(1, round(camera.horizon_px)), height)
    zenith, haze = np.array([[205, 170, 130], [225, 220, 212]]) * rng.uniform(0.8, 1.05) + rng.uniform(-15, 15, 3)
    blend = np.linspace(0, 1, horizon)[:, None, None] ** 0.7
    picture = np.full((height, width, 3), 128, np.uint8)
    clouds = cv2.resize(rng.normal(0, 14, (4, 7)).astype(np.float32), (width, horizon), interpolation=cv2.INTER_CUBIC)
    sky = zenith * (1 - blend) + haze * blend + clouds[..., None]
    picture[:horizon] = np.clip(sky, 0, 255).astype(np.uint8)
    x = 0
    while x < width:
        step, rise = int(rng.integers(12, 60)), int(rng.integers(4, max(6, height // 7)))
        colour = tuple(int(c) for c in np.clip(rng.uniform(85, 160) + rng.uniform(-25, 25, 3), 0, 255))
        cv2.rectangle(picture, (x, horizon - rise), (x + step, horizon), colour, -1)
        x += step
    return picture


def _draw_roadside(picture: Picture, camera: CameraModel, *, seed: int, along_m: float) -> None:
    """Trees and poles beside the road, far ones first."""
    project = road_to_image(camera)
    for cell in range(math.floor((along_m + 90) / 11), math.floor(along_m / 11), -1):
        rng = np.random.default_rng((seed, 6, cell % 2**32))
        ahead_m = cell * 11 - along_m
        if ahead_m > camera.forward_m + 4 and rng.random() < 0.75:  # noqa: PLR2004
            side_m = rng.choice([-1, 1]) * rng.uniform(5.2, 8.5)
            u, v, depth = project @ np.array([ahead_m, side_m if side_m > 0 else side_m - 3, 1.0])
            _tree(picture, rng, foot=(u / depth, v / depth), scale=camera.focal_px / depth)


def _tree(picture: Picture, rng: np.random.Generator, *, foot: tuple[float, float], scale: float) -> None:
    """Trunk and crown; `scale` is pixels a metre at its distance."""
    x, y = round(foot[0]), round(foot[1])
    trunk = max(1, round(0.13 * scale))
    crown_m = rng.uniform(2.6, 4.2)
    cv2.rectangle(picture, (x - trunk, round(y - crown_m * scale)), (x + trunk, y), (45, 55, 65), -1)
    for _ in range(5):
        middle = (round(x + rng.normal(0, 0.7) * scale), round(y - (crown_m + rng.uniform(0, 1.6)) * scale))
        green = int(rng.integers(60, 110))
        cv2.circle(
            picture, middle, max(1, round(rng.uniform(0.6, 1.2) * scale)), (green // 2, green, green * 3 // 4), -1
        )


@lru_cache(maxsize=4)
def _noise(height: int, width: int) -> NDArray[np.float32]:
    grain = np.random.default_rng(7).normal(0, NOISE_SIGMA, (height + 64, width + 64))
    return np.repeat(grain[..., None].astype(np.float32), 3, axis=2)


def _exposed(picture: Picture, *, seed: int, along_m: float, light: float) -> Image:
    """Apply light, the lens's softness and the sensor's noise."""
    height, width = picture.shape[:2]
    rng = np.random.default_rng((seed, 8, round(abs(along_m) * 100)))
    top, left = (int(rng.integers(64)) for _ in range(2))
    grain = _noise(height, width)[top : top + height, left : left + width]
    exposed = cv2.convertScaleAbs(picture, alpha=light)
    return cv2.add(exposed, grain, dtype=cv2.CV_8U)  # pyright: ignore[reportReturnType]
