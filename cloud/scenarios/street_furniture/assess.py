"""What is the matter with a thing, from what passes saw and how its pictures compare: pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from cloud.scenarios.street_furniture.kinds import Kinds, Pictures
from cloud.scenarios.street_furniture.presence import Glance, Standing, standing_of


class ThingState(StrEnum):
    """How a thing is believed to be."""

    EXPECTED = "expected"  # imported, and seen by no bus yet
    SEEN = "seen"
    MISSING = "missing"
    HIDDEN = "hidden"
    DAMAGED = "damaged"
    REMOVED = "removed"  # on purpose, a person said so


class Problem(StrEnum):
    """What is to be done about; each is a class of the catalogue, with the thing's kind before it."""

    MISSING = "missing"
    HIDDEN = "hidden"
    DAMAGED = "damaged"

    def class_of(self, kind: str) -> str:
        """Class code of a thing's problem: SIGN_MISSING."""
        return f"{kind}_{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """A thing, with how sure each problem of it is."""

    state: ThingState
    standing: Standing
    damaged: float

    def probability(self, problem: Problem) -> float:
        """How sure a problem is."""
        match problem:
            case Problem.MISSING:
                return self.standing.presence.gone
            case Problem.HIDDEN:
                return self.standing.presence.hidden
            case Problem.DAMAGED:
                return self.damaged


def assess(before: ThingState, glances: Sequence[Glance], differences: Sequence[float], *, kinds: Kinds) -> Assessment:
    """Judge a thing.

    Args:
        before: what it was believed to be; what a person removed stays removed.
        glances: passes by it, in order of time.
        differences: of its newest pictures from those before, in order of time.
        kinds: the county's rules.
    """
    standing = standing_of(glances, kinds=kinds)
    damaged = 0.0 if kinds.pictures is None else damage_of(differences, rules=kinds.pictures)
    return Assessment(state=_state(before, standing, damaged, differences, kinds), standing=standing, damaged=damaged)


def damage_of(differences: Sequence[float], *, rules: Pictures) -> float:
    """Probability that a thing is damaged. Only the newest pictures count: what is repaired looks as before again."""
    odds = math.log(rules.prior / (1 - rules.prior))
    for difference in differences[-2 * rules.min_differing :]:
        if difference >= rules.differs_from:
            odds += math.log(rules.hit_rate / rules.false_rate)
        else:
            odds += math.log((1 - rules.hit_rate) / (1 - rules.false_rate))
    return 1 / (1 + math.exp(-odds))


def _state(
    before: ThingState, standing: Standing, damaged: float, differences: Sequence[float], kinds: Kinds
) -> ThingState:
    if before is ThingState.REMOVED:
        return before
    if before in {ThingState.MISSING, ThingState.HIDDEN} and standing.presence.there < 1 - kinds.rules.lost_below:
        return before  # one sighting is no return, and it is one case whatever became of the thing
    if standing.is_missing(kinds.rules):
        return ThingState.MISSING
    if standing.is_hidden(kinds.rules):
        return ThingState.HIDDEN
    if kinds.pictures is not None and _is_damaged(damaged, differences, kinds.pictures):
        return ThingState.DAMAGED
    return ThingState.SEEN if standing.last_seen_at is not None or before is ThingState.SEEN else ThingState.EXPECTED


def _is_damaged(damaged: float, differences: Sequence[float], rules: Pictures) -> bool:
    newest = differences[-2 * rules.min_differing :]
    differing = sum(difference >= rules.differs_from for difference in newest)
    return damaged >= rules.damaged_above and differing >= rules.min_differing
