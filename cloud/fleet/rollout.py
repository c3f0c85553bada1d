"""When a roll-out goes on to its next group, waits for a person, or is over: pure rules.

Groups begin one after the other. A group is good when enough of its buses have what is rolled out and it was watched
for long enough; when too many of it fail, the roll-out waits until a person has looked.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from cloud.errors import RollOutError

MAX_GROUPS: Final = 20


class RollOutState(StrEnum):
    """Where a roll-out stands."""

    PROPOSED = "proposed"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    STOPPED = "stopped"


class Deed(StrEnum):
    """What a person does with a roll-out."""

    APPROVE = "approve"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"


_AFTER: Final = {
    (RollOutState.PROPOSED, Deed.APPROVE): RollOutState.RUNNING,
    (RollOutState.RUNNING, Deed.PAUSE): RollOutState.PAUSED,
    (RollOutState.PAUSED, Deed.RESUME): RollOutState.RUNNING,
    (RollOutState.PROPOSED, Deed.STOP): RollOutState.STOPPED,
    (RollOutState.RUNNING, Deed.STOP): RollOutState.STOPPED,
    (RollOutState.PAUSED, Deed.STOP): RollOutState.STOPPED,
}


def state_after(state: RollOutState, deed: Deed) -> RollOutState:
    """Where a roll-out stands after what a person does.

    Raises:
        RollOutError: that cannot be done in this state.
    """
    if (state, deed) not in _AFTER:
        can = ", ".join(sorted(known for at, known in _AFTER if at is state)) or "nothing"
        raise RollOutError(f"a roll-out that is {state} cannot be told to {deed}; possible: {can}")
    return _AFTER[state, deed]


def deeds_in(state: RollOutState) -> tuple[Deed, ...]:
    """What a person can do with a roll-out in this state."""
    return tuple(deed for at, deed in _AFTER if at is state)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What makes a group good, and what makes the roll-out wait."""

    stop_at_failed: float  # share of a group's buses
    go_on_at_done: float  # share of a group's buses
    watch: timedelta  # how long a group is watched before the next begins


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group, counted. Buses that were left out are not of it."""

    number: int
    begun_at: datetime | None
    size: int
    done: int
    failed: int
    forgiven: int = 0

    @property
    def is_settled(self) -> bool:
        return self.done + self.failed >= self.size


@dataclass(frozen=True, slots=True)
class Begin:
    """Tell the buses of a group."""

    number: int


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait for a person."""

    reason: str


@dataclass(frozen=True, slots=True)
class Finish:
    """Every bus of every group has settled."""


Step = Begin | Pause | Finish | None


def next_step(terms: Terms, groups: Sequence[Group], *, now: datetime) -> Step:
    """What a running roll-out does now; None: it waits for its buses.

    Args:
        terms: of the roll-out.
        groups: all of them, in order.
        now: aware time.
    """
    for group in groups:
        if group.begun_at is None:
            return Begin(group.number)
        fresh = group.failed - group.forgiven
        if fresh > 0 and fresh >= terms.stop_at_failed * group.size:
            return Pause(f"{group.failed} of {group.size} buses of group {group.number} could not take it")
        is_last = group.number == groups[-1].number
        if not is_last and not _is_good(terms, group, now):
            return None
    return Finish() if all(group.is_settled for group in groups) else None


def _is_good(terms: Terms, group: Group, now: datetime) -> bool:
    """Whether the next group may begin; failures that a person forgave count as buses that are not needed."""
    needed = terms.go_on_at_done * (group.size - min(group.forgiven, group.failed))
    is_watched = group.begun_at is not None and now - group.begun_at >= terms.watch
    return is_watched and (group.done >= needed or group.is_settled)


def draw_groups(devices: Iterable[str], shares: Sequence[float], *, seed: str) -> list[list[str]]:
    """Draw groups; each share is of all buses, the last group takes the rest.

    The same seed draws the same groups; another one draws others, so that not the same buses are always the first.

    Raises:
        RollOutError: the shares cannot be, or there are fewer buses than groups.
    """
    if len(shares) >= MAX_GROUPS or any(share <= 0 for share in shares) or sum(shares) >= 1:
        raise RollOutError(f"shares {list(shares)}: above 0, less than 1 together, at most {MAX_GROUPS - 1}")
    drawn = sorted(set(devices), key=lambda device: hashlib.sha256(f"{seed}/{device}".encode()).digest())
    if len(drawn) <= len(shares):
        raise RollOutError(f"{len(drawn)} buses for {len(shares) + 1} groups: each group needs a bus")
    groups: list[list[str]] = []
    begun = 0
    for place, share in enumerate(shares):
        after = len(shares) - place  # groups that come after it need a bus each
        size = min(max(1, round(share * len(drawn))), len(drawn) - begun - after)
        groups.append(drawn[begun : begun + size])
        begun += size
    return [*groups, drawn[begun:]]
