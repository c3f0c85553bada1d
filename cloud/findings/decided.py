"""Decisions of people as the fusion reads them; `cloud.cases.decisions` writes them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from cloud.findings.decisions import DecisionKind, Decisions

_STANDING: Final = """
SELECT kind, first_observations, second_observations FROM finding_decisions
WHERE undone_at IS NULL AND cell = ANY(%s) ORDER BY at, id
"""
# When a merge is taken back, each side is again the finding that it was: the one that lives on and the one taken in.
_TAKEN_BACK: Final = """
SELECT f.id, side.observations FROM finding_decisions d
JOIN findings f ON f.id IN (d.first_finding, d.second_finding)
CROSS JOIN LATERAL (
    SELECT CASE WHEN f.id = d.first_finding THEN d.first_observations ELSE d.second_observations END AS observations
) side
WHERE d.kind = 'merge' AND d.undone_at IS NOT NULL AND f.city = %(city)s AND side.observations && %(ids)s::uuid[]
ORDER BY d.undone_at DESC, f.id
"""


def read_decisions(connection: Connection[Any], cells: Sequence[str]) -> Decisions:
    """Decisions that stand in these cells."""
    rows = connection.execute(_STANDING, (list(cells),)).fetchall()
    sides = [(kind, _ids(first), _ids(second)) for kind, first, second in rows]
    return Decisions(
        together=tuple(first | second for kind, first, second in sides if kind == DecisionKind.MERGE),
        apart=tuple((first, second) for kind, first, second in sides if kind != DecisionKind.MERGE),
    )


@dataclass(frozen=True, slots=True)
class BeforeMerge:
    """Which finding sightings were, before a merge that somebody took back."""

    sides: tuple[tuple[UUID, frozenset[str]], ...]  # taken back last, first

    def finding_of(self, observations: Iterable[str]) -> UUID | None:
        """Finding that some of these sightings were."""
        names = frozenset(observations)
        return next((finding_id for finding_id, side in self.sides if side & names), None)


def read_before_merge(connection: Connection[Any], *, city: str, observations: Iterable[str]) -> BeforeMerge:
    """What these sightings were."""
    rows = connection.execute(_TAKEN_BACK, {"city": city, "ids": list(observations)}).fetchall()
    return BeforeMerge(tuple((finding_id, _ids(side)) for finding_id, side in rows))


def _ids(observations: Sequence[UUID]) -> frozenset[str]:
    return frozenset(str(each) for each in observations)
