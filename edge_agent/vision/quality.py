"""Which frames are worth looking at."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.readings import Image
from wire.messages import Unusable

_WIDTH_PX: Final = 160  # the gate looks at a small picture: it must cost less than a tenth of the detector
_BLUR_WIDTH_PX: Final = 480  # sharpness needs more pixels
_TILES: Final = 8

Grey = NDArray[np.uint8]  # (H, W)

DARK_MEDIAN: Final = 22
"""Of 255, in the lower half: at night only the cone of the headlights is lit."""
GLARE_LEVEL: Final = 250
GLARE_SHARE: Final = 0.30
"""Share of the lower half that is washed out: a low sun mirrored by a wet road."""
BLOCKED_DEVIATION: Final = 3.0
BLOCKED_SHARE: Final = 0.75
"""Share of tiles without any structure: dirt, a sticker, fog on the pane. A road alone leaves its edges and the sky
line."""
NOISE_LEVEL: Final = 3.0
"""Second derivatives up to this are rounding and noise, which blur does not take away."""
BLURRED_DETAIL: Final = 0.04
"""Mean strength of fine detail over the mean strength of edges, in the lower half."""


def judge_frame(image: Image) -> Unusable | None:
    """Why a frame is unusable, or None; the lower half counts, there is the road."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
    small = _scaled(grey, _WIDTH_PX)
    road = small[small.shape[0] // 2 :]
    if np.median(road) < DARK_MEDIAN:
        return Unusable.DARK
    if np.mean(road >= GLARE_LEVEL) > GLARE_SHARE:
        return Unusable.GLARE
    if _share_without_structure(small) > BLOCKED_SHARE:
        return Unusable.BLOCKED
    return Unusable.BLURRED if detail_share(grey) < BLURRED_DETAIL else None


def detail_share(grey: Grey) -> float:
    """How much of the lower half's structure is fine: 0 for a picture without detail.

    The second derivative over the first; both grow alike with light and contrast, so their ratio tells sharpness.
    """
    road = _scaled(grey, _BLUR_WIDTH_PX)
    road = road[road.shape[0] // 2 :]
    fine = np.clip(np.abs(cv2.Laplacian(road, cv2.CV_32F, ksize=1)) - NOISE_LEVEL, 0, None).mean()
    coarse = sum(np.abs(cv2.Sobel(road, cv2.CV_32F, x, 1 - x, ksize=3)).mean() for x in (0, 1))
    return float(fine / (coarse + NOISE_LEVEL))


def _share_without_structure(small: Grey) -> float:
    height, width = small.shape[0] // _TILES * _TILES, small.shape[1] // _TILES * _TILES
    tiles = small[:height, :width].reshape(_TILES, height // _TILES, _TILES, width // _TILES)
    deviations: NDArray[np.float64] = tiles.std(axis=(1, 3))
    return float(np.mean(deviations < BLOCKED_DEVIATION))


def _scaled(grey: Grey, width_px: int) -> Grey:
    height, width = grey.shape
    if width <= width_px:
        return grey
    size = width_px, max(2 * _TILES, round(height * width_px / width))
    return cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
