"""Reading what buses saw and where they looked, as the fusion needs it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from cloud.findings.model import Look, Observation
from cloud.findings.visibility import Stretch

WINDOW: Final = 200  # newest sightings and looks of a finding; older ones no longer move a belief that is bounded

# A device whose clock is not believed saw it when we heard of it.
_NEW_OBSERVATIONS: Final = """
SELECT o.id, o.id_at, o.city, o.device, o.class_code, o.confidence, o.lon, o.lat, o.along_m, o.across_m,
    o.heading_deg, o.length_m, o.width_m, o.area_m2, o.picture_sha256, o.model_name, o.model_version,
    o.quality, o.distance_m,
    sqrt((o.box_xyxy_px[3] - o.box_xyxy_px[1]) * (o.box_xyxy_px[4] - o.box_xyxy_px[2])) AS box_side_px,
    CASE WHEN o.clock_mark IS NULL THEN o.observed_at ELSE o.received_at END AS at,
    CASE WHEN o.clock_mark IS NULL THEN o.first_seen_at ELSE o.received_at END AS from_at,
    CASE WHEN o.clock_mark IS NULL THEN o.last_seen_at ELSE o.received_at END AS to_at
FROM unnest(%(id_at)s::timestamptz[], %(city)s::text[], %(device)s::text[], %(id)s::uuid[])
    AS n(id_at, city, device, id)
JOIN observations o ON o.id_at = n.id_at AND o.city = n.city AND o.device = n.device AND o.id = n.id
WHERE NOT EXISTS (SELECT FROM finding_observations f
    WHERE f.city = o.city AND f.device = o.device AND f.observation_id = o.id)
"""
_LINKED: Final = """
SELECT finding_id, observation_id AS id, observation_id_at AS id_at, city, device, at, from_at, to_at, class_code,
    confidence, lon, lat, along_m, across_m, heading_deg, length_m, width_m, area_m2, picture_sha256, model_name,
    model_version, quality, box_side_px, distance_m, shift_east_m, shift_north_m, left_m
FROM (
    SELECT *, row_number() OVER (PARTITION BY finding_id ORDER BY at DESC, observation_id) AS age
    FROM finding_observations WHERE finding_id = ANY(%(ids)s)
) ranked WHERE age <= %(window)s OR observation_id IN (
    SELECT observation_id FROM named_sightings WHERE cell = ANY(%(decided_in)s))
"""
_FINDINGS_OF: Final = """
SELECT DISTINCT f.finding_id
FROM unnest(%(id_at)s::timestamptz[], %(city)s::text[], %(device)s::text[], %(id)s::uuid[])
    AS n(id_at, city, device, id)
JOIN finding_observations f ON f.city = n.city AND f.device = n.device AND f.observation_id = n.id
"""
_LOOKS: Final = """
SELECT finding_id, coverage_id, coverage_id_at, city, device, from_at, to_at, heading_deg, share, model_name,
    model_version, quality
FROM (
    SELECT *, row_number() OVER (PARTITION BY finding_id ORDER BY to_at DESC, coverage_id) AS age
    FROM finding_looks WHERE finding_id = ANY(%(ids)s)
) ranked WHERE age <= %(window)s
"""
# Without a time that can be believed, a look cannot be put before or after the first sighting: it does not count.
_NEW_STRETCHES: Final = """
SELECT c.id, c.id_at, c.city, c.device, c.from_at, c.to_at, c.line, c.heading_deg, c.accuracy_m, c.usable_share,
    c.near_m, c.far_m, c.left_m, c.right_m, c.model_name, c.model_version, c.quality, c.looked_for
FROM coverages c
JOIN unnest(%(id_at)s::timestamptz[], %(city)s::text[], %(device)s::text[], %(id)s::uuid[])
    AS n(id_at, city, device, id)
    ON c.id_at = n.id_at AND c.city = n.city AND c.device = n.device AND c.id = n.id
