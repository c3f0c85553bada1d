"""Which frames are worth looking at, and how well a detector sees in them: `python -m benchmarks.quality`.

Thresholds were set on spoiled photos; those between the qualities of the error model on the photos altered as its rates
were measured.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.readings import Image
from edge_agent.vision.ground import CameraModel
from wire.error_model import Quality
from wire.messages import Unusable

Grey = NDArray[np.uint8]  # (H, W)

WIDTH_PX: Final = 320
"""The gate looks at a small picture: cheap, and averaging took the grain away, which would pass for sharpness."""
_TILES: Final = 8
_TILE_PX: Final = 8
_MIN_ROWS: Final = 20  # enough for the widest step of the sharpness measure

DARK_MEDIAN: Final = 22
"""Of 255, in the lower half: at night only the cone of the headlights is lit."""
GLARE_LEVEL: Final = 250
GLARE_SHARE: Final = 0.30
"""Share of the lower half that is washed out: a low sun mirrored by a wet road."""
EXPOSURE_S: Final = 1 / 60
"""Longest that a camera leaves its shutter open by day; unconfirmed for any camera on a bus."""
SMEAR_SHARE: Final = 0.01
"""Of the frame's width. Photos moved by twice of it and more are named blurred; fine cracks go before."""
TURNED_CONTRAST: Final = 90
"""The lowest third may be so much brighter than the upper one: snow, a tunnel's mouth; more is sky below the road."""
BLOCKED_DEVIATION: Final = 3.0
BLOCKED_SHARE: Final = 0.75
"""Share of tiles without any structure: dirt, a sticker, fog on the pane. A road alone leaves its edges and the sky
line."""
SHARP: Final = 0.065
"""Photos by day have 0.07 and more (a motorway through a soft lens), those out of focus at most 0.02."""
EVEN: Final = 0.30
"""Photos have 0.34 and more. What moved or shook has less, or is unsharp along every direction."""
HALF: Final = 0.5
DIM_SHARE: Final = 0.98
DIM_LIGHTS: Final = 80
"""Where the brightest fiftieth of the road is dimmer, a frame is nearer to photos at a fifth of their light (63 at
most) than to those by day (107 and more, but for one in fifty)."""
DIM_MEDIAN: Final = 30
"""At night lamps may be bright; the road by day has more, but for one photo in a hundred."""
SOFT: Final = 0.08
SOFT_EVEN: Final = 0.42
"""Below, a frame is nearer to shaken photos: half of those that can be used lie below, three in a hundred by day."""
_DIRECTIONS: Final = ((0, 1), (1, 1), (1, 0), (1, -1))  # rows, columns
_FAR: Final = 4  # pixels
_NOISE: Final = 1.0  # of 255, of half a second difference
_FLAT: Final = 3.0  # of 255: without edges there is nothing to be sharp


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharpness:
    """Fine detail over coarse contrast of the road, along the direction that has least of it.

    Blur takes the fine detail away; light and contrast change both alike. Motion takes it along one direction only,
    therefore four are looked at, and the worst is compared with the best.
    """

    worst: float
    evenness: float  # worst over best, 0..1


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the gate says of a frame."""

    unusable: Unusable | None = None  # why it is of no use
    quality: Quality = "good"  # of one that is of use: to which measured quality it is nearest

    def beside(self, other: "Judged") -> "Judged":
        """The worse of two; of equals this one."""
        return max(self, other, key=lambda judged: (judged.unusable is not None, judged.quality != "good"))


def judge_frame(image: Image) -> Unusable | None:
    """Why a frame is unusable by itself, or None."""
    return judge_grey(grey_of(image)).unusable


def judge_grey(grey: Grey) -> Judged:
    """Judge the small grey picture; the lower half counts, there is the road."""
    road = grey[grey.shape[0] // 2 :]
    if _share_below(road, DARK_MEDIAN) > HALF:
        return Judged(unusable=Unusable.DARK)
    if _share_below(road, GLARE_LEVEL) < 1 - GLARE_SHARE:
        return Judged(unusable=Unusable.GLARE)
    if _share_without_structure(grey) > BLOCKED_SHARE:
        return Judged(unusable=Unusable.BLOCKED)
    if _is_turned(grey):
        return Judged(unusable=Unusable.WRONG_VIEW)
    sharpness = sharpness_of(road)
    if sharpness.worst < SHARP or sharpness.evenness < EVEN:
        return Judged(unusable=Unusable.BLURRED)
    return Judged(quality=_quality_of(road, sharpness))


def _quality_of(road: Grey, sharpness: Sharpness) -> Quality:
    """What one usable frame can tell: not drops, nor a veil of light, which looks like a pale road."""
    if _share_below(road, DIM_LIGHTS) > DIM_SHARE or _share_below(road, DIM_MEDIAN) > HALF:
        return "dark"
    return "blurred" if sharpness.worst < SOFT or sharpness.evenness < SOFT_EVEN else "good"


def _share_below(road: Grey, level: int) -> float:
    return np.count_nonzero(road < level) / road.size


def speed_limit_mps(camera: CameraModel, *, ahead_m: float) -> float:
    """Above this speed the road at a distance from the lens moves too far while the shutter is open.

    A point of the road at depth d is f * h / d below the horizon: it moves by f * h / d^2 for each metre driven.
    """
    px_per_m = camera.focal_px * camera.height_m / ahead_m**2
    return SMEAR_SHARE * camera.width_px / (px_per_m * EXPOSURE_S)


def grey_of(image: Image) -> Grey:
    """The small grey picture that the gate looks at."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    height, width = grey.shape
    while width >= 2 * WIDTH_PX and width % 2 == height % 2 == 0:  # halving has its own fast way
        height, width = height // 2, width // 2
        grey = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
    if width > WIDTH_PX:
        size = WIDTH_PX, max(2 * _MIN_ROWS, round(height * WIDTH_PX / width))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    return grey.astype(np.uint8, copy=False)


