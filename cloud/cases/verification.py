"""Whether a repair holds, by what the buses saw of it afterwards: a pure function.

The belief that the damage is still there begins with the share of repairs that do not hold. A pass that looked and saw
nothing lowers it as far as it looked and as well as the detector finds this class (so a class that is found in half of
all looks needs more passes than one that is nearly always found); a sighting raises it as far as it is no false alarm.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cloud.cases.handling import Verification
from cloud.findings.rates import PassRates
from wire.looks import logit

MIN_SHARE: Final = 0.05  # a glance at the edge of the view is no look
_MAX_LOG_ODDS: Final = 9.0  # 0.9999


class Judgement(StrEnum):
    """What the passes say."""

    WAIT = "wait"
    VERIFIED = "verified"
    STILL_THERE = "still_there"


@dataclass(frozen=True, slots=True, kw_only=True)
class PassAfter:
    """One pass after the repair."""

    looked_share: float
    is_seen: bool
    rates: PassRates  # of this pass, by its camera, model and view, as the fusion weighs it


def still_there(passes: Sequence[PassAfter], *, rules: Verification) -> float:
    """Probability that the damage is still there."""
    log_odds = logit(rules.bad_repair) + sum(_evidence(taken) for taken in passes)
    return 1 / (1 + math.exp(-max(-_MAX_LOG_ODDS, min(_MAX_LOG_ODDS, log_odds))))


def after_verification(rules: Verification) -> Verification:
    """The same rules for passes after a verification: the belief begins where that left it."""
    return rules.model_copy(update={"bad_repair": rules.verify_below})


def judge(passes: Sequence[PassAfter], *, rules: Verification) -> Judgement:
    """Decide, or wait for more passes. Nothing seen is no proof where nobody looked."""
    belief = still_there(passes, rules=rules)
    if belief < rules.verify_below:
        return Judgement.VERIFIED
    is_seen = any(taken.is_seen for taken in passes)
    return Judgement.STILL_THERE if is_seen and belief > rules.reopen_above else Judgement.WAIT


def _evidence(taken: PassAfter) -> float:
    """Logarithm of how much more likely the pass is if the damage is still there."""
    if taken.is_seen:
        return taken.rates.log_ratio_seen
    return taken.rates.log_ratio_missed(taken.looked_share) if taken.looked_share >= MIN_SHARE else 0.0
