"""Segments by their estimated condition; of the past, as the last day before had it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from cloud.condition.pci import grade_of
from cloud.condition.views import COLUMNS, PRESENT
from cloud.map.layer import Drawn, Glance, Layer, Record
from cloud.people.permissions import Permission

_NEWEST: Final = "SELECT max(last_looked_at) FROM segment_conditions"
NOW: Final = COLUMNS + PRESENT + "LIMIT %(most)s"
# A day's line is of its end: it would tell an hour of that day what was only learnt later.
_BEFORE: Final = """
SELECT s.id, r.name, s.line, h.pci_estimate, h.last_looked_at
FROM segments s JOIN roads r ON r.id = s.road_id
LEFT JOIN LATERAL (
    SELECT pci_estimate, last_looked_at FROM segment_history
    WHERE segment_id = s.id AND day < %(day)s ORDER BY day DESC LIMIT 1
) h ON true
"""
PAST: Final = _BEFORE + PRESENT + "LIMIT %(most)s"


def _draw(glance: Glance) -> Sequence[Drawn]:
    day = glance.at.astimezone(glance.zone).date()
    rows = glance.rows(PAST, day=day) if glance.is_past else glance.rows(NOW)
    return [_drawn(row, glance) for row in rows]


def _drawn(row: Record, glance: Glance) -> Drawn:
    looked_at = row["last_looked_at"]
    return Drawn(
        id=row["id"],
        shape="LineString",
        coordinates=row["line"],
        kind=grade_of(row["pci_estimate"]),
        name=row["name"],
        at=looked_at,
        is_stale=looked_at is None or glance.at - looked_at > glance.condition.survey.stale_after,
        value=row["pci_estimate"],
    )


CONDITION: Final = Layer(
    id="condition",
    permission=Permission.SEE,
    draw=_draw,
    newest=_NEWEST,
    fresh_for=timedelta(days=2),
    from_zoom=11.0,
)
