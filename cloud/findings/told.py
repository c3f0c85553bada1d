"""What a bus tells of a place it passes, how often and how sure: of damage, and of nothing. From the measured error.

The error model speaks of single pictures; a bus tells what its tracker makes of many. So passes are simulated by the
rates of the file, with the sums of the tracker (a test holds them against the tracker itself), always with the same
chance: equal files give equal rates. Nothing here is tuned to a model.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wire.error_model import Beta

FAR_M, NEAR_M = 18.0, 4.0
VIEW_M: Final = FAR_M - NEAR_M
PICTURES: Final = 9  # of a thing in one pass: five a second at a bus's pace
PICTURE_EVERY_M: Final = VIEW_M / PICTURES
CORRELATION: Final = 0.25  # of the mistakes of two pictures of one pass; the tracker on the bus assumes the same
# Of false alarms, not measured yet: a patch that fools the detector in one picture may fool it in the next.
LASTING_SHARE: Final = 0.25
LASTING_AGAIN: Final = 0.5  # chance that such a patch is taken for damage in one picture
USUAL_FALSE_RATES: Final = (0.6,)  # of an error model that does not tell how large its false alarms are

# The tracker's own numbers (`edge_agent.scenarios.road_damage`).
AGAIN: Final = 0.5
FLASH_SHARE: Final = 0.5
HIDDEN: Final = 0.2
LEAST_HIT, MOST_HIT = 0.6, 0.9
CONFIRMED: Final = 0.45
CERTAIN: Final = 0.01, 0.99
MOST_RATIO: Final = 3.0

PASSES: Final = 4000  # simulated for one rate ...
PASSES_BY_NOTHING: Final = 20_000  # ... of which few are told
EDGES: Final = np.linspace(-0.5, 4.75, 16)  # of log odds of the confidence, between bins
UNKNOWN: Final = 0.02  # share of tellings that are as sure as nobody thought

Array = NDArray[np.float64]
Places = NDArray[np.int64]
Hits = NDArray[np.bool_]  # (passes, pictures)


@dataclass(frozen=True, slots=True)
class Tells:
    """How often something is told, and how sure it then is."""

    often: float  # of damage: chance of a pass; of nothing: per metre of road
    how_sure: tuple[float, ...]  # share of each bin of confidence

    def density(self, confidence: float) -> float:
        """How usual a confidence is."""
        low, high = CERTAIN
        share = min(max(confidence, low / 10), 1 - (1 - high) / 10)
        return self.how_sure[int(np.searchsorted(EDGES, math.log(share / (1 - share))))]


@dataclass(frozen=True, slots=True)
class Betas:
    """Of one class: how sure the detector is in one picture, of damage and of nothing."""

    hit: Beta
    false_alarm: Beta


@lru_cache(maxsize=4096)
def told_of_damage(rates: tuple[float, ...], betas: Betas) -> Tells:
    """What passes tell of damage that a picture shows to the detector with these rates, far to near."""
    chance = np.random.default_rng(0)
    wanted = np.array(rates)
    shape = PASSES, len(rates)
    follows = chance.random(shape) < math.sqrt(CORRELATION)
    luck = np.where(follows, chance.random((PASSES, 1)), chance.random(shape))
    told, sure = _told(luck < wanted, chance.beta(*betas.hit, shape), wanted, betas)
    return Tells(told, sure)


@lru_cache(maxsize=256)
def told_of_nothing(per_picture: float, betas: Betas, rates_as_large: tuple[float, ...] = USUAL_FALSE_RATES) -> Tells:
    """What is told of each metre of road where no damage is, by the false alarms of one picture.

    Args:
        per_picture: false alarms.
        betas: how sure the detector is.
        rates_as_large: how often damage as large as they are is found, of equal shares of them: of what is hardly ever
            found twice, the tracker does not mind that it was seen but once.
    """
    chance = np.random.default_rng(0)
    shape = PASSES_BY_NOTHING, PICTURES
    rates = np.array(rates_as_large)[np.arange(PASSES_BY_NOTHING) % len(rates_as_large), None]
    flashes = np.arange(PICTURES) == chance.integers(PICTURES, size=(PASSES_BY_NOTHING, 1))
    patches = chance.random(shape) < LASTING_AGAIN
    flash, flash_sure = _told(flashes, chance.beta(*betas.false_alarm, shape), rates, betas)
    patch, patch_sure = _told(patches, chance.beta(*betas.false_alarm, shape), rates, betas)
    flash_m = per_picture * (1 - LASTING_SHARE) / PICTURE_EVERY_M * flash
    patch_m = per_picture * LASTING_SHARE / LASTING_AGAIN / VIEW_M * patch
    both = flash_m + patch_m
    mixed = (flash_m * np.array(flash_sure) + patch_m * np.array(patch_sure)) / both
    return Tells(both, tuple(mixed.tolist()))


def tracker_says(hits: Hits, confidences: Array, rates: Array, betas: Betas) -> Array:
    """Probability (passes,) that the tracker gives a thing after its last picture; nan without any hit."""
    again = np.clip(np.sqrt(rates), LEAST_HIT, MOST_HIT)
    first: Places = np.argmax(hits, axis=1).astype(np.int64)[:, None]
    number: Places = np.arange(hits.shape[1], dtype=np.int64)
    gains = _ratio(np.clip(confidences, *CERTAIN), betas) + np.where(number > first, np.log(again / AGAIN), 0.0)
    losses = np.where(number > first, np.log((1 - again) / (1 - AGAIN)), 0.0)
    seen = np.where(hits, gains, losses).sum(axis=1) / _counted(hits.shape[1] - first[:, 0])
    is_before: Hits = np.logical_and(
        np.less(number, first), rates > 0
    )  # of a rate of nothing, the box is too small to be expected
    lacks = np.where(is_before, np.log1p(-np.minimum(rates * (1 - HIDDEN), MOST_HIT)), 0.0)
    lack = np.exp(lacks.sum(axis=1) / _counted(np.count_nonzero(is_before, axis=1).astype(np.int64)))
    log_odds = _log_odds(neutral(betas)) + seen + np.log(lack / (FLASH_SHARE + (1 - FLASH_SHARE) * lack))
    return np.where(hits.any(axis=1), 1 / (1 + np.exp(-log_odds)), np.nan)


def _counted(pictures: Places) -> Array:
    """What pictures that share mistakes are fewer than they seem."""
    return 1 + np.maximum(pictures - 1, 0) * CORRELATION


def neutral(betas: Betas) -> float:
    """Confidence that speaks neither for damage nor against it: the tracker's prior."""
    low, high = (a / (a + b) for a, b in (betas.false_alarm, betas.hit))
    if not _log_ratio(low, betas) < 0 < _log_ratio(high, betas):
        return 0.5
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if _log_ratio(middle, betas) < 0 else (low, middle)
    return (low + high) / 2


