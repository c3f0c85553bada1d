"""Passes by a thing, as passes by its problem: whoever misses a sign notices that it is missing. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from cloud.scenarios.street_furniture.assess import Problem
from cloud.scenarios.street_furniture.kinds import Kinds, Pictures
from cloud.scenarios.street_furniture.presence import Glance, Presence, beliefs_of, free_view

_LEAST, _MOST = 0.01, 0.98


@dataclass(frozen=True, slots=True, kw_only=True)
class Noticed:
    """One pass, with what it did to the belief in a problem, and its rates as the proof of a repair weighs them."""

    glance: Glance
    is_noticed: bool
    looked_share: float
    before: float
    after: float
    hit: float  # chance that such a pass notices the problem, if there is one
    false_alarm: float  # and if there is none


def lost_passes(glances: Sequence[Glance], *, problem: Problem, kinds: Kinds) -> list[Noticed]:
    """Passes as evidence that a thing is missing or hidden."""
    before, found = 0.0, list[Noticed]()
    for glance, presence in beliefs_of(glances, kinds=kinds):
        after = _of(presence, problem)
        told = glance.hit * glance.looked_share * free_view(glance, kinds.blocking)
        found.append(
            Noticed(
                glance=glance,
                is_noticed=not glance.is_seen,
                looked_share=1.0 if glance.is_seen else glance.looked_share,
                before=before,
                after=after,
                hit=_inside(1.0 - glance.false_alarm),
                false_alarm=min(_inside(1.0 - told), _inside(1.0 - glance.false_alarm)),
            )
        )
        before = after
    return found


def damage_passes(
    glances: Sequence[tuple[Glance, float]], *, probabilities: Sequence[float], rules: Pictures
) -> list[Noticed]:
    """Sightings with the difference of their picture, as evidence that a thing is damaged."""
    befores = [rules.prior, *probabilities[:-1]]
    return [
        Noticed(
            glance=glance,
            is_noticed=difference >= rules.differs_from,
            looked_share=1.0,
            before=before,
            after=after,
            hit=rules.hit_rate,
            false_alarm=rules.false_rate,
        )
        for (glance, difference), before, after in zip(glances, befores, probabilities, strict=True)
    ]


def _of(presence: Presence, problem: Problem) -> float:
    return presence.gone if problem is Problem.MISSING else presence.hidden


def _inside(share: float) -> float:
    return min(max(share, _LEAST), _MOST)
