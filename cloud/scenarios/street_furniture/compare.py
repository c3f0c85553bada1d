"""How far two pictures of one thing differ: pure, on small pictures of one size.

Each is a cut around the box of a detection. Light is taken out first: brightness by its mean and spread, its colour by
the mean of each channel. What is left is compared by its edges (how they lie, at the best of a few shifts and sizes:
boxes are never cut alike) and by its colours. Where it is measured and where it fails: benchmarks/furniture.py.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

SIDE_PX: Final = 48
Patch = NDArray[np.float64]  # (48, 48, 3), 0..255, RGB
Grey = NDArray[np.float64]  # (h, w)

_SHIFTS: Final = range(-6, 7, 2)  # pixels
_SIZES: Final = (0.85, 1.0, 1.18)  # of one picture against the other
_MARGIN_PX: Final = 8  # of the middle, which is compared, to the edge
_EDGES: Final = 0.7  # what edges weigh against colours
_BINS: Final = 8
_SHARES: Final = 0.1, 0.6  # of red, and of green; all else is at the edge
_LEAST: Final = 1e-9


def difference(one: Patch, other: Patch) -> float:
    """0 for the same picture, 1 for two that have nothing in common; in either order the same."""
    edges = max(_likeness(one, other), _likeness(other, one))
    return float(1.0 - _EDGES * max(edges, 0.0) - (1.0 - _EDGES) * _same_colours(one, other))


def _likeness(one: Patch, other: Patch) -> float:
    """Best correlation of the edges of one's middle with the other, shifted and resized."""
    middle = _edges(_grey(one))[:, _MARGIN_PX:-_MARGIN_PX, _MARGIN_PX:-_MARGIN_PX]
    side = middle.shape[1]
    best = -1.0
    for size in _SIZES:
        whole = _edges(_resized(_grey(other), size))
        for down in _SHIFTS:
            for right in _SHIFTS:
                top, left = _MARGIN_PX + down, _MARGIN_PX + right
                best = max(best, _correlation(middle, whole[:, top : top + side, left : left + side]))
    return best


def _grey(patch: Patch) -> Grey:
    grey = patch @ np.array([0.299, 0.587, 0.114])
    return (grey - grey.mean()) / (grey.std() + 1.0)


def _edges(grey: Grey) -> NDArray[np.float64]:
    """Slopes down and right (2, h, w), so that which side is brighter counts."""
    smooth = _smooth(grey)
    down, right = np.gradient(smooth, axis=0), np.gradient(smooth, axis=1)
    return np.array([down, right], np.float64)


def _smooth(grey: Grey) -> Grey:
    around = np.pad(grey, 1, mode="edge")
    rows = (around[:-2] + 2 * around[1:-1] + around[2:]) / 4
    return (rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 4


def _resized(grey: Grey, size: float) -> Grey:
    """The same picture so much larger about its middle, cut or continued to its old size."""
    side = grey.shape[0]
    middle = (side - 1) / 2
    at = np.array([min(max((pixel - middle) / size + middle, 0.0), side - 1.0) for pixel in range(side)])
    low = np.minimum(at.astype(np.int64), side - 2)
    part = at - low
    rows = grey[low] * (1 - part)[:, None] + grey[low + 1] * part[:, None]
    return rows[:, low] * (1 - part) + rows[:, low + 1] * part


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    length = float(np.sqrt((one**2).sum() * (other**2).sum()))
    return float((one * other).sum()) / (length + _LEAST)


def _same_colours(one: Patch, other: Patch) -> float:
    """Share of two histograms of hue and saturation that is in both, the light's own colour taken out."""
    return float(np.minimum(_colours(one), _colours(other)).sum())


def _colours(patch: Patch) -> NDArray[np.float64]:
    balanced = patch / (patch.mean(axis=(0, 1)) + 1.0)
    whole: NDArray[np.float64] = balanced.sum(axis=2, keepdims=True)
    share = np.minimum(np.maximum(balanced / (whole + _LEAST), _SHARES[0]), _SHARES[1])
    found, _, _ = np.histogram2d(share[..., 0].ravel(), share[..., 1].ravel(), bins=_BINS, range=(_SHARES, _SHARES))
    return found / patch[..., 0].size
