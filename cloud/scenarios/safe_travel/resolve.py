"""Whose id was heard: a table of all ids that can be sent around an hour, made once and not per sighting."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from cloud.scenarios.safe_travel.clock import TagClock
from wire.tags import ephemeral_ids

WINDOW: Final = timedelta(hours=1)
TABLES: Final = 50  # of the last two days: a bus that was away tells what it heard then


@dataclass(frozen=True, slots=True, kw_only=True)
class RotatingTag:
    """A tag whose id changes."""

    id: UUID
    key: bytes
    exponent: int
    clock: TagClock


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedTag:
    """A tag of a trial, whose id stays."""

    id: UUID
    fixed_id: str


class Match(NamedTuple):
    """The tag, and the period whose id it was; none for an id that stays."""

    tag: UUID
    step: int | None


class Resolver:
    """The ids of some tags. An id that two of them could have sent is nobody's."""

    def __init__(self, tags: Iterable[RotatingTag | FixedTag]) -> None:
        """Take the tags; tables are made as they are needed."""
        held = list(tags)
        self._rotating = [tag for tag in held if isinstance(tag, RotatingTag)]
        self._fixed = _table((tag.fixed_id, Match(tag.id, None)) for tag in held if isinstance(tag, FixedTag))
        self._tables: OrderedDict[datetime, dict[str, Match | None]] = OrderedDict()

    def resolve(self, rotating_id: str, *, at: datetime) -> Match | None:
        """The tag that sent this id then; none when it is not one of ours."""
        fixed = self._fixed.get(rotating_id)
        return fixed if fixed is not None else self._table_of(_window_of(at)).get(rotating_id)

    def _table_of(self, begin: datetime) -> dict[str, Match | None]:
        if begin not in self._tables:
            self._tables[begin] = ids_between(self._rotating, from_at=begin, to_at=begin + WINDOW)
            if len(self._tables) > TABLES:
                self._tables.popitem(last=False)
        self._tables.move_to_end(begin)
        return self._tables[begin]


def ids_between(tags: Sequence[RotatingTag], *, from_at: datetime, to_at: datetime) -> dict[str, Match | None]:
    """All ids that may be sent in this time, each with its tag; none with an id of two tags."""
    return _table(
        (id_of_step, Match(tag.id, step))
        for tag in tags
        for step, id_of_step in _ids_of(tag, tag.clock.steps(exponent=tag.exponent, from_at=from_at, to_at=to_at))
    )


def _ids_of(tag: RotatingTag, steps: range) -> Iterable[tuple[int, str]]:
    return ephemeral_ids(tag.key, exponent=tag.exponent, first=steps.start, last=steps.stop - 1)


def _table(entries: Iterable[tuple[str, Match]]) -> dict[str, Match | None]:
    table: dict[str, Match | None] = {}
    for id_of_tag, match in entries:
        is_shared = id_of_tag in table and table[id_of_tag] != match
        table[id_of_tag] = None if is_shared else match
    return table


def _window_of(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
