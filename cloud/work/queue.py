"""What is still to be taken into account."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from cloud.findings.evidence import Key

BATCH: Final = 500
PLACES: Final = 64

# Jumps from cell to cell along the index instead of reading the whole queue.
_PLACES: Final = """
WITH RECURSIVE place AS (
    (SELECT cell, id_at FROM fusion_queue ORDER BY cell, id_at LIMIT 1)
    UNION ALL
    SELECT following.* FROM place CROSS JOIN LATERAL (
        SELECT cell, id_at FROM fusion_queue WHERE cell > place.cell ORDER BY cell, id_at LIMIT 1
    ) following
)
SELECT cell FROM place ORDER BY id_at, cell LIMIT %s
"""
_TAKE: Final = """
SELECT kind, id_at, city, device, id, cell FROM fusion_queue WHERE cell = ANY(%s)
ORDER BY id_at, id LIMIT %s FOR UPDATE SKIP LOCKED
"""
_DELETE: Final = """
DELETE FROM fusion_queue q
USING unnest(%s::text[], %s::text[], %s::text[], %s::uuid[]) AS n(kind, city, device, id)
WHERE q.kind = n.kind AND q.city = n.city AND q.device = n.device AND q.id = n.id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A batch of some places."""

    observations: list[Key] = field(default_factory=list[Key])
    coverages: list[Key] = field(default_factory=list[Key])
    cell_of: dict[UUID, str] = field(default_factory=dict[UUID, str])  # where each waited

    def __len__(self) -> int:
        return len(self.observations) + len(self.coverages)

    @property
    def items(self) -> list["Item"]:
        """Each with its kind."""
        return [("observation", key) for key in self.observations] + [("coverage", key) for key in self.coverages]

    @staticmethod
    def of(items: Sequence["Item"]) -> "Taken":
        """A part of a batch."""
        return Taken(
            observations=[key for kind, key in items if kind == "observation"],
            coverages=[key for kind, key in items if kind == "coverage"],
        )


Item = tuple[str, Key]


def subject_of(item: Item, *, cell_of: Mapping[UUID, str]) -> dict[str, Any]:
    """What tells it apart, and where it waited."""
    kind, (id_at, city, device, event_id) = item
    return {
        "kind": kind,
        "city": city,
        "device": device,
        "id": str(event_id),
        "id_at": id_at.isoformat(),
        "cell": cell_of[event_id],
    }


def waiting_places(connection: Connection[Any]) -> list[str]:
    """Cells with something to do, the longest waiting first."""
    return [cell for (cell,) in connection.execute(_PLACES, (PLACES,)).fetchall()]


def take(connection: Connection[Any], cells: Sequence[str]) -> Taken:
    """Take a batch; it is given back when the transaction fails."""
    taken = Taken()
    for kind, id_at, city, device, event_id, cell in connection.execute(_TAKE, (list(cells), BATCH)).fetchall():
        (taken.observations if kind == "observation" else taken.coverages).append((id_at, city, device, event_id))
        taken.cell_of[event_id] = cell
    return taken


def delete(connection: Connection[Any], taken: Taken) -> None:
    """Say that the batch has taken effect."""
    rows = [(kind, *key) for kind, key in taken.items]
    kinds, _, cities, devices, ids = ([row[place] for row in rows] for place in range(5))
    connection.execute(_DELETE, (kinds, cities, devices, ids))
