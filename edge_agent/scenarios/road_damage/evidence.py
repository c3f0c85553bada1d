"""How sure several looks at one thing make, with what is known of the detector."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from wire.error_model import CERTAIN, Quality
from wire.looks import Looks, logit, probability

HitRate = Callable[[str, float, float, Quality], float]
"""Chance that a picture of a quality shows damage of a class to the detector; sides of its box in pixels of a frame."""
Gain = Callable[[str, float], float]
"""Log of how much more often a box of a class with this confidence shows damage than not, among as many of both."""


def middling_hit_rate(class_code: str, width_px: float, height_px: float, quality: Quality) -> float:  # noqa: ARG001 - the same for all
    """Stand-in for the error model of a detector that has none."""
    return 0.6


def as_calibrated(class_code: str, confidence: float) -> float:  # noqa: ARG001 - the same for all
    """Stand-in too: a calibrated confidence over boxes of which half are right."""
    low, high = CERTAIN
    return logit(min(max(confidence, low), high))


@dataclass(frozen=True, slots=True, kw_only=True)
class Odds:
    """What is known of a detector before it looks."""

    right_share: Mapping[str, float] = field(default_factory=dict[str, float])
    """By class: of the boxes whose confidence says neither yes nor no, those that show damage; half, if not given."""
    hit_rate: HitRate = middling_hit_rate
    gain: Gain = as_calibrated


@dataclass(slots=True)
class Evidence:
    """What the frames of one pass say of one thing. `rate` is the chance that a frame shows it, if it is damage."""

    odds: Odds
    class_code: str  # as first seen
    looks: int = 0
    misses: int = 0
    before: int = 0  # frames before the first look in which it should have been visible
    _seen: Looks = field(default_factory=Looks)

    def see(self, confidence: float, *, class_code: str, rate: float) -> None:
        """Count a frame in which it was found with a calibrated confidence."""
        self._seen.find(rate, self.odds.gain(class_code, confidence))
        self.looks += 1

    def miss(self, *, rate: float) -> None:
        """Count a frame in which it should have been visible and was not found."""
        self._seen.miss(rate)
        self.misses += 1

    def lack(self, *, rate: float) -> None:
        """Count a frame before the first look in which it should have been visible and was not found."""
        self._seen.lack(rate)
        self.before += 1

    @property
    def probability(self) -> float:
        """That the thing is there."""
        prior = self.odds.right_share.get(self.class_code, 0.5)
        return probability(prior, self._seen.log_ratio).item()
