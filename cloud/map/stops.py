"""Stops: those by name, and those with a computer that reads sensors or carries what buses hand over."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from cloud.map.layer import IN_BOX, Drawn, Glance, Layer, Record, point
from cloud.people.permissions import Permission

_SILENT: Final = timedelta(minutes=5)

_NEWEST: Final = """
SELECT coalesce(max(last_seen_at), (SELECT now() FROM travel_stops LIMIT 1)) FROM devices
WHERE city = %(city)s AND is_relay
"""
_NAMED: Final = "SELECT id, name, lon, lat FROM travel_stops WHERE point(lon, lat) "
NAMED: Final = _NAMED + IN_BOX + " LIMIT %(most)s"
EQUIPPED: Final = """
SELECT device, lon, lat, coalesce(presence, 'offline') AS presence, last_seen_at FROM devices
WHERE city = %(city)s AND is_relay AND lon BETWEEN %(min_lon)s AND %(max_lon)s
    AND lat BETWEEN %(min_lat)s AND %(max_lat)s
LIMIT %(most)s
"""


def _draw(glance: Glance) -> Sequence[Drawn]:
    named = [
        Drawn(
            id=row["id"],
            shape="Point",
            coordinates=point(row["lon"], row["lat"]),
            kind="named",
            name=row["name"],
        )
        for row in glance.rows(NAMED)
    ]
    return named + [_equipped(row, glance) for row in glance.rows(EQUIPPED)]


def _equipped(row: Record, glance: Glance) -> Drawn:
    seen_at = row["last_seen_at"]
    return Drawn(
        id=row["device"],
        shape="Point",
        coordinates=point(row["lon"], row["lat"]),
        kind=row["presence"],
        name=row["device"],
        at=seen_at,
        is_stale=seen_at is None or glance.at - seen_at > _SILENT,
    )


STOPS: Final = Layer(
    id="stops",
    permission=Permission.SEE,
    draw=_draw,
    newest=_NEWEST,
    fresh_for=_SILENT,
    from_zoom=10.0,
    has_past=False,
)
