"""Damage and other findings as they were believed at a time."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from cloud.map.layer import IN_BOX, Drawn, Glance, Layer, point
from cloud.people.permissions import Permission
from cloud.people.scope import SCOPE_PLACE

_SEEN: Final = "SELECT f.last_seen_at FROM findings f WHERE "
NEWEST: Final = _SEEN + SCOPE_PLACE + "ORDER BY f.last_seen_at DESC LIMIT 1"
_BELIEVED: Final = """
SELECT f.finding_id::text AS id, f.lon, f.lat, f.class_code, f.state, f.severity, f.existence, f.from_at
FROM finding_history f
WHERE f.from_at <= %(at)s AND f.until_at > %(at)s
    AND NOT EXISTS (SELECT FROM case_verdicts v
        WHERE v.finding_id = f.finding_id AND v.verdict = 'false_alarm' AND v.at <= %(at)s)
    AND point(f.lon, f.lat)
"""
DRAW: Final = _BELIEVED + IN_BOX + " AND " + SCOPE_PLACE + "LIMIT %(most)s"


def _draw(glance: Glance) -> Sequence[Drawn]:
    return [
        Drawn(
            id=row["id"],
            shape="Point",
            coordinates=point(row["lon"], row["lat"]),
            kind=row["class_code"],
            state=row["state"],
            severity=row["severity"],
            at=row["from_at"],
            value=row["existence"],
        )
        for row in glance.rows(DRAW)
    ]


FINDINGS: Final = Layer(
    id="findings",
    permission=Permission.SEE,
    draw=_draw,
    newest=NEWEST,
    fresh_for=timedelta(hours=24),
    from_zoom=11.0,
)
