"""Damage and other findings as they were believed at a time."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from cloud.findings.catalogue import Policy
from cloud.findings.fuse import state_after
from cloud.map.layer import IN_BOX, Drawn, Glance, Layer, Record, point
from cloud.people.permissions import Permission
from cloud.people.scope import SCOPE_PLACE

_NEWEST: Final = "SELECT max(last_seen_at) FROM findings"
# The belief after the last pass until then; of a time whose passes were trimmed, the belief before the first that is
# kept. The state follows from the passes of which it can depend: those since it was last beyond doubt are among them.
_BELIEVED: Final = """
SELECT f.id::text, f.lon, f.lat, f.class_code, greatest(f.first_seen_at, p.times[1]) AS seen_at,
    f.trimmed_seen + coalesce(n.sightings, 0) AS sightings,
    coalesce(p.beliefs, ARRAY[coalesce(l.probability_before, f.existence)]) AS beliefs,
    coalesce(p.is_seen, ARRAY[true]) AS is_seen
FROM findings f
LEFT JOIN LATERAL (
    SELECT array_agg(b.probability_after ORDER BY b.at) AS beliefs, array_agg(b.kind = 'seen' ORDER BY b.at) AS is_seen,
        array_agg(b.at ORDER BY b.at DESC) AS times
    FROM (SELECT at, kind, probability_after FROM finding_passes
        WHERE finding_id = f.id AND at <= %(at)s ORDER BY at DESC LIMIT 40) b
) p ON true
LEFT JOIN LATERAL (
    SELECT count(*) AS sightings FROM (SELECT FROM finding_passes
        WHERE finding_id = f.id AND at <= %(at)s AND kind = 'seen' LIMIT 100) s
) n ON true
LEFT JOIN LATERAL (
    SELECT probability_before FROM finding_passes WHERE finding_id = f.id AND at > %(at)s ORDER BY at LIMIT 1
) l ON p.beliefs IS NULL
WHERE f.merged_into IS NULL AND f.first_seen_at <= %(at)s
    AND NOT EXISTS (SELECT FROM case_verdicts v
        WHERE v.finding_id = f.id AND v.verdict = 'false_alarm' AND v.at <= %(at)s)
    AND point(f.lon, f.lat)
"""
DRAW: Final = _BELIEVED + IN_BOX + " AND " + SCOPE_PLACE + "LIMIT %(most)s"


def _draw(glance: Glance) -> Sequence[Drawn]:
    return [_drawn(row, glance.catalogue.policy) for row in glance.rows(DRAW)]


def _drawn(row: Record, policy: Policy) -> Drawn:
    passes = list(zip(row["beliefs"], row["is_seen"], strict=True))
    state = state_after(passes, sightings=row["sightings"], policy=policy)
    return Drawn(
        id=row["id"],
        shape="Point",
        coordinates=point(row["lon"], row["lat"]),
        kind=row["class_code"],
        state=state,
        at=row["seen_at"],
        value=row["beliefs"][-1],
    )


FINDINGS: Final = Layer(
    id="findings",
    permission=Permission.SEE,
    draw=_draw,
    newest=_NEWEST,
    fresh_for=timedelta(hours=24),
    from_zoom=11.0,
)
