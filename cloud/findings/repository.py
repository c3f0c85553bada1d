"""Findings in the database; the worker alone writes them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from cloud.findings.geometry import sigma_m
from cloud.findings.model import Covariance, Fused, Look, Observation, WeighedPass
from cloud.observations.tables import cell_of

_NEAR: Final = """
SELECT id, city, class_code, lon, lat, east_m2, east_north_m2, north_m2, heading_deg,
    cell, looked_lon, looked_lat, looked_since
FROM findings WHERE cell = ANY(%s) AND merged_into IS NULL AND scenario = 'road_damage'
"""
_FUSED: Final = """
FROM jsonb_to_recordset(%s) AS n(id uuid, city text, cell text, class_code text, severity text, state text,
    existence float8, lon float8, lat float8, east_m2 float8, east_north_m2 float8, north_m2 float8,
    position_sigma_m float8, heading_deg float8, length_m float8, width_m float8, area_m2 float8,
    first_seen_at timestamptz, last_seen_at timestamptz, picture_sha256 text)
"""
_INSERT: Final = (
    """
INSERT INTO findings (id, city, cell, class_code, severity, state, existence, lon, lat, east_m2, east_north_m2,
    north_m2, position_sigma_m, heading_deg, length_m, width_m, area_m2, passes_seen, passes_missed, first_seen_at,
    last_seen_at, picture_sha256, looked_lon, looked_lat, looked_since)
SELECT id, city, cell, class_code, severity, state, existence, lon, lat, east_m2, east_north_m2, north_m2,
    position_sigma_m, heading_deg, length_m, width_m, area_m2, 0, 0, first_seen_at, last_seen_at, picture_sha256,
    lon, lat, NULL
"""
    + _FUSED
)
# What a person rejected stays rejected, whatever later passes see.
_UPDATE: Final = (
    "UPDATE findings f"  # noqa: S608 - of constants
    """
SET cell = n.cell, class_code = n.class_code, severity = n.severity,
    state = CASE WHEN f.state = 'rejected' THEN f.state ELSE n.state END, existence = n.existence,
    lon = n.lon, lat = n.lat, east_m2 = n.east_m2, east_north_m2 = n.east_north_m2, north_m2 = n.north_m2,
    position_sigma_m = n.position_sigma_m, heading_deg = n.heading_deg, length_m = n.length_m,
    width_m = n.width_m, area_m2 = n.area_m2, picture_sha256 = n.picture_sha256,
    first_seen_at = least(
        n.first_seen_at, p.first_seen_at, CASE WHEN f.trimmed_seen > 0 THEN f.first_seen_at END),
    last_seen_at = n.last_seen_at,
    passes_seen = f.trimmed_seen + p.seen, passes_missed = f.trimmed_missed + p.missed, merged_into = NULL
"""
    + _FUSED
    + """
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE kind = 'seen') AS seen, count(*) FILTER (WHERE kind = 'not_seen') AS missed,
        min(at) FILTER (WHERE kind = 'seen') AS first_seen_at
    FROM finding_passes WHERE finding_id = n.id
) p
WHERE f.id = n.id
"""
)
_LINK: Final = """
INSERT INTO finding_observations (city, device, observation_id, observation_id_at, finding_id, at, from_at, to_at,
    class_code, confidence, lon, lat, along_m, across_m, heading_deg, length_m, width_m, area_m2, picture_sha256,
    model_name, model_version, quality, box_side_px, distance_m, shift_east_m, shift_north_m, left_m)
VALUES (%(city)s, %(device)s, %(id)s, %(id_at)s, %(finding_id)s, %(at)s, %(from_at)s, %(to_at)s, %(class_code)s,
    %(confidence)s, %(lon)s, %(lat)s, %(along_m)s, %(across_m)s, %(heading_deg)s, %(length_m)s, %(width_m)s,
    %(area_m2)s, %(picture_sha256)s, %(model_name)s, %(model_version)s, %(quality)s, %(box_side_px)s,
    %(distance_m)s, %(shift_east_m)s, %(shift_north_m)s, %(left_m)s)
ON CONFLICT ON CONSTRAINT finding_observations_pkey DO UPDATE SET finding_id = EXCLUDED.finding_id,
    shift_east_m = EXCLUDED.shift_east_m, shift_north_m = EXCLUDED.shift_north_m, left_m = EXCLUDED.left_m
"""
# Its sightings are another's now: nothing is left of it but its number and its cases.
_MERGED: Final = """
UPDATE findings SET state = CASE WHEN state = 'rejected' THEN state ELSE 'gone' END, existence = 0, passes_seen = 0,
    passes_missed = 0, merged_into = %(into)s, looked_since = NULL
