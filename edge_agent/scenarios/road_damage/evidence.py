"""How sure several looks at one thing make: frames of one pass share their mistakes. Pure."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

CERTAIN: Final = 0.01, 0.99  # no single frame is more certain than this

HitRate = Callable[[str, float, float], float]
"""Chance that a picture shows damage of a class to the detector; sides of its box in pixels of the frame."""
Likelihood = Callable[[str, float], float]
"""Log of how much more often a box of a class with this confidence shows damage than not, among as many of both."""


def middling_hit_rate(class_code: str, width_px: float, height_px: float) -> float:  # noqa: ARG001 - the same for all
    """Stand-in for the error model of a detector that has none."""
    return 0.6


def as_calibrated(class_code: str, confidence: float) -> float:  # noqa: ARG001 - the same for all
    """Stand-in too: a calibrated confidence over boxes of which half are right."""
    return logit(confidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Odds:
    """What is known of a detector before it looks."""

    right_share: Mapping[str, float] = field(default_factory=dict[str, float])
    """By class: of the boxes whose confidence says neither yes nor no, those that show damage; half, if not given."""
    correlation: float = 0.25  # of the mistakes of two frames of one pass
    again: float = 0.5  # chance that what is no damage shows itself once more: manholes and patches do, flashes do not
    flash_share: float = 0.5  # of what is no damage: a light, a shadow, that could not be seen before
    hidden: float = 0.2  # chance that something before the bus hid a thing in a frame before its first
    least_hit: float = 0.6  # what was seen once is easier to see again than the average says
    most_hit: float = 0.9
    hit_rate: HitRate = middling_hit_rate
    likelihood: Likelihood = as_calibrated

    def seen_again(self, class_code: str, *, width_px: float, height_px: float) -> float:
        """Chance that a thing that was seen once is seen in one more frame, if it is damage."""
        rate = self.hit_rate(class_code, width_px, height_px)
        return min(max(math.sqrt(rate), self.least_hit), self.most_hit)

    def seen_before(self, class_code: str, *, width_px: float, height_px: float) -> float:
        """Chance that damage would have been found in a frame before its first look."""
        rate = self.hit_rate(class_code, width_px, height_px)
        return min(rate * (1 - self.hidden), self.most_hit)


@dataclass(slots=True)
class Evidence:
    """Running sums over the frames of one pass."""

    odds: Odds
    class_code: str  # as first seen
    looks: int = 0
    misses: int = 0
    before: int = 0  # frames before the first look in which it should have been visible
    _sum: float = 0.0  # of log likelihood ratios
    _lack: float = 0.0  # of logs of the chance that damage was not found in the frames before

    def see(self, confidence: float, *, class_code: str, hit: float) -> None:
        """Count a frame in which it was found with a calibrated confidence."""
        low, high = CERTAIN
        self._sum += self.odds.likelihood(class_code, min(max(confidence, low), high))
        if self.looks:
            self._sum += math.log(hit / self.odds.again)
        self.looks += 1

    def miss(self, *, hit: float) -> None:
        """Count a frame in which it should have been visible and was not found."""
        self._sum += math.log((1 - hit) / (1 - self.odds.again))
        self.misses += 1

    def lack(self, *, hit: float) -> None:
        """Count a frame before the first look in which it should have been visible and was not found."""
        self._lack += math.log(1 - hit)
        self.before += 1

    @property
    def probability(self) -> float:
        """That the thing is there. n frames whose mistakes are correlated by r count like n / (1 + (n - 1) r).

        Source of the count: L. Kish, Survey Sampling, 1965 (design effect of a cluster).
        """
        prior = logit(self.odds.right_share.get(self.class_code, 0.5))
        seen = self._counted(self.looks + self.misses) * self._sum
        return 1 / (1 + math.exp(-prior - seen - self._log_of_lack))

    @property
    def _log_of_lack(self) -> float:
        """Log likelihood ratio of not having been found before: flashes could not be, all else as little as damage."""
        lack = math.exp(self._counted(self.before) * self._lack)
        flash = self.odds.flash_share
        return math.log(lack / (flash + (1 - flash) * lack))

    def _counted(self, frames: int) -> float:
        return 1 / (1 + max(frames - 1, 0) * self.odds.correlation)


def logit(share: float) -> float:
    return math.log(share / (1 - share))
