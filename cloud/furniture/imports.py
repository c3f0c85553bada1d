"""Taking a county's list into the inventory: each thing of it counts as seen by the survey, once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

from psycopg import Connection
from psycopg.rows import class_row

from cloud.findings import repository as findings
from cloud.findings.fuse import fuse
from cloud.findings.geometry import distance_m
from cloud.findings.model import Observation
from cloud.findings.repository import NewFinding
from cloud.furniture.features import Feature, Refused, refuse
from cloud.furniture.repository import mark_due
from cloud.furniture.schema import meaning_inventory
from cloud.people.scope import EVERYTHING, Scope
from cloud.scenarios.street_furniture.kinds import Kinds
from cloud.scenarios.street_furniture.presence import BEFORE
from wire.envelope import make_id

SURVEY: Final = "inventory"  # stands where a bus's name does
SURE: Final = 0.97  # of a list
MOVED_M: Final = 5.0
_SIGHTINGS: Final = UUID("6f1c0a3e-6b1d-5f0e-9f55-0a6a6a2b8f10")  # names of sightings by the survey are made from it

_KNOWN: Final = """
SELECT t.reference, t.id, f.lon, f.lat, t.kind FROM inventory.things t JOIN inventory.findings f ON f.id = t.id
WHERE t.city = %s AND t.reference = ANY(%s)
"""
# What a list told without an id is known by where the list put it, whatever buses and people made of it since.
_KNOWN_PLACES: Final = """
SELECT t.reference, t.id, o.lon, o.lat, o.class_code AS kind
FROM unnest(%(kinds)s::text[], %(lons)s::float8[], %(lats)s::float8[]) AS n(kind, lon, lat)
JOIN inventory.finding_observations o ON o.class_code = n.kind AND o.lon = n.lon AND o.lat = n.lat
JOIN inventory.things t ON t.id = o.finding_id
WHERE o.city = %(city)s AND o.device = %(survey)s
"""
_ADD: Final = """
INSERT INTO inventory.things (id, city, kind, source, reference, name, faces_deg, state, state_since, there, gone,
    hidden)
VALUES (%(id)s, %(city)s, %(kind)s, 'imported', %(reference)s, %(name)s, %(faces_deg)s, 'expected', %(at)s,
    %(there)s, %(gone)s, %(hidden)s)
"""
_RENAME: Final = """
UPDATE inventory.things SET name = %s, faces_deg = %s WHERE id = %s AND reference IS NOT DISTINCT FROM %s
"""
_REFUSE: Final = """
INSERT INTO inventory.refused (city, file, number, at, reason, feature, brought_by)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT ON CONSTRAINT refused_pkey DO UPDATE SET at = EXCLUDED.at, reason = EXCLUDED.reason,
    feature = EXCLUDED.feature, brought_by = EXCLUDED.brought_by
"""
REFUSED: Final = """
SELECT file, number, at, reason, feature FROM inventory.refused WHERE city = %(city)s
    AND (%(brought_by)s::text IS NULL OR brought_by = %(brought_by)s)
ORDER BY at DESC, file, number LIMIT %(limit)s
"""
_FORGET: Final = "DELETE FROM inventory.refused WHERE city = %s AND file = %s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What came of a list."""

    added: int
    known: int
    refused: tuple[Refused, ...]


