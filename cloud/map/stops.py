"""Stops: those by name, and those with a computer that reads sensors or carries what buses hand over.

Of a time before it was written down whether a stop was connected only its place and its water are drawn.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from cloud.map.layer import IN_BOX, Drawn, Glance, Layer, Record, point
from cloud.people.permissions import Permission
from cloud.scenarios.stop_water.assess import STALE_AFTER

_SILENT: Final = timedelta(minutes=5)

_NEWEST: Final = """
SELECT coalesce(max(last_seen_at), (SELECT now() FROM travel_stops LIMIT 1)) FROM devices
WHERE city = %(city)s AND is_relay AND revoked_at IS NULL
"""
_WAS_LET_IN: Final = "(d.enrolled_at <= %(at)s AND (d.revoked_at IS NULL OR d.revoked_at > %(at)s))"
_NAMED: Final = """
SELECT s.id, s.name, s.lon, s.lat FROM travel_stops s
WHERE NOT EXISTS (SELECT FROM devices d WHERE d.city = %(city)s AND d.device = s.id AND
"""
NAMED: Final = _NAMED + _WAS_LET_IN + ") AND point(s.lon, s.lat) " + IN_BOX + " LIMIT %(most)s"
_NOW: Final = """
SELECT d.device, coalesce(s.name, d.device) AS name, p.lon, p.lat, coalesce(d.presence, 'offline') AS presence,
    d.last_seen_at, g.level_m, coalesce(g.is_flooded, false) AS is_flooded
FROM devices d
LEFT JOIN travel_stops s ON s.id = d.device
LEFT JOIN LATERAL (
    SELECT max(w.level_m) AS level_m, bool_or(w.is_flooded) AS is_flooded FROM water_gauges w
    WHERE w.city = d.city AND w.device = d.device AND w.level_at > %(wet_since)s
) g ON true
"""
# What was known then: levels that had come by then, and a flood as the map showed it.
_THEN: Final = """
SELECT d.device, coalesce(s.name, d.device) AS name, p.lon, p.lat,
    coalesce((SELECT h.presence FROM stop_presence h WHERE h.city = d.city AND h.device = d.device
        AND h.from_at <= %(at)s ORDER BY h.from_at DESC LIMIT 1), 'unknown') AS presence,
    NULL AS last_seen_at, g.level_m, coalesce(g.is_flooded, false) AS is_flooded
FROM devices d
LEFT JOIN travel_stops s ON s.id = d.device
LEFT JOIN LATERAL (
    SELECT max(m.value) AS level_m, bool_or(f.state = 'open') AS is_flooded FROM water_gauges w
    CROSS JOIN LATERAL (
        SELECT value FROM measurements
        WHERE city = w.city AND device = w.device AND sensor = w.sensor AND quantity = 'water_level_m'
            AND id_at > %(wet_since)s AND id_at <= %(at)s AND at > %(wet_since)s AND received_at <= %(at)s
            AND clock_mark IS NULL
        ORDER BY at DESC LIMIT 1
    ) m
    LEFT JOIN finding_history f ON f.finding_id = w.finding_id AND f.from_at <= %(at)s AND f.until_at > %(at)s
    WHERE w.city = d.city AND w.device = d.device
) g ON true
"""
_AT_STOPS: Final = """
CROSS JOIN LATERAL (SELECT coalesce(d.lon, s.lon) AS lon, coalesce(d.lat, s.lat) AS lat) p
WHERE d.city = %(city)s AND (d.is_relay OR s.id IS NOT NULL OR g.level_m IS NOT NULL)
    AND p.lon BETWEEN %(min_lon)s AND %(max_lon)s AND p.lat BETWEEN %(min_lat)s AND %(max_lat)s AND
"""
EQUIPPED: Final = _NOW + _AT_STOPS + _WAS_LET_IN + " LIMIT %(most)s"
EQUIPPED_THEN: Final = _THEN + _AT_STOPS + _WAS_LET_IN + " LIMIT %(most)s"


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
    equipped = glance.rows(EQUIPPED_THEN if glance.is_past else EQUIPPED, wet_since=glance.at - STALE_AFTER)
    return named + [_equipped(row, glance) for row in equipped]


def _equipped(row: Record, glance: Glance) -> Drawn:
    seen_at = row["last_seen_at"]
    return Drawn(
        id=row["device"],
        shape="Point",
        coordinates=point(row["lon"], row["lat"]),
        kind="flooded" if row["is_flooded"] else row["presence"],
        name=row["name"],
        at=seen_at,
        value=row["level_m"],
        is_stale=not glance.is_past and (seen_at is None or glance.at - seen_at > _SILENT),
    )


STOPS: Final = Layer(
    id="stops",
    permission=Permission.SEE,
    draw=_draw,
    newest=_NEWEST,
    fresh_for=_SILENT,
    from_zoom=10.0,
)
