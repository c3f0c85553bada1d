"""What stays in its place of the picture while the road moves: dirt and drops, a sky that is not above, all of it.

One frame cannot tell a smear from smooth asphalt. Over frames, all that stands along one line of the road towards the
vanishing point passes through each point of it: fine detail is alike along the line, paint, kerbs and verges included.
What is poor in detail at one place, against the rest of its line and of its row alike, lies not on the road but before
it.
Thresholds were set on drives with drawn drops and smears: `python -m benchmarks.quality`.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.ego import EgoState
from edge_agent.vision.ground import CameraModel
from edge_agent.vision.quality import Grey, Judged
from wire.messages import Unusable

Means = NDArray[np.floating]  # (H, W) over frames
Lines = NDArray[np.float64]  # (_ROWS, _LINES) along the road's lines, nan outside the picture

WIDTH_PX: Final = 160
EVERY_M: Final = 1.0
MAX_STEP_S: Final = 3.0
MEMORY: Final = 30  # frames
LEAST: Final = 20
JUDGED_EVERY: Final = 10

SPOTS_SHARE: Final = 0.08
"""Share of the road's view that is poor in detail. Clean drives have at most 0.04, with drops 0.13 and more."""
POOR: Final = 0.4  # of the detail that both the line and the row have
WET_SHARE: Final = 0.04
"""From here on frames are as those of the error model's wet photos: drops as drawn there give 0.03 to 0.09."""
DARK_SHARE: Final = 0.5
"""Of the spots, those behind which the light hardly changes: mud. Behind drops it does, blurred."""
HUNG_CHANGE: Final = 2.5  # of 255, mean of the 25 neighbours that changed most since the place before; drives have 16
DRIVES_MPS: Final = 2.0  # below, it may be the receiver alone that moves
HUNG: Final = 5  # places of one picture after which the camera, or what records it, hangs
SKY_BRIGHTER: Final = 50.0  # of 255 than the other side; a street with one side in the shade has 41
SKY_LIGHT: Final = 120.0  # below, it is night, and the lamps light the road
SKY_SMOOTH: Final = 0.6  # of the other side's detail

_LIGHT: Final = 8.0  # of 255, added to the light that detail is measured by
_ROWS: Final = 24
_LINES: Final = 72
_LINE_ENDS: Final = -0.6, 1.6  # of the width, where the lines meet the lower edge
_BELOW_HORIZON: Final = 0.1  # of the height: nearer to it nothing passes
_LEAST_ROWS: Final = 10  # of a line inside the picture
_AIM: Final = 0.06
"""Of the sides, by which the vanishing point may be elsewhere before the horizon is known: the best of five counts."""
_USUAL: Final = 0.8  # quantile that stands for what a line or row has


@dataclass(frozen=True, slots=True, kw_only=True)
class Spots:
    """Places of the picture that are poor in detail for their line and row."""

    share: float  # of the road's view
    dark_share: float  # of them, behind which the light hardly changes


