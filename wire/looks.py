"""How sure the pictures of one pass make that a thing is there: what the confidence of an observation means. Pure.

A bus sums up what it sees with this; fusion and simulator ask it what a bus would have said, of many passes at once.

Four stories are weighed. *Damage*: its class and size were measured to be found in such a share of pictures; one thing
in one pass is easier or harder to find than the average, so its pictures hang together. *A patch* that fools the
detector again, in about half of the pictures. *A likeness*, as a manhole has of a hole: found as damage is up to some
picture, and seen for what it is from nearer by. *A flash*, a light or a shadow: there in one picture, never before and
never again.
"""

import math
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wire.error_model import Confidence

CORRELATION: Final = 0.4  # of the mistakes of two pictures of one pass
PATCH_SHARE, LIKENESS_SHARE = 0.15, 0.1  # of what is no damage; chosen on drawn frames, not measured on roads yet
FLASH_SHARE: Final = 1 - PATCH_SHARE - LIKENESS_SHARE
AGAIN: Final = 0.5  # chance that a patch is taken for damage in one picture, where passes are simulated
TOLD_FROM: Final = 0.6  # probability from which a bus tells a thing, with it: the cloud weighs it
HIDDEN: Final = 0.2  # chance that something before the bus hid a thing in a picture before its first
LEAST_RATE, MOST_RATE = 0.02, 0.95  # no picture is surer to show a thing, or to hide it

Array = NDArray[np.float64]
Marks = NDArray[np.bool_]

STEPS: Final = 12  # of the luck that the pictures of a pass share
_RATES: Final = 100  # that are told apart
_DRAWS: Final = 500  # of each step and rate


class Looks:
    """The pictures of some passes by one thing each. All arrays are (passes,); `of` says which of them.

    How easily a pass finds a thing goes by its luck, which is summed out: see `chances`.
    """

    def __init__(self, passes: int = 1) -> None:
        self._damage = np.ones((passes, STEPS))  # likelihood of pictures from the first look on, by luck
        self._before = np.ones((passes, STEPS))  # of those before, with a luck of their own
        self._first_rate = np.ones(passes)
        self._likeness = np.ones((passes, STEPS))  # the same up to a picture; summed over those since the last look
        self._patch = np.ones(passes)  # likelihood of the pictures after the first look
        self._found = np.zeros(passes)  # pictures
        self._missed = np.zeros(passes)  # after the first look
        self._gain = np.zeros(passes)

    def find(self, rate: Array | float, gain: Array | float, *, of: Marks | bool = True) -> None:
        """A picture shows the thing; its confidence speaks for damage by `gain`, a log likelihood ratio."""
        found = chances(np.clip(rate, LEAST_RATE, MOST_RATE))
        self._damage *= np.where(_column(of), found, 1.0)
        self._likeness = np.where(_column(of), self._damage, self._likeness)
        self._patch *= np.where((self._found > 0) & of, _next(self._found - 1, self._missed), 1.0)
        self._first_rate = np.where((self._found == 0) & of, found.mean(axis=1), self._first_rate)
        self._gain += np.where(of, gain, 0.0)
        self._found += of

    def miss(self, rate: Array | float, *, of: Marks | bool = True) -> None:
        """A picture after the first look does not show it, though it should be in view."""
        self._damage *= np.where(_column(of), 1.0 - chances(np.clip(rate, LEAST_RATE, MOST_RATE)), 1.0)
        self._likeness += np.where(_column(of), self._damage, 0.0)
        self._patch *= np.where(of, _next(self._missed, self._found - 1), 1.0)
        self._missed += of

    def lack(self, rate: Array | float, *, of: Marks | bool = True) -> None:
        """A picture before the first look did not show it; a rate of nothing: it was too small to be expected."""
        lacks = np.where(_column(of), 1.0 - chances(np.minimum(np.multiply(rate, 1 - HIDDEN), MOST_RATE)), 1.0)
        self._before *= lacks

    @property
    def log_ratio(self) -> Array:
        """Log of how much likelier damage makes all that was seen than no damage does; of no meaning without a look."""
        again, before = self._found - 1, self._before.mean(axis=1)
        damage = before * self._damage.mean(axis=1) / self._first_rate
        likeness = before * self._likeness.mean(axis=1) / self._first_rate / np.maximum(self._found + self._missed, 1)
        flash = np.where(again <= 0, 1.0, 0.0)
        nothing = PATCH_SHARE * before * self._patch + LIKENESS_SHARE * likeness + FLASH_SHARE * flash
        # The confidences hang together as the mistakes do: n count as n / (1 + (n - 1) r), the design effect of a
        # cluster (L. Kish, Survey Sampling, 1965).
        sure = self._gain / (1 + np.maximum(again, 0) * CORRELATION)
        return np.log(damage / nothing) + sure


