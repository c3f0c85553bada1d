"""What people decided about findings, as the fusion respects it: said of observations, which never change."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class DecisionKind(StrEnum):
    """What a person can say of findings."""

    MERGE = "merge"  # these two are one
    SPLIT = "split"  # this one is two
    DIFFERENT = "different"  # these two are not one, and never will be


Ids = frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """All decisions that stand."""

    together: tuple[Ids, ...] = ()
    apart: tuple[tuple[Ids, Ids], ...] = ()

    def never_with(self, ids: Iterable[str]) -> Ids:
        """Observations that may not be of the thing that these are of."""
        if not self.apart:
            return frozenset()
        mine = frozenset(ids)
        return frozenset[str]().union(
            *(right for left, right in self.apart if mine & left), *(left for left, right in self.apart if mine & right)
        )

    def are_apart(self, first_id: str, second_id: str) -> bool:
        """Whether somebody said that these two observations are of two things."""
        return second_id in self.never_with([first_id])


NOTHING_DECIDED = Decisions()
