"""From single observations and looks to passes: one bus that goes by counts once."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from cloud.findings.geometry import angle_between_deg
from cloud.findings.model import Look, Observation, Pass

PASS_GAP: Final = timedelta(seconds=60)  # a bus that comes back within a minute came in the other direction
SAME_DIRECTION_DEG: Final = 90.0
MIN_LOOK_SHARE: Final = 0.05  # less was no look at all

Evidence = Observation | Look


def passes_of(observations: Sequence[Observation], looks: Sequence[Look]) -> list[Pass]:
    """Passes by one finding, in order of time; the same for every order of the input."""
    passes: dict[tuple[datetime, str, str], Pass] = {}
    for taken in map(_pass_of, grouped_by_pass([*observations, *looks])):
        if taken.seen is not None or taken.looked_share >= MIN_LOOK_SHARE:
            key = (taken.at, taken.city, taken.device)
            passes[key] = max(taken, passes.get(key, taken), key=_weight)  # no bus is in two places at once
    return [passes[key] for key in sorted(passes)]


def _weight(taken: Pass) -> tuple[bool, str, float]:
    return taken.seen is not None, taken.seen.id if taken.seen else "", taken.looked_share


def grouped_by_pass(evidence: Iterable[Evidence]) -> list[list[Evidence]]:
    """Split evidence by bus, direction, and gaps in time."""
    ordered = sorted(evidence, key=lambda item: (item.city, item.device, item.from_at, item.to_at, _id_of(item)))
    groups: list[list[Evidence]] = []
    for _, items in groupby(ordered, key=lambda item: (item.city, item.device)):
        groups.extend(_split(list(items)))
    return groups


def bursts_of(observations: Sequence[Observation]) -> list[list[Observation]]:
    """What each bus saw within a minute, in order of time: what is to be matched at once.

    A bus that circles a small block goes on and on seeing things; what it sees in its second round is matched anew.
    """
    bursts: list[list[Observation]] = []
    for group in grouped_by_pass(observations):
        until = group[0].from_at
        for item in group:
            if item.from_at >= until:
                bursts.append([])
                until = item.from_at + PASS_GAP
            if isinstance(item, Observation):
                bursts[-1].append(item)
    return sorted(bursts, key=lambda burst: (burst[0].from_at, burst[0].id))


def is_same_pass(first: Evidence, second: Evidence) -> bool:
    """Tell whether one bus gave both while it went by once."""
    return (
        (first.city, first.device) == (second.city, second.device)
        and angle_between_deg(first.heading_deg, second.heading_deg) <= SAME_DIRECTION_DEG
        and first.from_at <= second.to_at + PASS_GAP
        and second.from_at <= first.to_at + PASS_GAP
    )


def _split(items: list[Evidence]) -> list[list[Evidence]]:
    groups: list[list[Evidence]] = []
    for item in items:
        mine = next((group for group in reversed(groups[-2:]) if _belongs(item, group)), None)
        if mine is None:
            groups.append([item])
        else:
            mine.append(item)
    return groups


def _belongs(item: Evidence, group: list[Evidence]) -> bool:
    last_at = max(member.to_at for member in group)
    turned = angle_between_deg(item.heading_deg, group[0].heading_deg)
    return item.from_at <= last_at + PASS_GAP and turned <= SAME_DIRECTION_DEG


def _pass_of(group: list[Evidence]) -> Pass:
    observations = [item for item in group if isinstance(item, Observation)]
    looks = [item for item in group if isinstance(item, Look)]
    best = max(observations, key=lambda item: (item.confidence, item.id), default=None)
    return Pass(
        city=group[0].city,
        device=group[0].device,
        at=best.at if best else max(look.to_at for look in looks),
        seen=best,
        # Neighbouring stretches of one pass each look at a part of the way towards the finding.
        looked_share=min(1.0, sum(look.share for look in looks)),
        look=max(looks, key=lambda look: (look.share, look.coverage_id), default=None),
    )


def _id_of(item: Evidence) -> str:
    return item.id if isinstance(item, Observation) else item.coverage_id