WHERE c.clock_mark IS NULL AND (c.looked_for IS NOT NULL) = %(of_things)s
"""
_STRETCHES_AROUND: Final = """
SELECT n.place, c.id, c.id_at, c.city, c.device, c.from_at, c.to_at, c.line, c.heading_deg, c.accuracy_m,
    c.usable_share, c.near_m, c.far_m, c.left_m, c.right_m, c.model_name, c.model_version, c.quality, c.looked_for
FROM jsonb_to_recordset(%(places)s) AS n(place text, cells text[], since timestamptz)
CROSS JOIN LATERAL (
    SELECT * FROM coverages c WHERE c.cell = ANY(n.cells) AND c.to_at >= n.since AND c.clock_mark IS NULL
        AND (c.looked_for IS NOT NULL) = %(of_things)s
    ORDER BY c.to_at DESC LIMIT 2000
) c
"""

Row = dict[str, Any]
Key = tuple[datetime, str, str, UUID]  # id_at, city, device, id


def read_new_observations(connection: Connection[Any], keys: Sequence[Key]) -> list[Observation]:
    """Observations that belong to no finding yet."""
    return [_observation(row) for row in _rows(connection, _NEW_OBSERVATIONS, _columns(keys))]


def read_stretches(connection: Connection[Any], keys: Sequence[Key], *, of_things: bool = False) -> list[Stretch]:
    """Covered stretches by their keys: those looked at for damage of the road, or for things beside it."""
    values = _columns(keys) | {"of_things": of_things}
    return [_stretch(row) for row in _rows(connection, _NEW_STRETCHES, values)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """Cells around a place, and since when they are of interest."""

    cells: Sequence[str]
    since: datetime


def read_stretches_around(
    connection: Connection[Any], places: Mapping[str, Around], *, of_things: bool = False
) -> dict[str, list[Stretch]]:
    """For each place, newest stretches whose middle lies in its cells; all in one question."""
    asked = [
        {"place": place, "cells": list(around.cells), "since": around.since.isoformat()}
        for place, around in places.items()
    ]
    stretches: defaultdict[str, list[Stretch]] = defaultdict(list)
    for row in _rows(connection, _STRETCHES_AROUND, {"places": Jsonb(asked), "of_things": of_things}):
        stretches[row.pop("place")].append(_stretch(row))
    return stretches


def read_linked(
    connection: Connection[Any], finding_ids: Iterable[UUID], *, decided_in: Sequence[str]
) -> dict[UUID, list[Observation]]:
    """Newest observations of each finding, and those that standing decisions in these cells name, however old."""
    values = {"ids": list(finding_ids), "window": WINDOW, "decided_in": list(decided_in)}
    linked: defaultdict[UUID, list[Observation]] = defaultdict(list)
    for row in _rows(connection, _LINKED, values):
        linked[row.pop("finding_id")].append(_observation(row))
    return linked


def read_findings_of(connection: Connection[Any], keys: Sequence[Key]) -> list[UUID]:
    """Findings to which some of these observations belong already."""
    return [row["finding_id"] for row in _rows(connection, _FINDINGS_OF, _columns(keys))]


def read_looks(connection: Connection[Any], finding_ids: Iterable[UUID]) -> dict[UUID, list[Look]]:
    """Newest looks at each finding."""
    looks: defaultdict[UUID, list[Look]] = defaultdict(list)
    for row in _rows(connection, _LOOKS, {"ids": list(finding_ids), "window": WINDOW}):
        looks[row.pop("finding_id")].append(Look(**_with_text_id(row, "coverage_id")))
    return looks


def _rows(connection: Connection[Any], statement: LiteralString, values: Row) -> list[Row]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement, values).fetchall()


def _with_text_id(row: Row, name: str) -> Row:
    return row | {name: str(row[name])}


def _columns(keys: Sequence[Key]) -> Row:
    return {name: [key[place] for key in keys] for place, name in enumerate(("id_at", "city", "device", "id"))}


def _observation(row: Row) -> Observation:
    return Observation(**_with_text_id(row, "id"))


def _stretch(row: Row) -> Stretch:
    return Stretch(**_with_text_id(row, "id"))
