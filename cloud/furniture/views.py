"""Street furniture as viewers get it: GeoJSON features, and one thing with the reasons."""

from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel

from cloud.findings.catalogue import Catalogue, LocalName
from cloud.findings.views import PassPicture, Point
from cloud.people.scope import EVERYTHING, SCOPE_PLACE, Scope
from cloud.scenarios.street_furniture.assess import Problem, ThingState
from cloud.scenarios.street_furniture.kinds import Kinds

PASSES_SHOWN: Final = 60
PICTURES_SHOWN: Final = 6
DECISIONS_SHOWN: Final = 100

_COLUMNS: Final = """
SELECT t.id, t.kind, t.source, t.reference, t.name, t.faces_deg, t.state, t.state_since, t.there, t.gone, t.hidden,
    t.damaged, t.segment_id, t.removed_at, t.removed_by, t.removed_reason, f.lon, f.lat, f.position_sigma_m,
    f.last_seen_at, f.passes_seen, f.passes_missed, f.picture_sha256 AS picture
FROM inventory.things t JOIN inventory.findings f ON f.id = t.id
"""
LIST: Final = (
    _COLUMNS  # noqa: S608 - constants
    + """
WHERE (%(min_lon)s::float8 IS NULL
    OR point(f.lon, f.lat) <@ box(point(%(min_lon)s, %(min_lat)s), point(%(max_lon)s, %(max_lat)s)))
    AND (%(kinds)s::text[] IS NULL OR t.kind = ANY(%(kinds)s))
    AND (%(states)s::text[] IS NULL OR t.state = ANY(%(states)s))
    AND (%(finding)s::uuid IS NULL
        OR t.id IN (SELECT p.thing_id FROM inventory.problems p WHERE p.finding_id = %(finding)s))
    AND (%(cursor)s::uuid IS NULL OR t.id < %(cursor)s) AND
"""
    + SCOPE_PLACE
    + " ORDER BY t.id DESC LIMIT %(limit)s"
)
BY_ID: Final = _COLUMNS + "WHERE t.id = %(id)s"
PASSES: Final = """
SELECT at, device, kind = 'seen' AS is_seen, looked_share, confidence FROM inventory.finding_passes
WHERE finding_id = %(id)s AND device <> 'inventory' ORDER BY at DESC LIMIT %(limit)s
"""
PICTURES: Final = """
SELECT l.at, l.device, k.sha256, k.received_at IS NOT NULL AS available, k.width_px, k.height_px, o.box_xyxy_px,
    o.frame_width_px, o.frame_height_px, n.difference
FROM inventory.finding_observations l
JOIN observations o ON o.id_at = l.observation_id_at AND o.city = l.city AND o.device = l.device
    AND o.id = l.observation_id
JOIN pictures k ON k.sha256 = o.picture_sha256
LEFT JOIN inventory.likenesses n ON n.thing_id = l.finding_id AND n.observation_id = l.observation_id
WHERE l.finding_id = %(id)s ORDER BY l.at DESC LIMIT %(limit)s
"""
PROBLEMS: Final = """
SELECT p.problem, p.finding_id, f.class_code, f.lon, f.lat, f.state = 'open' AS is_open, f.first_seen_at AS began_at,
    c.id AS case_id, c.number AS case_number, c.state AS case_state, c.unit AS case_unit
FROM inventory.problems p JOIN public.findings f ON f.id = p.finding_id
LEFT JOIN LATERAL (
    SELECT id, number, state, unit FROM cases WHERE finding_id = f.id ORDER BY opened_at DESC, id DESC LIMIT 1
) c ON true
WHERE p.thing_id = %(id)s ORDER BY f.first_seen_at
"""
# Under whatever number it was removed.
DECISIONS: Final = """
SELECT at, actor, action, reason FROM inventory.removal_history WHERE removal IN (
    SELECT removal FROM inventory.removal_history WHERE details ->> 'thing' = %(id)s::text)
ORDER BY at DESC, serial DESC LIMIT %(limit)s
"""
COUNTS: Final = (
    """
SELECT t.kind, t.state, count(*) AS things FROM inventory.things t JOIN inventory.findings f ON f.id = t.id
WHERE
"""
    + SCOPE_PLACE
    + " GROUP BY t.kind, t.state ORDER BY t.kind, t.state"
)

Record = dict[str, Any]


