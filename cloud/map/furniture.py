"""Street furniture by how it was believed to be at a time: signs, rails, poles, covers, hydrants, bins.

Of a time before anything was said of a thing only its place is drawn.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from cloud.furniture.views import kind_name
from cloud.map.layer import IN_BOX, Drawn, Glance, Layer, Record, point
from cloud.people.permissions import Permission
from cloud.people.scope import SCOPE_PLACE

_SEEN: Final = "SELECT f.last_seen_at FROM inventory.findings f WHERE "
NEWEST: Final = _SEEN + SCOPE_PLACE + "ORDER BY f.last_seen_at DESC LIMIT 1"
_THINGS: Final = """
SELECT t.id::text, t.kind, coalesce(t.name, t.reference) AS name, f.lon, f.lat,
    CASE WHEN f.passes_seen > (t.source = 'imported')::int THEN f.last_seen_at END AS at,
    coalesce((SELECT s.state FROM inventory.thing_states s WHERE s.thing_id = t.id AND s.from_at <= %(at)s
        ORDER BY s.from_at DESC LIMIT 1), 'unknown') AS state
FROM inventory.findings f JOIN inventory.things t ON t.id = f.id
WHERE (t.removed_at IS NULL OR t.removed_at > %(at)s) AND (t.source = 'imported' OR f.first_seen_at <= %(at)s)
    AND point(f.lon, f.lat)
"""
DRAW: Final = _THINGS + IN_BOX + " AND " + SCOPE_PLACE + "LIMIT %(most)s"


def _draw(glance: Glance) -> Sequence[Drawn]:
    return [_drawn(row, glance) for row in glance.rows(DRAW)]


def _drawn(row: Record, glance: Glance) -> Drawn:
    return Drawn(
        id=row["id"],
        shape="Point",
        coordinates=point(row["lon"], row["lat"]),
        kind=row["state"],
        title=kind_name(row["kind"], glance.kinds),
        name=row["name"],
        at=None if glance.is_past else row["at"],
    )


FURNITURE: Final = Layer(
    id="furniture",
    permission=Permission.SEE,
    draw=_draw,
    newest=NEWEST,
    fresh_for=timedelta(hours=24),
    from_zoom=13.0,
)
