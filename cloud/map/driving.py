"""Where buses are driven harshly: places, never a bus, a driver or a time.

A place is told only with several incidents of several buses, so that none of them can be read off it.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final

from cloud.driving.views import COUNTED_STATES
from cloud.findings.cells import cell_of, middle_of, resolution_for
from cloud.map.layer import IN_BOX, Drawn, Glance, Layer, Record, point
from cloud.people.permissions import Permission
from cloud.people.scope import SCOPE_PLACE

WINDOW: Final = timedelta(days=30)
FEWEST_INCIDENTS: Final = 3
FEWEST_BUSES: Final = 2
_MOST: Final = 20_000
_FINEST: Final = 9

# To the hour: the time of one incident is nobody's business here.
_HOUR: Final = "SELECT date_trunc('hour', f.from_at) FROM driving_incidents f WHERE f.city = %(city)s AND "
NEWEST: Final = _HOUR + SCOPE_PLACE + "ORDER BY f.from_at DESC LIMIT 1"
_COUNTED: Final = """
SELECT f.device, f.kind, f.lon, f.lat FROM driving_incidents f
WHERE f.city = %(city)s AND f.from_at > %(since)s AND f.from_at <= %(at)s AND f.state = ANY(%(counted)s)
    AND point(f.lon, f.lat)
"""
DRAW: Final = _COUNTED + IN_BOX + " AND " + SCOPE_PLACE + "LIMIT %(rows)s"


def _draw(glance: Glance) -> Sequence[Drawn]:
    rows = glance.rows(DRAW, since=glance.at - WINDOW, counted=COUNTED_STATES, rows=_MOST)
    return places_of(rows, resolution=min(_FINEST, resolution_for(zoom=glance.zoom, **glance.box)))


def places_of(incidents: Iterable[Record], *, resolution: int) -> list[Drawn]:
    """Cells with enough incidents of enough buses, by the kind that is the most frequent there."""
    by_cell: dict[str, list[Record]] = {}
    for row in incidents:
        by_cell.setdefault(cell_of(resolution, lon=row["lon"], lat=row["lat"]), []).append(row)
    return [_drawn(cell, rows) for cell, rows in by_cell.items() if _is_enough(rows)]


def _is_enough(rows: Sequence[Record]) -> bool:
    return len(rows) >= FEWEST_INCIDENTS and len({row["device"] for row in rows}) >= FEWEST_BUSES


def _drawn(cell: str, rows: Sequence[Record]) -> Drawn:
    lon, lat = middle_of(cell)
    kinds = Counter(str(row["kind"]) for row in rows)
    return Drawn(
        id=cell,
        shape="Point",
        coordinates=point(lon, lat),
        kind=kinds.most_common(1)[0][0],
        count=len(rows),
    )


DRIVING: Final = Layer(
    id="driving",
    permission=Permission.SEE_DRIVING,
    draw=_draw,
    newest=NEWEST,
    fresh_for=timedelta(days=7),
)