class Thing(BaseModel):
    """One thing that is to be there. The probabilities that it is there, gone, or hidden add up to one."""

    kind: str
    kind_name: LocalName
    source: Literal["imported", "learned"]
    reference: str | None
    name: str | None
    faces_deg: float | None
    """From where it is to be read; null: from everywhere."""
    state: ThingState
    state_since: datetime
    there: float
    gone: float
    hidden: float
    damaged: float
    segment_id: str | None
    last_seen_at: datetime | None
    """By a bus; null: never."""
    passes_seen: int
    passes_missed: int
    position_sigma_m: float
    picture: str | None
    removed_at: datetime | None
    removed_by: str | None
    removed_reason: str | None


class ThingFeature(BaseModel):
    """One thing as a GeoJSON feature."""

    type: Literal["Feature"] = "Feature"
    id: UUID
    geometry: Point
    properties: Thing


class ThingCollection(BaseModel):
    """A page of things; `next` is the cursor of the next page."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[ThingFeature]
    next: str | None


class ThingPass(BaseModel):
    """One bus that went by."""

    at: datetime
    device: str
    is_seen: bool
    looked_share: float
    confidence: float | None


class ThingPicture(BaseModel):
    """A picture of it, and how far it differs from those before (0 as before, 1 another thing)."""

    at: datetime
    device: str
    picture: PassPicture
    box_xyxy_px: tuple[float, float, float, float]
    frame_width_px: int
    frame_height_px: int
    difference: float | None


class ThingProblem(BaseModel):
    """What is or was the matter with it, with its finding and case."""

    problem: Problem
    name: LocalName
    finding_id: UUID
    is_open: bool
    began_at: datetime
    case_id: UUID | None
    case_number: str | None
    case_state: str | None


class ThingDecision(BaseModel):
    """That it was removed on purpose, that this was taken back, or went with it to another number."""

    at: datetime
    actor: str
    action: Literal["remove", "keep", "move", "merge"]
    reason: LocalName


class ThingDetailProperties(Thing):
    """The same with the reasons."""

    passes: list[ThingPass]
    """Newest first."""
    pictures: list[ThingPicture]
    """Newest first."""
    problems: list[ThingProblem]
    decisions: list[ThingDecision]
    """Newest first."""


class ThingDetail(BaseModel):
    """One thing with what buses saw of it."""

    type: Literal["Feature"] = "Feature"
    id: UUID
    geometry: Point
    properties: ThingDetailProperties


class ThingCount(BaseModel):
    """How many things of a kind are in a state."""

    kind: str
    kind_name: LocalName
    state: ThingState
    things: int


class ThingCounts(BaseModel):
    """The inventory in numbers."""

    items: list[ThingCount]


def kind_name(kind: str, kinds: Kinds) -> LocalName:
    """Name of a kind; its code when the county took it out."""
    known = kinds.kinds.get(kind)
    return known.name if known else LocalName(zh=kind, en=kind)


def feature_of(record: Record, *, kinds: Kinds) -> ThingFeature:
    """Shape a row of LIST."""
    return ThingFeature(
        id=record["id"],
        geometry=Point(coordinates=(record["lon"], record["lat"])),
        properties=Thing.model_validate(_values(record, kinds)),
    )


def detail_of(
    record: Record,
    *,
    passes: list[Record],
    pictures: list[Record],
    problems: list[Record],
    decisions: list[Record],
    kinds: Kinds,
    catalogue: Catalogue,
    scope: Scope = EVERYTHING,
) -> ThingDetail:
    """Shape a row of BY_ID with those of PASSES, PICTURES, PROBLEMS and DECISIONS; a case out of scope is not told."""
    values = _values(record, kinds) | {
        "passes": passes,
        "pictures": [row | {"picture": row} for row in pictures],
        "problems": [_problem(row, catalogue, scope) for row in problems],
        "decisions": decisions,
    }
    return ThingDetail(
        id=record["id"],
        geometry=Point(coordinates=(record["lon"], record["lat"])),
        properties=ThingDetailProperties.model_validate(values),
    )


def _values(record: Record, kinds: Kinds) -> Record:
    """The survey's own sighting is no bus's."""
    surveyed = record["source"] == "imported"
    passes_seen = max(0, record["passes_seen"] - surveyed)
    return record | {
        "kind_name": kind_name(record["kind"], kinds),
        "passes_seen": passes_seen,
        "last_seen_at": record["last_seen_at"] if passes_seen else None,
    }


def _problem(record: Record, catalogue: Catalogue, scope: Scope) -> Record:
    is_told = scope.has_case(unit=record["case_unit"], lon=record["lon"], lat=record["lat"])
    case = {} if is_told else {"case_id": None, "case_number": None, "case_state": None}
    return record | {"name": catalogue.name_of(record["class_code"])} | case