WHERE id = %(id)s
"""
_MERGED_BEFORE: Final = "UPDATE findings SET merged_into = %(into)s WHERE merged_into = %(id)s"
_FORGET_PASSES: Final = "DELETE FROM finding_passes WHERE finding_id = %s"
_FORGET_LOOKS: Final = "DELETE FROM finding_looks WHERE finding_id = ANY(%s)"
_LOOKED_FROM: Final = """
UPDATE findings f SET looked_lon = n.lon, looked_lat = n.lat, looked_since = n.since
FROM unnest(%s::uuid[], %s::float8[], %s::float8[], %s::timestamptz[]) AS n(id, lon, lat, since) WHERE f.id = n.id
"""
_ADD_LOOK: Final = """
INSERT INTO finding_looks (finding_id, city, device, coverage_id, coverage_id_at, from_at, to_at, heading_deg, share,
    model_name, model_version, quality)
VALUES (%(finding_id)s, %(city)s, %(device)s, %(coverage_id)s, %(coverage_id_at)s, %(from_at)s, %(to_at)s,
    %(heading_deg)s, %(share)s, %(model_name)s, %(model_version)s, %(quality)s)
ON CONFLICT ON CONSTRAINT finding_looks_pkey DO UPDATE SET share = EXCLUDED.share
"""
# Of passes before the windows not all evidence is known any more: they stay as they are. In the windows only what
# changed is written.
_WRITE_PASSES: Final = """
WITH wanted AS (
    SELECT * FROM jsonb_to_recordset(%(passes)s) AS n(finding_id uuid, at timestamptz, city text, device text,
        kind text, looked_share float8, confidence float8, observation_id uuid, observation_id_at timestamptz,
        probability_before float8, probability_after float8, hit float8, false_alarm float8, surer float8,
        is_measured boolean, quality text)
), dropped AS (
    DELETE FROM finding_passes p
    USING unnest(%(ids)s::uuid[], %(seen_since)s::timestamptz[], %(missed_since)s::timestamptz[])
        AS f(id, seen_since, missed_since)
    WHERE p.finding_id = f.id AND p.at > CASE p.kind WHEN 'seen' THEN f.seen_since ELSE f.missed_since END
        AND NOT EXISTS (SELECT FROM wanted w
            WHERE w.finding_id = p.finding_id AND w.at = p.at AND w.city = p.city AND w.device = p.device)
    RETURNING p.finding_id
), written AS (
    INSERT INTO finding_passes AS p (finding_id, at, city, device, kind, looked_share, confidence, observation_id,
        observation_id_at, probability_before, probability_after, hit, false_alarm, surer, is_measured, quality)
    SELECT finding_id, at, city, device, kind, looked_share, confidence, observation_id, observation_id_at,
        probability_before, probability_after, hit, false_alarm, surer, is_measured, quality FROM wanted
    ON CONFLICT ON CONSTRAINT finding_passes_pkey DO UPDATE SET kind = EXCLUDED.kind,
        looked_share = EXCLUDED.looked_share, confidence = EXCLUDED.confidence,
        observation_id = EXCLUDED.observation_id, observation_id_at = EXCLUDED.observation_id_at,
        probability_before = EXCLUDED.probability_before, probability_after = EXCLUDED.probability_after,
        hit = EXCLUDED.hit, false_alarm = EXCLUDED.false_alarm, surer = EXCLUDED.surer,
        is_measured = EXCLUDED.is_measured, quality = EXCLUDED.quality
    WHERE (p.kind, p.looked_share, p.observation_id, p.probability_before, p.probability_after)
        IS DISTINCT FROM (EXCLUDED.kind, EXCLUDED.looked_share, EXCLUDED.observation_id,
            EXCLUDED.probability_before, EXCLUDED.probability_after)
    RETURNING p.finding_id
)
SELECT finding_id FROM dropped UNION SELECT finding_id FROM written
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFinding:
    """Where a finding is, and from where and since when its looks were computed."""

    id: UUID
    city: str
    class_code: str
    lon: float
    lat: float
    covariance: Covariance
    heading_deg: float
    cell: str
    looked_lon: float
    looked_lat: float
    looked_since: datetime | None  # none: never