class LastingView:
    """Running means over the frames of a moving bus, and what they say."""

    def __init__(self, camera: CameraModel) -> None:
        self._camera = camera
        self._means: tuple[Means, ...] = ()  # light, its square, fine detail
        self._frames = 0
        self._newest: Grey | None = None
        self._alike = 0  # places in a row that showed the picture of the place before
        self._seen_at: datetime | None = None
        self._way_m = EVERY_M
        self._verdict = Judged()

    def look_through(self, camera: CameraModel) -> None:
        """Go on with a camera that is known better."""
        self._camera = camera

    def see(self, grey: Grey, ego: EgoState) -> Judged:
        """Take a frame; whether it is of use in the light of those before, and how well it shows the road."""
        if self._is_elsewhere(ego):
            small = cv2.resize(grey, _size(grey), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
            self._compare(small, ego)
            if not self._alike:
                self._learn(small)
        return Judged(unusable=Unusable.BLOCKED) if self._alike >= HUNG else self._verdict

    def _compare(self, small: Grey, ego: EgoState) -> None:
        if not are_alike(self._newest, small):
            self._alike = 0
        elif ego.speed_mps >= DRIVES_MPS:
            self._alike += 1
        self._newest = small

    def _learn(self, small: Grey) -> None:
        self._add(small)
        if self._frames >= LEAST and self._frames % JUDGED_EVERY == 0:
            self._verdict = _judge(*self._means, camera=self._camera)

    def _is_elsewhere(self, ego: EgoState) -> bool:
        before, self._seen_at = self._seen_at, ego.at
        passed_s = 0.0 if before is None else (ego.at - before).total_seconds()
        self._way_m += ego.speed_mps * min(max(passed_s, 0.0), MAX_STEP_S)
        if self._way_m < EVERY_M:
            return False
        self._way_m = 0.0
        return True

    def _add(self, small: Grey) -> None:
        light = small.astype(np.float32)
        detail = np.abs(cv2.Laplacian(light, cv2.CV_32F, scale=0.25))
        values = light, light * light, detail
        if not self._means or self._means[0].shape != light.shape:
            self._means, self._frames = values, 0
        self._frames += 1
        for mean, value in zip(self._means, values, strict=True):
            cv2.accumulateWeighted(value, mean, 1 / min(self._frames, MEMORY))


def _judge(light: Means, square: Means, detail: Means, *, camera: CameraModel) -> Judged:
    change = np.sqrt(np.maximum(square - light * light, 0))
    detail, change_share = detail / (light + _LIGHT), change / (light + _LIGHT)
    if is_sky_not_above(light, detail):
        return Judged(unusable=Unusable.WRONG_VIEW)
    spots = spots_of(detail, change_share, camera)
    if spots.share < SPOTS_SHARE:
        return Judged(quality="wet" if spots.share >= WET_SHARE else "good")
    return Judged(unusable=Unusable.BLOCKED if spots.dark_share >= DARK_SHARE else Unusable.WET)


def are_alike(before: Grey | None, small: Grey) -> bool:
    """Whether a picture is the one before, but for what coding it anew changes."""
    if before is None or before.shape != small.shape:
        return False
    return float(cv2.blur(cv2.absdiff(before, small), (5, 5)).max()) < HUNG_CHANGE


def spots_of(detail: Means, change: Means, camera: CameraModel) -> Spots:
    """Find the places before the road that are poor in detail; of some vanishing points the one that explains most."""
    aims = ((0.0, 0.0), (-_AIM, 0.0), (_AIM, 0.0), (0.0, -_AIM), (0.0, _AIM))
    height, width = detail.shape
    all_maps = (_along_road(camera, width, height, right, down) for right, down in aims)
    return min((_spots(detail, change, maps) for maps in all_maps), key=lambda spots: spots.share)


def is_sky_not_above(light: Means, detail: Means) -> bool:
    """Whether another side than the upper one is bright and smooth against the side that it faces."""
    rows, columns = light.shape[0] // 3, light.shape[1] // 3
    top, bottom = np.s_[:rows], np.s_[-rows:]
    left, right = np.s_[:, :columns], np.s_[:, -columns:]
    return any(
        _is_sky(float(light[side].mean()), float(light[other].mean()))
        and float(detail[side].mean()) < SKY_SMOOTH * float(detail[other].mean())
        for side, other in ((bottom, top), (left, right), (right, left))
    )


def _is_sky(light: float, other: float) -> bool:
    return light > SKY_LIGHT and light - other > SKY_BRIGHTER


def _spots(detail: Means, change: Means, maps: tuple[Means, Means]) -> Spots:
    on_lines = _on_lines(detail, maps)
    is_seen = np.isfinite(on_lines)
    poor = _is_poor(on_lines)
    # What is poor down to the lower edge may be the bus itself.
    to_edge = np.logical_and.accumulate((poor | ~is_seen)[::-1], axis=0)[::-1]
    spots = poor & ~to_edge
    dark = spots & _is_poor(_on_lines(change, maps))
    return Spots(share=float(spots.sum() / max(1, is_seen.sum())), dark_share=float(dark.sum() / max(1, spots.sum())))


def _is_poor(values: Lines) -> NDArray[np.bool_]:
    usual = np.minimum(_usual(values, axis=0), _usual(values, axis=1))
    return np.isfinite(values) & (values < POOR * usual)


def _usual(values: Lines, *, axis: int) -> Lines:
    """Quantile of what is inside the picture, for each line (axis 0) or row (axis 1)."""
    last = np.maximum(np.isfinite(values).sum(axis=axis, keepdims=True) - 1, 0)
    ordered = np.sort(values, axis=axis)  # nan comes last
    place: NDArray[np.intp] = np.rint(_USUAL * last).astype(np.intp)
    return np.take_along_axis(ordered, place, axis=axis)


def _on_lines(values: Means, maps: tuple[Means, Means]) -> Lines:
    taken = cv2.remap(cv2.blur(values, (3, 3)), *maps, cv2.INTER_LINEAR).astype(np.float64)
    x = maps[0]
    is_inside = (x >= 1) & (x < values.shape[1] - 1)
    is_inside &= is_inside.sum(axis=0) >= _LEAST_ROWS
    return np.where(is_inside, taken, np.nan)


@lru_cache(maxsize=16)
def _along_road(camera: CameraModel, width: int, height: int, right: float, down: float) -> tuple[Means, Means]:
    """Where in the small picture the points of the road's lines lie: a column for each line, far to near."""
    scale = width / camera.width_px
    ahead_x, ahead_y = camera.ahead_px
    meet_x, meet_y = ahead_x * scale + right * width, ahead_y * scale + down * height
    y = np.linspace(max(1.0, meet_y + _BELOW_HORIZON * height), height - 2, _ROWS)
    share = (y - meet_y) / (height - 2 - meet_y)
    ends = np.linspace(*_LINE_ENDS, _LINES) * width
    x = meet_x + (ends[None] - meet_x) * share[:, None]
    return x.astype(np.float32), np.repeat(y[:, None], _LINES, axis=1).astype(np.float32)


def _size(grey: Grey) -> tuple[int, int]:
    height, width = grey.shape
    return WIDTH_PX, round(height * WIDTH_PX / width)
