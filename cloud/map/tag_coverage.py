"""Where tags could be heard within the last hour: of readers, never of tags or people."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from cloud.findings.cells import cell_around, middle_of, resolution_for, ring_of
from cloud.map.layer import MOST, Drawn, Glance, Layer, Record
from cloud.people.permissions import Permission

WINDOW: Final = timedelta(hours=1)
_MOST_CELLS: Final = 50_000
_FINEST: Final = 9  # as travel_watch has them

_NEWEST: Final = "SELECT max(known_to) FROM travel_readers WHERE city = %(city)s"
DRAW: Final = """
SELECT cell, count(DISTINCT w.device)::int AS readers, max(w.to_at) AS at
FROM travel_watch w, unnest(w.cells) AS cell
WHERE w.city = %(city)s AND w.is_listening AND w.to_at > %(since)s AND w.to_at <= %(at)s
GROUP BY cell LIMIT %(cells)s
"""


def _draw(glance: Glance) -> Sequence[Drawn]:
    rows = glance.rows(DRAW, since=glance.at - WINDOW, cells=_MOST_CELLS)
    resolution = min(_FINEST, resolution_for(zoom=glance.zoom, **glance.box))
    newest: dict[str, tuple[int, datetime]] = {}
    for row in (row for row in rows if _is_in(row, glance)):
        cell = cell_around(row["cell"], resolution)
        readers, at = newest.get(cell, (0, row["at"]))
        newest[cell] = max(readers, row["readers"]), max(at, row["at"])
    return [
        Drawn(id=cell, shape="Polygon", coordinates=[ring_of(cell)], kind="heard", at=at, count=readers)
        for cell, (readers, at) in list(newest.items())[: MOST + 1]
    ]


def _is_in(row: Record, glance: Glance) -> bool:
    lon, lat = middle_of(row["cell"])
    return glance.min_lon <= lon <= glance.max_lon and glance.min_lat <= lat <= glance.max_lat


TAG_COVERAGE: Final = Layer(
    id="tag_coverage",
    permission=Permission.CARE,
    draw=_draw,
    newest=_NEWEST,
    fresh_for=timedelta(minutes=10),
)