def import_features(
    connection: Connection[Any],
    features: Sequence[Feature | Refused],
    *,
    city: str,
    file: str,
    kinds: Kinds,
    at: datetime,
    by: str | None = None,
    scope: Scope = EVERYTHING,
) -> Imported:
    """Take a list into the inventory, within the caller's transaction; again it adds nothing.

    What cannot be taken is kept with its reason, under the file's name, until the file comes again. The reason tells
    nothing of a thing out of the scope of who brings the list but that its id is taken.
    """
    good = [each for each in features if isinstance(each, Feature)]
    refused = [each for each in features if isinstance(each, Refused)]
    known = _read_known(connection, good, city=city)
    fresh: list[Feature] = []
    taken: set[Key] = set()
    for feature in good:
        key = _key_of(feature)
        if key in taken:
            what = "geometry: such a thing" if feature.reference is None else f"id: {feature.reference!r}"
            refused.append(refuse(feature, f"{what} stands twice in this file"))
        elif key in known:
            refused += _renamed(connection, feature, known[key], scope=scope)
        else:
            fresh.append(feature)
        taken.add(key)
    _add(connection, fresh, city=city, kinds=kinds, at=at)
    connection.execute(_FORGET, (city, file))
    with connection.cursor() as cursor:
        cursor.executemany(_REFUSE, [(city, file, each.number, at, each.reason, each.feature, by) for each in refused])
    return Imported(
        added=len(fresh),
        known=len(features) - len(fresh) - len(refused),
        refused=tuple(sorted(refused, key=lambda each: each.number)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    reference: str | None
    id: UUID
    lon: float
    lat: float
    kind: str


Key = str | tuple[str, float, float]  # an id, or kind and place


def _key_of(feature: Feature) -> Key:
    return (feature.kind, feature.lon, feature.lat) if feature.reference is None else feature.reference


def _read_known(connection: Connection[Any], features: Sequence[Feature], *, city: str) -> dict[Key, _Known]:
    references = [each.reference for each in features if each.reference is not None]
    nameless = [each for each in features if each.reference is None]
    places = {
        "kinds": [each.kind for each in nameless],
        "lons": [each.lon for each in nameless],
        "lats": [each.lat for each in nameless],
    }
    with connection.cursor(row_factory=class_row(_Known)) as cursor:
        by_place = cursor.execute(_KNOWN_PLACES, places | {"city": city, "survey": SURVEY}).fetchall()
        by_reference = cursor.execute(_KNOWN, (city, references)).fetchall()
    known: dict[Key, _Known] = {(each.kind, each.lon, each.lat): each for each in by_place}
    return known | {each.reference: each for each in by_reference if each.reference is not None}


def _renamed(connection: Connection[Any], feature: Feature, known: _Known, *, scope: Scope) -> list[Refused]:
    """A thing that is known already: its name may change, its place may not."""
    away_m = distance_m(lon=feature.lon, lat=feature.lat, other_lon=known.lon, other_lat=known.lat)
    is_there = away_m <= MOVED_M + feature.accuracy_m
    if is_there and known.kind == feature.kind:
        connection.execute(_RENAME, (feature.name, feature.faces_deg, known.id, feature.reference))
        return []
    if not scope.has_place(lon=known.lon, lat=known.lat):
        return [refuse(feature, f"id: {feature.reference!r} is taken; give it a new id")]
    if known.kind != feature.kind:
        return [refuse(feature, f"id: {feature.reference!r} is known as {known.kind}")]
    return [refuse(feature, f"id: {feature.reference!r} is known {away_m:.0f} m from there; give it a new id")]


def _add(connection: Connection[Any], features: Sequence[Feature], *, city: str, kinds: Kinds, at: datetime) -> None:
    sightings = [(UUID(make_id(at)), _sighting(feature, city=city, at=at)) for feature in features]
    with meaning_inventory(connection):
        fused = [
            NewFinding(id=thing_id, city=city, fused=fuse([seen], [], catalogue=kinds.catalogue))
            for thing_id, seen in sightings
        ]
        findings.insert_findings(connection, fused)
        findings.link_observations(connection, sightings)
    rows = [
        {
            "id": thing_id,
            "city": city,
            "kind": feature.kind,
            "reference": feature.reference,
            "name": feature.name,
            "faces_deg": feature.faces_deg,
            "at": at,
        }
        | {"there": BEFORE.there, "gone": BEFORE.gone, "hidden": BEFORE.hidden}
        for (thing_id, _), feature in zip(sightings, features, strict=True)
    ]
    with connection.cursor() as cursor:
        cursor.executemany(_ADD, rows)
    mark_due(connection, [thing_id for thing_id, _ in sightings])


def _sighting(feature: Feature, *, city: str, at: datetime) -> Observation:
    """The survey's own sighting; who comes along the other way sees the thing's face."""
    name = feature.reference or f"{feature.kind} {feature.lon:.7f} {feature.lat:.7f} {at.isoformat()}"
    return Observation(
        id=str(uuid5(_SIGHTINGS, f"{city} {name}")),
        id_at=at,
        city=city,
        device=SURVEY,
        at=at,
        from_at=at,
        to_at=at,
        class_code=feature.kind,
        confidence=SURE,
        lon=feature.lon,
        lat=feature.lat,
        along_m=feature.accuracy_m,
        across_m=feature.accuracy_m,
        heading_deg=0.0 if feature.faces_deg is None else (feature.faces_deg + 180.0) % 360.0,
    )
