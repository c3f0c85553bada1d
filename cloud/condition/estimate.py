"""The condition of a segment from what was found on it and how much of it was seen.

The interval is a simulation of what is not known: whether each finding exists, how severe and how large it is, what
was missed where buses looked, and what lies where none looked. Each of these is drawn anew a few hundred times; the
estimate is the median of the indices, the interval what lies between their tails. The draws follow from the
segment's id, so that the same evidence gives the same numbers.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cloud.condition.pci import pci_of
from cloud.condition.rules import ConditionRules, DamageRule, Doubt
from cloud.findings.model import Severity
from cloud.roads.model import Surface

Draws = NDArray[np.float64]  # (draws,)
_STEPS: Final = tuple(Severity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """A finding, as far as the condition needs it."""

    class_code: str
    severity: Severity
    existence: float
    is_open: bool
    length_m: float | None
    width_m: float | None
    area_m2: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Surveyed:
    """How much of a segment's surface was seen, and how often on the whole."""

    share: float
    looks: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Index with its interval."""

    pci: float
    low: float
    high: float
    damage_ratio_percent: float


def estimate(
    damages: Sequence[Damage],
    surveyed: Surveyed,
    *,
    area_m2: float,
    surface: Surface,
    segment_id: str,
    rules: ConditionRules,
) -> Estimate | None:
    """Estimate a segment's condition; nothing when too little of it was seen."""
    if surveyed.share < rules.survey.min_share:
        return None
    doubt = rules.doubt
    rng = np.random.default_rng(_seed(segment_id))
    found_m2 = sum((_found(damage, rules, rng) for damage in damages), np.zeros(doubt.draws))
    seen_m2 = area_m2 * surveyed.share
    missed_m2 = _missed(seen_m2, surveyed.looks, doubt, rng)
    unseen_m2 = _unseen(found_m2 + missed_m2, seen_m2, area_m2 - seen_m2, doubt, rng)
    ratio = np.minimum(100.0, 100 * (found_m2 + missed_m2 + unseen_m2) / area_m2)
    low, middle, high = np.quantile(pci_of(ratio, surface), [doubt.tail, 0.5, 1 - doubt.tail])
    return Estimate(pci=float(middle), low=float(low), high=float(high), damage_ratio_percent=float(np.median(ratio)))


def _area_m2(damage: Damage, rule: DamageRule) -> tuple[float, bool]:
    """Area, and whether it was measured."""
    if rule.strip_m is not None:
        return (damage.length_m or rule.assumed) * rule.strip_m, damage.length_m is not None
    measured = damage.area_m2
    if measured is None and damage.length_m is not None and damage.width_m is not None:
        measured = damage.length_m * damage.width_m
    return (rule.assumed, False) if measured is None else (measured, True)


def _found(damage: Damage, rules: ConditionRules, rng: np.random.Generator) -> Draws:
    """Weighted area of a finding in each draw; a class without a rule does not count."""
    rule, doubt = rules.classes.get(damage.class_code), rules.doubt
    if rule is None:
        return np.zeros(doubt.draws)
    area_m2, is_measured = _area_m2(damage, rule)
    sigma = doubt.measured_sigma if is_measured else doubt.assumed_sigma
    exists = rng.random(doubt.draws) < damage.existence
    # Minus half the variance, so that the mean stays what was measured.
    size = area_m2 * np.exp(rng.normal(-(sigma**2) / 2, sigma, doubt.draws))
    return exists * size * _weights(damage.severity, rule, doubt, rng)


def _weights(severity: Severity, rule: DamageRule, doubt: Doubt, rng: np.random.Generator) -> Draws:
    weights = np.array([rule.weights[step] for step in _STEPS])
    off = (rng.random(doubt.draws) < doubt.severity_share) * rng.choice((-1, 1), doubt.draws)
    return weights[np.clip(_STEPS.index(severity) + off, 0, len(_STEPS) - 1)]


def _missed(seen_m2: float, looks: float, doubt: Doubt, rng: np.random.Generator) -> Draws:
    """Weighted area of damages where buses looked that no pass reported: fewer with each look."""
    usual = doubt.usual_ratio_percent / 100 * seen_m2 / doubt.usual_damage_m2
    count = rng.poisson(usual * (1 - doubt.hit_rate) ** looks, doubt.draws)
    return rng.gamma(np.maximum(count, 1), doubt.usual_damage_m2) * (count > 0)


def _unseen(damaged_m2: Draws, seen_m2: float, rest_m2: float, doubt: Doubt, rng: np.random.Generator) -> Draws:
    """Weighted area where nobody looked: as on the part that was seen, and as usual, each by its square metres."""
    if rest_m2 <= 0:
        return np.zeros(doubt.draws)
    trusted_m2 = seen_m2 + doubt.usual_area_m2
    ratio = (damaged_m2 + doubt.usual_ratio_percent / 100 * doubt.usual_area_m2) / trusted_m2
    # A road is patchy: the less of it is to be guessed from much, the closer the guess.
    return rng.gamma(trusted_m2 / doubt.usual_area_m2, doubt.usual_area_m2 / trusted_m2, doubt.draws) * ratio * rest_m2


def _seed(segment_id: str) -> int:
    return int.from_bytes(hashlib.sha256(segment_id.encode()).digest()[:8], "big")
