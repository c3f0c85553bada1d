"""The index of traffic facilities (TCI) of JTG 5210-2018, as far as its formula goes.

TCI = sum of w_i * (100 - GD_i) over guard rails, fences, signs, marking and greenery, each GD_i capped at 100. The
standard was read in secondary sources only: what comes out is an estimate. What no bus looks for counts as whole.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cloud.condition.estimate import Damage
from cloud.condition.rules import Facilities, FacilityRule


@dataclass(frozen=True, slots=True, kw_only=True)
class FacilityIndex:
    """Index by what is believed, and if all that is suspected were so."""

    tci: float
    low: float


def facility_index(damages: Sequence[Damage], *, rules: Facilities) -> FacilityIndex:
    """Index of a segment from the findings on it; those of classes without a rule do not count."""
    believed, suspected = (
        [damage for damage in damages if damage.existence >= least]
        for least in (rules.believed_from, min(rules.suspected_from, rules.believed_from))
    )
    return FacilityIndex(tci=_index(believed, rules), low=_index(suspected, rules))


def _index(damages: Sequence[Damage], rules: Facilities) -> float:
    deducted = dict.fromkeys(rules.weights, 0.0)
    for damage in damages:
        rule = rules.classes.get(damage.class_code)
        if rule is not None:
            deducted[rule.item] += _deduct(damage, rule)
    return sum(weight * (100.0 - min(deducted[item], 100.0)) for item, weight in rules.weights.items())


def _deduct(damage: Damage, rule: FacilityRule) -> float:
    """Of a place, or of each started stretch of so many metres."""
    if rule.per_m is None:
        return rule.deduct[damage.severity]
    return rule.deduct[damage.severity] * math.ceil((damage.length_m or rule.per_m) / rule.per_m)
