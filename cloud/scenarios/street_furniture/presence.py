"""Whether a thing stands where it should, from the passes by its place: a pure function.

Three things can be: it stands there and shows (some things are hard to see and always were), it is gone, or something
hides it for long (a tree grew, a truck is parked). A pass that saw it speaks for the first; one that looked and saw
nothing speaks against it, as far as its view was good. A view that was blocked in passing shows by the neighbours:
where they were missed too, a miss says little. A thing that is hidden for long is glimpsed now and then, and its
neighbours are missed more often; one that is gone is gone at once. The belief follows the passes in order of time as a
hidden Markov model.
Source: Thrun, Burgard and Fox, Probabilistic Robotics, section 2.4 (discrete Bayes filter).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cloud.findings.passes import MIN_LOOK_SHARE
from cloud.scenarios.street_furniture.kinds import Blocking, Changes, Kinds, Rules

LEAST: Final = 1e-4  # no number of passes makes anything surer
_ANY_NEIGHBOURS: Final = 3  # more say the same again


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """One pass by a thing: what it saw of it and of its neighbours."""

    at: datetime
    device: str
    is_seen: bool
    looked_share: float  # how much of a perfect look it was, 0..1; of a sighting 1
    hit: float  # chance that a perfect look with a free view tells it
    false_alarm: float  # chance that something else is taken for it
    neighbours_seen: int = 0
    neighbours_missed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """Probabilities, adding up to one."""

    clear: float  # it is there, and shows as its kind does
    hard: float  # it is there, and always was hard to see
    gone: float
    hidden: float  # it showed, and does no more

    @property
    def there(self) -> float:
        """That it is there for everybody to see."""
        return self.clear + self.hard


BEFORE: Final = Presence(clear=0.84, hard=0.1, gone=0.04, hidden=0.02)
"""Of a thing that somebody says is there, before any pass (assumed)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Misses:
    """Passes since the last sighting that looked and saw nothing."""

    count: int = 0
    devices: int = 0
    over: timedelta = timedelta()  # from the first to the last of them

    def are_enough(self, rules: Rules) -> bool:
        """Whether they are many, and not all of the hour in which a truck stood there."""
        apart = timedelta(hours=rules.apart_h) * (1.0 if self.devices > 1 else rules.alone_factor)
        return self.count >= rules.min_misses and self.over >= apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What all passes together say."""

    presence: Presence
    in_vain: Misses  # all that looked
    with_free_view: Misses  # of them, those whose view was likely free
    last_seen_at: datetime | None

    def is_missing(self, rules: Rules) -> bool:
        return self._is_lost(rules) and self._is_rather_gone and self.with_free_view.are_enough(rules)

    def is_hidden(self, rules: Rules) -> bool:
        return self._is_lost(rules) and not self._is_rather_gone and self.in_vain.are_enough(rules)

    def _is_lost(self, rules: Rules) -> bool:
        return self.presence.there < rules.lost_below

    @property
    def _is_rather_gone(self) -> bool:
        return self.presence.gone >= self.presence.hidden


def standing_of(glances: Sequence[Glance], *, kinds: Kinds) -> Standing:
    """Weigh the newest passes, given in order of time."""
    weighed_glances = beliefs_of(glances, kinds=kinds)
    in_vain: list[Glance] = []
    last_seen_at: datetime | None = None
    for glance, _ in weighed_glances:
        if glance.is_seen:
            in_vain, last_seen_at = [], glance.at
        elif glance.hit * glance.looked_share >= kinds.rules.good_view:
            in_vain.append(glance)
    return Standing(
        presence=weighed_glances[-1][1] if weighed_glances else BEFORE,
        in_vain=_misses(in_vain),
        with_free_view=_misses([glance for glance in in_vain if has_good_view(glance, kinds=kinds)]),
        last_seen_at=last_seen_at,
    )


def beliefs_of(glances: Sequence[Glance], *, kinds: Kinds) -> list[tuple[Glance, Presence]]:
    """The newest passes that looked, each with the belief after it."""
    looked = [glance for glance in glances if glance.is_seen or glance.looked_share >= MIN_LOOK_SHARE]
    presence, beliefs = BEFORE, list[tuple[Glance, Presence]]()
    for glance in looked[-kinds.rules.passes :]:
        presence = weighed(presence, glance, kinds=kinds)
        beliefs.append((glance, presence))
    return beliefs


def _misses(glances: Sequence[Glance]) -> Misses:
    if not glances:
        return Misses()
    devices = len({glance.device for glance in glances})
    return Misses(count=len(glances), devices=devices, over=glances[-1].at - glances[0].at)


def weighed(before: Presence, glance: Glance, *, kinds: Kinds) -> Presence:
    """The belief after one more pass."""
    changed, says = _changed(before, kinds.changes), _likelihoods(glance, kinds.blocking)
    return _bounded(
        changed.clear * says.clear, changed.hard * says.hard, changed.gone * says.gone, changed.hidden * says.hidden
    )


def has_good_view(glance: Glance, *, kinds: Kinds) -> bool:
    """Whether a thing that stands there would likely have been told."""
    return glance.hit * glance.looked_share * free_view(glance, kinds.blocking) >= kinds.rules.good_view


def free_view(glance: Glance, blocking: Blocking) -> float:
    """Chance that nothing blocked the view in passing, given what was seen of the neighbours."""
    if glance.is_seen:
        return 1.0
    free, blocked = 1.0 - blocking.in_passing, blocking.in_passing
    for number in range(_counted(glance)):
        is_missed = number < round(_counted(glance) * _missed_share(glance))
        free *= blocking.missed_anyway if is_missed else 1.0 - blocking.missed_anyway
        blocked *= blocking.of_neighbours if is_missed else 1.0 - blocking.of_neighbours
    return free / (free + blocked)


def _likelihoods(glance: Glance, blocking: Blocking) -> Presence:
    """Of the pass, if the thing is there, gone or hidden."""
    if glance.is_seen:
        return Presence(
            clear=glance.hit,
            hard=blocking.hard_to_see * glance.hit,
            gone=_false_alarm(glance, blocking),
            hidden=blocking.glimpse * glance.hit,
        )
    told = glance.hit * glance.looked_share * free_view(glance, blocking)
    alone, together = _neighbourhood(glance, blocking)
    hidden = (1.0 - blocking.glimpse * told) * together / alone
    return Presence(
        clear=1.0 - told,
        hard=1.0 - blocking.hard_to_see * told,
        gone=1.0 - _false_alarm(glance, blocking) * told / glance.hit,
        hidden=hidden,
    )


def _false_alarm(glance: Glance, blocking: Blocking) -> float:
    """Where something else is taken for it as often as it is glimpsed, a pass says nothing."""
    return min(glance.false_alarm, blocking.glimpse * glance.hit)


def _neighbourhood(glance: Glance, blocking: Blocking) -> tuple[float, float]:
    """Chance of what was seen of the nearest neighbours, if nothing hides them, and if what hides it may hide them."""
    alone = together = 1.0
    for number in range(min(1, _counted(glance))):
        is_missed = number < round(_counted(glance) * _missed_share(glance))
        hidden_too = blocking.hidden_with_it + (1.0 - blocking.hidden_with_it) * blocking.missed_anyway
        alone *= blocking.missed_anyway if is_missed else 1.0 - blocking.missed_anyway
        together *= hidden_too if is_missed else 1.0 - hidden_too
    # A neighbour that shows does not speak against a tree: it says only that the view was free.
    return alone, max(together, alone)


def _counted(glance: Glance) -> int:
    return min(glance.neighbours_seen + glance.neighbours_missed, _ANY_NEIGHBOURS)


def _missed_share(glance: Glance) -> float:
    return glance.neighbours_missed / (glance.neighbours_seen + glance.neighbours_missed)


def _changed(before: Presence, changes: Changes) -> Presence:
    """What may have happened since the pass before."""
    stays = 1.0 - changes.goes - changes.is_hidden
    return Presence(
        clear=before.clear * stays + before.gone * changes.comes_back + before.hidden * changes.shows_again,
        hard=before.hard * stays,
        gone=before.gone * (1.0 - changes.comes_back) + before.there * changes.goes,
        hidden=before.hidden * (1.0 - changes.shows_again) + before.there * changes.is_hidden,
    )


def _bounded(*weights: float) -> Presence:
    whole = sum(weights)
    kept = [max(weight / whole, LEAST) for weight in weights]
    clear, hard, gone, hidden = (share / sum(kept) for share in kept)
    return Presence(clear=clear, hard=hard, gone=gone, hidden=hidden)