def read_findings_in(connection: Connection[Any], cells: Sequence[str]) -> list[StoredFinding]:
    """All findings in these cells, whatever their state: what is gone may come again."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return [_stored(row) for row in cursor.execute(_NEAR, (list(cells),)).fetchall()]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFinding:
    """A finding that is to be written for the first time."""

    id: UUID
    city: str
    fused: Fused


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedFrom:
    """Where a finding was, and since when, when its looks were computed."""

    id: UUID
    lon: float
    lat: float
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """The passes of a finding; those not later than `seen_since` (not seen: `missed_since`) stay as they are."""

    id: UUID
    passes: Sequence[WeighedPass]
    seen_since: datetime
    missed_since: datetime


def insert_findings(connection: Connection[Any], new: Sequence[NewFinding]) -> None:
    """Write new findings; their passes and looks are still to come."""
    if new:
        connection.execute(_INSERT, (Jsonb([_values(each.id, each.fused) | {"city": each.city} for each in new]),))


def update_findings(connection: Connection[Any], fused: Mapping[UUID, Fused]) -> None:
    """Write what all passes say now; the passes are written before."""
    if fused:
        connection.execute(_UPDATE, (Jsonb([_values(finding_id, each) for finding_id, each in fused.items()]),))


def mark_merged(connection: Connection[Any], finding_id: UUID, *, into: UUID) -> None:
    """Say that another finding took all its sightings over."""
    connection.execute(_FORGET_PASSES, (finding_id,))
    connection.execute(_FORGET_LOOKS, ([finding_id],))
    connection.execute(_MERGED, {"id": finding_id, "into": into})
    connection.execute(_MERGED_BEFORE, {"id": finding_id, "into": into})


def link_observations(connection: Connection[Any], links: Sequence[tuple[UUID, Observation]]) -> None:
    """Say of which finding each observation is, and what its pass shares."""
    with connection.cursor() as cursor:
        cursor.executemany(_LINK, [_record(item) | {"finding_id": finding_id} for finding_id, item in links])


def replace_looks(
    connection: Connection[Any], looked: Sequence[LookedFrom], looks: Sequence[tuple[UUID, Look]]
) -> None:
    """Write all looks at some findings anew, as seen from where they are."""
    ids = [each.id for each in looked]
    connection.execute(_FORGET_LOOKS, (ids,))
    columns = [each.lon for each in looked], [each.lat for each in looked], [each.since for each in looked]
    connection.execute(_LOOKED_FROM, (ids, *columns))
    add_looks(connection, looks)


def add_looks(connection: Connection[Any], looks: Sequence[tuple[UUID, Look]]) -> None:
    """Write looks at findings."""
    with connection.cursor() as cursor:
        cursor.executemany(_ADD_LOOK, [_record(look) | {"finding_id": finding_id} for finding_id, look in looks])


def write_passes(connection: Connection[Any], weighed: Sequence[Weighed]) -> set[UUID]:
    """Write the passes of findings; tells for which of them anything is different from before."""
    records = [
        _pass_record(each) | {"finding_id": str(finding.id)}
        for finding in weighed
        for each in finding.passes
        if each.taken.at > (finding.missed_since if each.taken.seen is None else finding.seen_since)
    ]
    values = {
        "passes": Jsonb(records),
        "ids": [finding.id for finding in weighed],
        "seen_since": [finding.seen_since for finding in weighed],
        "missed_since": [finding.missed_since for finding in weighed],
    }
    return {finding_id for (finding_id,) in connection.execute(_WRITE_PASSES, values)}


def _stored(row: dict[str, Any]) -> StoredFinding:
    shape = {name: row.pop(name) for name in ("east_m2", "east_north_m2", "north_m2")}
    return StoredFinding(covariance=Covariance(**shape), **row)


def _record(item: Observation | Look) -> dict[str, Any]:
    """Its fields as they are; `asdict` would copy each."""
    return {each.name: getattr(item, each.name) for each in fields(item)}


def _values(finding_id: UUID, fused: Fused) -> dict[str, Any]:
    names = (
        "class_code", "severity", "state", "existence", "lon", "lat", "heading_deg", "length_m", "width_m", "area_m2",
        "picture_sha256",
    )  # fmt: skip
    shape = asdict(fused.covariance) | {"position_sigma_m": sigma_m(fused.covariance)}
    times = {"first_seen_at": fused.first_seen_at.isoformat(), "last_seen_at": fused.last_seen_at.isoformat()}
    where = {"id": str(finding_id), "cell": cell_of(lon=fused.lon, lat=fused.lat)}
    return {name: getattr(fused, name) for name in names} | shape | times | where


def _pass_record(weighed: WeighedPass) -> dict[str, Any]:
    taken, seen = weighed.taken, weighed.taken.seen
    return {
        "at": taken.at.isoformat(),
        "city": taken.city,
        "device": taken.device,
        "kind": taken.kind,
        "looked_share": taken.looked_share,
        "confidence": seen.confidence if seen else None,
        "observation_id": seen.id if seen else None,
        "observation_id_at": seen.id_at.isoformat() if seen else None,
        "probability_before": weighed.probability_before,
        "probability_after": weighed.probability_after,
        "hit": weighed.hit,
        "false_alarm": weighed.false_alarm,
        "surer": weighed.surer,
        "is_measured": weighed.is_measured,
        "quality": taken.quality,
    }