def sharpness_of(road: Grey) -> Sharpness:
    """Measure a grey picture; one that is too small to tell has none."""
    if min(road.shape) < _MIN_ROWS:
        return Sharpness(worst=0.0, evenness=0.0)
    shares = [_fine(road, *step) / (_coarse(road, *step) + _FLAT) for step in _DIRECTIONS]
    return Sharpness(worst=min(shares), evenness=min(shares) / max(*shares, 1e-6))


def _fine(road: Grey, rows: int, columns: int) -> float:
    """Mean strength, above the noise, of how a pixel differs from the mean of its two neighbours."""
    mean = cv2.addWeighted(_shifted(road, rows, columns), 0.5, _shifted(road, -rows, -columns), 0.5, 0.0)
    difference = cv2.absdiff(_shifted(road, 0, 0), mean)
    above_noise = cv2.norm(difference, cv2.NORM_L1) - _NOISE * cv2.countNonZero(difference)
    return above_noise / difference.size


def _coarse(road: Grey, rows: int, columns: int) -> float:
    before, after = _shifted(road, -_FAR * rows, -_FAR * columns), _shifted(road, _FAR * rows, _FAR * columns)
    return cv2.norm(before, after, cv2.NORM_L1) / before.size


def _shifted(road: Grey, rows: int, columns: int) -> Grey:
    """View (H - 2 far, W - 2 far) moved by some pixels."""
    height, width = road.shape
    return road[_FAR + rows : height - _FAR + rows, _FAR + columns : width - _FAR + columns]


def _share_without_structure(grey: Grey) -> float:
    side = _TILES * _TILE_PX
    small = cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)
    variance = _tile_means(small * small) - _tile_means(small) ** 2
    return np.count_nonzero(variance < BLOCKED_DEVIATION**2) / variance.size


def _tile_means(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(values, (_TILES, _TILES), interpolation=cv2.INTER_AREA), np.float32)


def _is_turned(grey: Grey) -> bool:
    third = grey.shape[0] // 3
    return cv2.mean(grey[-third:])[0] - cv2.mean(grey[:third])[0] > TURNED_CONTRAST