def _told(hits: Hits, confidences: Array, rates: Array, betas: Betas) -> tuple[float, tuple[float, ...]]:
    """Share of passes that tell it, and how sure they are."""
    says = tracker_says(hits, confidences, rates, betas)
    told = says[says >= CONFIRMED]
    bins = np.searchsorted(EDGES, np.log(told / (1 - told)))
    counts = np.bincount(bins, minlength=len(EDGES) + 1) / max(1, len(told))
    smooth = np.convolve(np.pad(counts, 1), (0.25, 0.5, 0.25), mode="valid")
    sure = (1 - UNKNOWN) * smooth + UNKNOWN / len(counts)
    return len(told) / len(hits), tuple(sure.tolist())


def _ratio(confidences: Array, betas: Betas) -> Array:
    (a, b), (c, d) = betas.hit, betas.false_alarm
    ratio = (a - c) * np.log(confidences) + (b - d) * np.log1p(-confidences) + _constant(betas)
    return np.clip(ratio, -MOST_RATIO, MOST_RATIO)


def _log_ratio(confidence: float, betas: Betas) -> float:
    (a, b), (c, d) = betas.hit, betas.false_alarm
    return (a - c) * math.log(confidence) + (b - d) * math.log1p(-confidence) + _constant(betas)


def _constant(betas: Betas) -> float:
    (a, b), (c, d) = betas.hit, betas.false_alarm
    return math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) - math.lgamma(c + d) + math.lgamma(c) + math.lgamma(d)


def _log_odds(share: float) -> float:
    return math.log(share / (1 - share))