def probabilities(hits: Marks, rates: Array, confidences: Array, known: Confidence) -> Array:
    """What a bus says of many passes by things of one class.

    Args:
        hits: (passes, pictures) whether a picture shows the thing.
        rates: chance that it shows it, if it is damage; 0 where it is too small to be expected. (1, pictures): of each.
        confidences: of the boxes; read where `hits` is true.
        known: how sure the detector is of this class.

    Returns:
        (passes,) that the thing is there; nan without any hit.
    """
    says, seen = np.full(len(hits), np.nan), np.flatnonzero(hits.any(axis=1))
    hits, gains = hits[seen], known.gain(confidences[seen])
    rates = rates if len(rates) == 1 else rates[seen]
    looks, was_found = Looks(len(hits)), np.zeros(len(hits), dtype=np.bool_)
    for picture in range(hits.shape[1]):
        is_hit, rate = hits[:, picture], rates[:, picture]
        looks.lack(rate, of=~is_hit & ~was_found)
        looks.miss(rate, of=~is_hit & was_found)
        looks.find(rate, gains[:, picture], of=is_hit)
        was_found |= is_hit
    says[seen] = probability(known.neutral, looks.log_ratio)
    return says


@dataclass(frozen=True, slots=True, kw_only=True)
class FalseThings:
    """What is no damage and passes for it, as one of the stories has it."""

    hits: Marks  # (passes, pictures) in which it does
    of_an_alarm: float  # how many such things there are for one false alarm in one picture


def false_things(rates: Array, chance: np.random.Generator) -> tuple[FalseThings, FalseThings, FalseThings]:
    """Simulate passes by flashes, patches and likenesses.

    Args:
        rates: (passes, pictures) how often damage as large as they are is found.
        chance: where they come from.
    """
    passes, pictures = len(rates), int(rates.shape[1])
    nth = np.arange(pictures, dtype=np.int64)
    flashes: Marks = nth == chance.integers(pictures, size=(passes, 1))
    patches: Marks = chance.random(rates.shape) < AGAIN
    by_luck: Array = chances(rates).reshape(passes, pictures, STEPS)[
        np.arange(passes), :, chance.integers(STEPS, size=passes)
    ]
    passes_for_it: Marks = nth < chance.integers(1, pictures, size=(passes, 1), endpoint=True)
    likenesses = np.logical_and(chance.random(rates.shape) < by_luck, passes_for_it)
    return _of_story(flashes, FLASH_SHARE), _of_story(patches, PATCH_SHARE), _of_story(likenesses, LIKENESS_SHARE)


def _of_story(hits: Marks, share: float) -> FalseThings:
    alarms_each = np.count_nonzero(hits) / len(hits)
    return FalseThings(hits=hits, of_an_alarm=share / max(alarms_each, LEAST_RATE))


def probability(prior: float, log_ratio: Array) -> Array:
    """What a log likelihood ratio makes of a prior."""
    return 1 / (1 + np.exp(-logit(prior) - log_ratio))


def logit(share: float) -> float:
    return math.log(share / (1 - share))


def chances(rate: Array | float) -> Array:
    """How often pictures find a thing that is found at this rate on average, by the luck of the pass, least first.

    Beta(a, b) with mean `rate` and a + b = 1 / CORRELATION - 1, in parts of equal chance: then two pictures of one pass
    are correlated by CORRELATION. (passes,) gives (passes, steps).
    """
    return _chance_table()[np.rint(np.multiply(rate, _RATES)).astype(np.int64).reshape(-1)]


@cache
def _chance_table() -> Array:
    """(rates, steps), each the mean of its part of sorted draws, which are always the same."""
    draw = np.random.default_rng(0)
    weight = 1 / CORRELATION - 1
    table = np.zeros((_RATES + 1, STEPS))
    for number in range(1, _RATES):
        drawn = np.sort(draw.beta(weight * number / _RATES, weight * (1 - number / _RATES), STEPS * _DRAWS))
        table[number] = drawn.reshape(STEPS, _DRAWS).mean(axis=1)
    table[_RATES] = 1.0
    return table


def _next(so: Array, otherwise: Array) -> Array:
    """Chance that the next picture is so, after some that were and some that were not: about one in two is, Beta(2, 2).

    Polya's urn that begins with two balls of each colour.
    """
    return (so + 2) / (so + otherwise + 4)


def _column(values: Array | Marks | float) -> Array:
    return np.asarray(values, dtype=np.float64).reshape(-1, 1)
