"""What a bus tells of a place it passes, how often and how sure: of damage, and of nothing. From the measured error.

The error model speaks of single pictures; a bus tells what its tracker makes of many. So passes are simulated by the
rates of the file and summed up as the tracker does, always with the same chance: equal files give equal rates. Nothing
here is tuned to a model.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from wire.error_model import CERTAIN, Confidence
from wire.looks import STEPS, TOLD_FROM, Array, Marks, chances, false_things, probabilities

FAR_M, NEAR_M = 18.0, 4.0
VIEW_M: Final = FAR_M - NEAR_M
PICTURES: Final = 9  # of a thing in one pass: five a second at a bus's pace
PICTURE_EVERY_M: Final = VIEW_M / PICTURES
USUAL_FALSE_RATES: Final = (0.6,)  # of an error model that does not tell how large its false alarms are

PASSES: Final = 4000  # simulated for one rate ...
PASSES_BY_NOTHING: Final = 20_000  # ... of which few are told
EDGES: Final = np.linspace(-0.5, 4.75, 16)  # of log odds of the confidence, between bins
UNKNOWN: Final = 0.02  # share of tellings that are as sure as nobody thought


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


@lru_cache(maxsize=4096)
def told_of_damage(rates: tuple[float, ...], confidence: Confidence) -> Tells:
    """What passes tell of damage that a picture shows to the detector with these rates, far to near."""
    chance = np.random.default_rng(0)
    shape = PASSES, len(rates)
    hits = chance.random(shape) < chances(np.array(rates))[:, chance.integers(STEPS, size=PASSES)].T
    told, sure = _told(hits, chance.beta(*confidence.hit, shape), np.broadcast_to(rates, shape), confidence)
    return Tells(told, sure)


@lru_cache(maxsize=256)
def told_of_nothing(
    per_picture: float, confidence: Confidence, rates_as_large: tuple[float, ...] = USUAL_FALSE_RATES
) -> Tells:
    """What is told of each metre of road where no damage is, by the false alarms of one picture.

    Args:
        per_picture: false alarms.
        confidence: how sure the detector is in one picture.
        rates_as_large: how often damage as large as they are is found, of equal shares of them: of what is hardly ever
            found twice, the tracker does not mind that it was seen but once.
    """
    chance = np.random.default_rng(0)
    shape = PASSES_BY_NOTHING, PICTURES
    each = np.array(rates_as_large)[np.arange(PASSES_BY_NOTHING) % len(rates_as_large)]
    rates = np.broadcast_to(each[:, None], shape)
    of_an_alarm, how_sure = 0.0, np.zeros(len(EDGES) + 1)
    for things in false_things(rates, chance):
        told, sure = _told(things.hits, chance.beta(*confidence.false_alarm, shape), rates, confidence)
        share = things.of_an_alarm * told
        of_an_alarm, how_sure = of_an_alarm + share, how_sure + share * np.array(sure)
    return Tells(per_picture / PICTURE_EVERY_M * of_an_alarm, tuple((how_sure / of_an_alarm).tolist()))


def _told(hits: Marks, confidences: Array, rates: Array, confidence: Confidence) -> tuple[float, tuple[float, ...]]:
    """Share of passes that tell it, and how sure they are."""
    says = probabilities(hits, rates, confidences, confidence)
    told = says[says >= TOLD_FROM]
    bins = np.searchsorted(EDGES, np.log(told / (1 - told)))
    counts = np.bincount(bins, minlength=len(EDGES) + 1) / max(1, len(told))
    smooth = np.convolve(np.pad(counts, 1), (0.25, 0.5, 0.25), mode="valid")
    sure = (1 - UNKNOWN) * smooth + UNKNOWN / len(counts)
    return len(told) / len(hits), tuple(sure.tolist())
