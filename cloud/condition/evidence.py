"""Reading what is new, and the network around it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import numpy as np
from psycopg import Connection
from psycopg.rows import class_row

from cloud.roads.network import Network, NetworkSegment
from cloud.roads.plane import FlatMap, Points, boxes_along

_MARGIN_M: Final = 150.0  # a way between two positions may lead around a block's corner

# Deleted before the evidence is read: a finding that changes meanwhile waits for this transaction and queues anew.
_TAKE: Final = """
DELETE FROM condition_queue q USING (
    SELECT kind, city, device, id FROM condition_queue ORDER BY queued_at LIMIT %s FOR UPDATE SKIP LOCKED
) taken
WHERE (q.kind, q.city, q.device, q.id) = (taken.kind, taken.city, taken.device, taken.id)
RETURNING q.kind, q.city, q.device, q.id, q.id_at
"""
# A device whose clock is not believed was there when we heard of it.
_COVERAGES: Final = """
SELECT c.city, c.device, c.id, c.line, c.accuracy_m, c.usable_share, c.left_m, c.right_m,
    CASE WHEN c.clock_mark IS NULL THEN c.from_at ELSE c.received_at END AS from_at,
    CASE WHEN c.clock_mark IS NULL THEN c.to_at ELSE c.received_at END AS to_at
FROM unnest(%(id_at)s::timestamptz[], %(city)s::text[], %(device)s::text[], %(id)s::uuid[])
    AS n(id_at, city, device, id)
JOIN coverages c ON c.id_at = n.id_at AND c.city = n.city AND c.device = n.device AND c.id = n.id
ORDER BY c.id_at, c.id
"""
_PLACES: Final = """
SELECT id, lon, lat, heading_deg, position_sigma_m FROM findings
WHERE id = ANY(%(ids)s) AND state <> 'rejected' ORDER BY id
"""
NETWORK: Final = """
SELECT s.id, s.line, r.is_oneway FROM segments s JOIN roads r ON r.id = s.road_id
WHERE s.id IN (
    SELECT n.id FROM unnest(%(min_lon)s::float8[], %(min_lat)s::float8[], %(max_lon)s::float8[], %(max_lat)s::float8[])
        AS near(min_lon, min_lat, max_lon, max_lat)
    JOIN segments n ON n.retired_at IS NULL AND box(point(n.min_lon, n.min_lat), point(n.max_lon, n.max_lat))
        && box(point(near.min_lon, near.min_lat), point(near.max_lon, near.max_lat))
)
ORDER BY s.id
"""


class CoverageKey(NamedTuple):
    city: str
    device: str
    id: UUID
    id_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """New evidence."""

    coverages: list[CoverageKey]
    findings: list[UUID]

    def __len__(self) -> int:
        return len(self.coverages) + len(self.findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class CoveredStretch:
    """A coverage, as far as the condition needs it."""

    city: str
    device: str
    id: UUID
    from_at: datetime
    to_at: datetime
    line: list[list[float]]  # lon, lat
    accuracy_m: float
    usable_share: float
    left_m: float
    right_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingPlace:
    """Where a finding lies."""

    id: UUID
    lon: float
    lat: float
    heading_deg: float
    position_sigma_m: float


def take(connection: Connection[Any], *, limit: int) -> Taken:
    """Take the longest waiting evidence out of the queue."""
    taken = Taken(coverages=[], findings=[])
    for kind, city, device, evidence_id, id_at in connection.execute(_TAKE, (limit,)).fetchall():
        if kind == "coverage":
            taken.coverages.append(CoverageKey(city, device, evidence_id, id_at))
        else:
            taken.findings.append(evidence_id)
    return taken


def read_coverages(connection: Connection[Any], keys: Sequence[CoverageKey]) -> list[CoveredStretch]:
    """Coverages by their keys, oldest first."""
    columns = {name: [getattr(key, name) for key in keys] for name in CoverageKey._fields}
    with connection.cursor(row_factory=class_row(CoveredStretch)) as cursor:
        return cursor.execute(_COVERAGES, columns).fetchall()


def read_places(connection: Connection[Any], finding_ids: Sequence[UUID]) -> list[FindingPlace]:
    """Places of findings; rejected ones are nowhere."""
    with connection.cursor(row_factory=class_row(FindingPlace)) as cursor:
        return cursor.execute(_PLACES, {"ids": list(finding_ids)}).fetchall()


def read_network(connection: Connection[Any], lon_lat: Points) -> Network:
    """Read the road network along a track."""
    lon, lat = np.median(lon_lat, axis=0).tolist()  # where the bus is, wherever a stray position lies
    plane = FlatMap(origin_lon=lon, origin_lat=lat)
    margin = np.array([[-_MARGIN_M], [_MARGIN_M]])
    boxes = plane.to_degrees(boxes_along(plane.to_metres(lon_lat)) + margin)
    names = ("min_lon", "min_lat", "max_lon", "max_lat")
    rows = connection.execute(NETWORK, dict(zip(names, boxes.reshape(-1, 4).T.tolist(), strict=True))).fetchall()
    segments = [
        NetworkSegment(id=segment_id, line=tuple((lon, lat) for lon, lat in line), is_oneway=is_oneway)
        for segment_id, line, is_oneway in rows
    ]
    return Network(segments, plane)
