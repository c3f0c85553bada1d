"""Where the buses are; and where some bus was: which one it was tells where its driver was, and that takes a look.

A look at a driver's way needs a purpose, a second person and an end (cloud.looks); a map that anybody slides does not.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from cloud.map.layer import Drawn, Glance, Layer, Record, point
from cloud.people.permissions import Permission

STILL: Final = timedelta(seconds=90)
"""A bus of which nothing came for so long is not shown where it was last."""

_NEWEST: Final = "SELECT max(position_at) FROM devices WHERE city = %(city)s AND NOT is_relay AND revoked_at IS NULL"
NOW: Final = """
SELECT device, lon, lat, heading_deg, position_at AS at, coalesce(presence, 'offline') AS presence FROM devices
WHERE city = %(city)s AND NOT is_relay AND revoked_at IS NULL AND lon BETWEEN %(min_lon)s AND %(max_lon)s
    AND lat BETWEEN %(min_lat)s AND %(max_lat)s
LIMIT %(most)s
"""
# A message bears the time at which it was made, which is at most half a minute after its first point.
PAST: Final = """
SELECT lon, lat, heading_deg, at, 'online' AS presence FROM (
    SELECT DISTINCT ON (t.device) t.device, t.lon, t.lat, t.heading_deg, t.at
    FROM track_points t JOIN devices d ON d.city = t.city AND d.device = t.device AND NOT d.is_relay
    WHERE t.id_at > %(since)s AND t.id_at <= %(until)s AND t.city = %(city)s AND t.at <= %(at)s AND t.at > %(since)s
        AND t.clock_mark IS NULL
    ORDER BY t.device, t.at DESC
) p
WHERE lon BETWEEN %(min_lon)s AND %(max_lon)s AND lat BETWEEN %(min_lat)s AND %(max_lat)s
LIMIT %(most)s
"""


def _draw(glance: Glance) -> Sequence[Drawn]:
    if glance.is_past:
        rows = glance.rows(PAST, since=glance.at - STILL, until=glance.at + timedelta(seconds=40))
        return [_drawn(row, glance, name=None) for row in rows]
    return [_drawn(row, glance, name=row["device"]) for row in glance.rows(NOW)]


def _drawn(row: Record, glance: Glance, *, name: str | None) -> Drawn:
    return Drawn(
        id=name or "",
        shape="Point",
        coordinates=point(row["lon"], row["lat"]),
        kind=row["presence"],
        name=name,
        at=row["at"],
        heading_deg=row["heading_deg"],
        is_stale=row["at"] is None or glance.at - row["at"] > STILL,
    )


BUSES: Final = Layer(
    id="buses",
    permission=Permission.SEE,
    draw=_draw,
    newest=_NEWEST,
    fresh_for=timedelta(minutes=2),
)
