"""Cases that were open at a time, where their findings lie."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from cloud.map.layer import IN_BOX, Drawn, Glance, Layer, point
from cloud.people.permissions import Permission
from cloud.people.scope import SCOPE_CASE, SCOPE_PLACE

_OPENED: Final = "SELECT c.opened_at FROM cases c JOIN findings f ON f.id = c.finding_id WHERE "
NEWEST: Final = _OPENED + SCOPE_CASE + "AND" + SCOPE_PLACE + "ORDER BY c.id DESC LIMIT 1"
_OPEN: Final = """
SELECT c.id::text, c.number, c.severity, f.lon, f.lat, h.to_state AS state, h.at,
    c.due_at IS NOT NULL AND c.due_at <= %(at)s AND h.to_state NOT IN ('done', 'suspended') AS is_overdue
FROM findings f
JOIN cases c ON c.finding_id = f.id
CROSS JOIN LATERAL (
    SELECT to_state, at FROM case_history WHERE case_id = c.id AND at <= %(at)s ORDER BY serial DESC LIMIT 1
) h
WHERE c.opened_at <= %(at)s AND h.to_state <> 'verified' AND NOT is_ended(h.to_state) AND
"""
DRAW: Final = _OPEN + SCOPE_CASE + "AND" + SCOPE_PLACE + "AND point(f.lon, f.lat) " + IN_BOX + " LIMIT %(most)s"


def _draw(glance: Glance) -> Sequence[Drawn]:
    return [
        Drawn(
            id=row["id"],
            shape="Point",
            coordinates=point(row["lon"], row["lat"]),
            kind="overdue" if row["is_overdue"] else "running",
            state=row["state"],
            name=row["number"],
            at=row["at"],
        )
        for row in glance.rows(DRAW)
    ]


CASES: Final = Layer(
    id="cases",
    permission=Permission.SEE_CASES,
    draw=_draw,
    newest=NEWEST,
    fresh_for=timedelta(days=7),
    from_zoom=11.0,
)
