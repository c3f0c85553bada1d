"""From what was concluded before to what is concluded now: late news corrects, and repeats nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from cloud.scenarios.safe_travel.model import Event

SAME: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEvent:
    """An event that is kept."""

    id: UUID
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrections:
    """What has to be done with the events that are kept."""

    new: tuple[Event, ...]
    changed: tuple[KnownEvent, ...]
    withdrawn: tuple[UUID, ...]


def reconcile(
    known: Sequence[KnownEvent], now: Sequence[Event], *, forgotten_to: datetime | None = None
) -> Corrections:
    """Pair events that tell the same thing; each with the nearest in time.

    Args:
        known: what was concluded before.
        now: what is concluded now.
        forgotten_to: what was heard until then is deleted, so that it takes nothing back.
    """
    pairs = sorted(
        (
            (abs(one.event.at - other.at), str(one.id), number)
            for one in known
            for number, other in enumerate(now)
            if _tell_the_same(one.event, other)
        ),
    )
    kept: dict[str, int] = {}
    for _, key, number in pairs:
        if key not in kept and number not in kept.values():
            kept[key] = number
    changed = [
        KnownEvent(id=one.id, event=now[kept[str(one.id)]])
        for one in known
        if str(one.id) in kept and now[kept[str(one.id)]] != one.event
    ]
    return Corrections(
        new=tuple(event for number, event in enumerate(now) if number not in kept.values()),
        changed=tuple(changed),
        withdrawn=tuple(
            one.id
            for one in known
            if str(one.id) not in kept and (forgotten_to is None or one.event.at >= forgotten_to)
        ),
    )


def _tell_the_same(first: Event, second: Event) -> bool:
    reader = first.seen.reader if first.seen else None
    other = second.seen.reader if second.seen else None
    is_of_journey = first.journey is not None
    return (
        (first.kind, first.journey) == (second.kind, second.journey)
        and (is_of_journey or reader == other)
        and (is_of_journey or abs(first.at - second.at) <= SAME)
    )
