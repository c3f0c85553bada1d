"""Things of the inventory and what is the matter with them, in the database; the worker alone writes them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row, dict_row

from cloud.findings.geometry import distance_m
from cloud.findings.model import FindingState
from cloud.furniture.removals import BECAME_ONE, hand_over, note
from cloud.scenarios.street_furniture.assess import Assessment, Problem
from cloud.scenarios.street_furniture.evidence import Noticed
from cloud.scenarios.street_furniture.presence import Glance
from wire.envelope import make_id

NEIGHBOURS_M: Final = 40.0
_DEGREES_OF_NEIGHBOURS: Final = 0.0006  # more than that, up to 50 degrees of latitude
SAME_PASS_S: Final = 25.0  # a stretch is told when it ends
GLANCE_SHARE: Final = 0.3  # of a look at a neighbour, under which it says nothing

# What is due already is held too, so that nobody judges it without what is being written.
_MARK: Final = """
INSERT INTO inventory.due (finding_id) SELECT unnest(%s::uuid[])
ON CONFLICT ON CONSTRAINT due_pkey DO UPDATE SET finding_id = EXCLUDED.finding_id
"""
_TAKE: Final = """
DELETE FROM inventory.due WHERE finding_id IN (
    SELECT finding_id FROM inventory.due ORDER BY finding_id LIMIT %s FOR UPDATE SKIP LOCKED)
RETURNING finding_id
"""
# What turned out to be one thing is in the inventory once: as imported rather than as learned.
_DROP_LEARNED: Final = """
DELETE FROM inventory.things o USING inventory.things t, inventory.findings f
WHERE f.id = t.id AND t.id = ANY(%(ids)s) AND (
    (o.id = f.merged_into AND o.source = 'learned' AND t.source = 'imported')
    OR (o.id = t.id AND t.source = 'learned' AND EXISTS (SELECT FROM inventory.things g WHERE g.id = f.merged_into)))
    AND o.removal IS NULL AND NOT EXISTS (SELECT FROM inventory.problems p WHERE p.thing_id = o.id)
"""
# One goes on as what several became, where that is no thing yet.
_FOLLOW_MERGED: Final = """
UPDATE inventory.things t SET id = f.merged_into FROM (
    SELECT DISTINCT ON (f.merged_into) f.id, f.merged_into
    FROM inventory.findings f JOIN inventory.things p ON p.id = f.id
    WHERE f.id = ANY(%(ids)s) AND f.merged_into IS NOT NULL
        AND NOT EXISTS (SELECT FROM inventory.things g WHERE g.id = f.merged_into)
    ORDER BY f.merged_into, p.source, p.removal IS NULL, f.id -- what is imported before what is learned
) f WHERE t.id = f.id
RETURNING t.id, t.removal
"""
_READ: Final = """
SELECT f.id, f.city, f.class_code AS kind, f.cell, f.lon, f.lat, f.east_m2, f.east_north_m2, f.north_m2,
    f.position_sigma_m, f.heading_deg, f.picture_sha256, f.first_seen_at, f.last_seen_at, f.state AS finding_state,
    t.state AS thing_state, t.source, t.segment_id
FROM inventory.findings f LEFT JOIN inventory.things t ON t.id = f.id
WHERE f.id = ANY(%s) AND f.merged_into IS NULL ORDER BY f.id FOR UPDATE OF f
"""
# Neighbours that are believed to stand there.
_NEIGHBOURS: Final = """
SELECT f.id, n.id AS neighbour, f.lon, f.lat, n.lon AS other_lon, n.lat AS other_lat
FROM inventory.findings f
JOIN inventory.findings n ON n.id <> f.id AND n.city = f.city AND n.merged_into IS NULL
    AND point(n.lon, n.lat)
        <@ box(point(f.lon - %(reach)s, f.lat - %(reach)s), point(f.lon + %(reach)s, f.lat + %(reach)s))
JOIN inventory.things t ON t.id = n.id AND t.state IN ('expected', 'seen', 'damaged')
WHERE f.id = ANY(%(ids)s)
"""
_PASSES: Final = """
SELECT f.id, p.at, p.device, p.kind, p.looked_share, p.hit, p.false_alarm, p.observation_id, p.observation_id_at, p.city
FROM unnest(%(ids)s::uuid[]) AS f(id)
CROSS JOIN LATERAL (
    SELECT * FROM inventory.finding_passes p WHERE p.finding_id = f.id
        AND NOT (p.device = 'inventory') ORDER BY p.at DESC LIMIT %(limit)s
) p ORDER BY f.id, p.at
"""
_LEARN: Final = """
INSERT INTO inventory.things (id, city, kind, source, faces_deg, state, state_since, there, gone, hidden)
VALUES (%(id)s, %(city)s, %(kind)s, 'learned', %(faces_deg)s, 'seen', %(at)s, 1, 0, 0)
ON CONFLICT ON CONSTRAINT things_pkey DO NOTHING
"""
_WRITE: Final = """
UPDATE inventory.things SET kind = %(kind)s, there = %(there)s, gone = %(gone)s, hidden = %(hidden)s,
    damaged = %(damaged)s, segment_id = %(segment_id)s, state = %(state)s,
    state_since = CASE WHEN state = %(state)s THEN state_since ELSE %(at)s END
WHERE id = %(id)s
"""
_PROBLEMS: Final = """
SELECT p.thing_id, p.problem, p.finding_id, f.first_seen_at FROM inventory.problems p
JOIN public.findings f ON f.id = p.finding_id WHERE p.thing_id = ANY(%s)
"""
_NEW_FINDING: Final = """
INSERT INTO public.findings (id, city, cell, class_code, severity, state, existence, lon, lat, east_m2, east_north_m2,
    north_m2, position_sigma_m, heading_deg, passes_seen, passes_missed, first_seen_at, last_seen_at, picture_sha256,
    looked_lon, looked_lat, scenario)
VALUES (%(finding_id)s, %(city)s, %(cell)s, %(class_code)s, %(severity)s, %(state)s, %(existence)s, %(lon)s, %(lat)s,
    %(east_m2)s, %(east_north_m2)s, %(north_m2)s, %(position_sigma_m)s, %(heading_deg)s, 0, 0, %(began_at)s,
    %(last_at)s, %(picture_sha256)s, %(lon)s, %(lat)s, 'street_furniture')
"""
_NEW_PROBLEM: Final = "INSERT INTO inventory.problems (thing_id, problem, finding_id) VALUES (%s, %s, %s)"
# What a person rejected stays rejected.
_WRITE_FINDING: Final = """
UPDATE public.findings SET class_code = %(class_code)s, existence = %(existence)s, lon = %(lon)s, lat = %(lat)s,
    cell = %(cell)s, state = CASE WHEN state = 'rejected' THEN state ELSE %(state)s END, last_seen_at = %(last_at)s,
    picture_sha256 = coalesce(%(picture_sha256)s, picture_sha256),
    first_seen_at = CASE WHEN state = 'gone' AND %(state)s = 'open' THEN %(began_at)s ELSE first_seen_at END,
    passes_seen = (SELECT count(*) FROM public.finding_passes WHERE finding_id = %(finding_id)s AND kind = 'seen'),
    passes_missed = (SELECT count(*) FROM public.finding_passes WHERE finding_id = %(finding_id)s AND kind = 'not_seen')
WHERE id = %(finding_id)s
"""
_NOTE_PASSING: Final = """
INSERT INTO public.finding_passes AS p (finding_id, at, city, device, kind, looked_share, confidence, observation_id,
    observation_id_at, probability_before, probability_after, hit, false_alarm, surer, is_measured)
VALUES (%(finding_id)s, %(at)s, %(city)s, %(device)s, %(kind)s, %(looked_share)s, %(confidence)s, %(observation_id)s,
    %(observation_id_at)s, %(before)s, %(after)s, %(hit)s, %(false_alarm)s, 0, false)
ON CONFLICT ON CONSTRAINT finding_passes_pkey DO UPDATE SET kind = EXCLUDED.kind,
    looked_share = EXCLUDED.looked_share, confidence = EXCLUDED.confidence, observation_id = EXCLUDED.observation_id,
    observation_id_at = EXCLUDED.observation_id_at, probability_before = EXCLUDED.probability_before,
    probability_after = EXCLUDED.probability_after, hit = EXCLUDED.hit, false_alarm = EXCLUDED.false_alarm
"""
_DIFFERENCES: Final = """
SELECT thing_id, observation_id, difference FROM inventory.likenesses WHERE thing_id = ANY(%s)
    AND difference IS NOT NULL ORDER BY thing_id, at
"""
_TO_ASSESS: Final = "INSERT INTO segments_to_assess (segment_id) SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredThing:
    """A thing, or what may become one, as the fusion has it."""

    id: UUID
    city: str
    kind: str
    cell: str
    lon: float
    lat: float
    east_m2: float
    east_north_m2: float
    north_m2: float
    position_sigma_m: float
    heading_deg: float
    picture_sha256: str | None
    first_seen_at: datetime
    last_seen_at: datetime
    finding_state: str
    thing_state: str | None  # none: it is no thing yet
    source: str | None
    segment_id: str | None

    @property
    def is_learned_now(self) -> bool:
        """Whether it is seen often enough to be taken into the inventory."""
        return self.thing_state is None and self.finding_state == FindingState.OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class PassBy:
    """One pass by a thing, with its sighting if there is one."""

    glance: Glance
    city: str
    observation_id: UUID | None
    observation_id_at: datetime | None


ProblemPass = tuple[PassBy, Noticed]
"""A pass as evidence of a problem."""


def mark_due(connection: Connection[Any], finding_ids: Iterable[UUID]) -> None:
    """Say that passes told something new of these."""
    connection.execute(_MARK, (sorted(set(finding_ids)),))


def take_due(connection: Connection[Any], *, limit: int, actor: str, at: datetime) -> list[StoredThing]:
    """Take things that are to be judged; what became one with another is that one."""
    taken = [finding_id for (finding_id,) in connection.execute(_TAKE, (limit,)).fetchall()]
    ids = {*taken, *_follow(connection, taken, actor=actor, at=at)}
    ids |= set(hand_over(connection, taken, actor=actor, at=at))
    connection.execute(_DROP_LEARNED, {"ids": taken})
    ids |= set(_follow(connection, taken, actor=actor, at=at))
    with connection.cursor(row_factory=class_row(StoredThing)) as cursor:
        return cursor.execute(_READ, (sorted(ids),)).fetchall() if ids else []


def _follow(connection: Connection[Any], taken: Sequence[UUID], *, actor: str, at: datetime) -> list[UUID]:
    followed = connection.execute(_FOLLOW_MERGED, {"ids": taken}).fetchall()
    for thing_id, removal in followed:
        if removal is not None:
            note(connection, removal, "move", thing_id=thing_id, actor=actor, reason=BECAME_ONE, at=at)
    return [thing_id for thing_id, _ in followed]


def read_passes(connection: Connection[Any], ids: Sequence[UUID], *, limit: int) -> dict[UUID, list[PassBy]]:
    """Newest passes by things, in order of time, each with what it saw of the neighbours."""
    neighbours = _read_neighbours(connection, ids)
    wanted = sorted({*ids, *(each for some in neighbours.values() for each in some)})
    passes: dict[UUID, list[PassBy]] = {}
    with connection.cursor(row_factory=dict_row) as cursor:
        for row in cursor.execute(_PASSES, {"ids": wanted, "limit": limit}):
            passes.setdefault(row["id"], []).append(_pass_of(row))
    return {each: _beside(passes.get(each, []), neighbours.get(each, []), passes) for each in ids}


def _read_neighbours(connection: Connection[Any], ids: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    neighbours: dict[UUID, list[UUID]] = {}
    with connection.cursor(row_factory=dict_row) as cursor:
        for row in cursor.execute(_NEIGHBOURS, {"ids": list(ids), "reach": _DEGREES_OF_NEIGHBOURS}):
            away_m = distance_m(lon=row["lon"], lat=row["lat"], other_lon=row["other_lon"], other_lat=row["other_lat"])
            if away_m <= NEIGHBOURS_M:
                neighbours.setdefault(row["id"], []).append(row["neighbour"])
    return neighbours


def _pass_of(row: dict[str, Any]) -> PassBy:
    is_seen = row["kind"] == "seen"
    glance = Glance(
        at=row["at"],
        device=row["device"],
        is_seen=is_seen,
        looked_share=1.0 if is_seen else row["looked_share"],
        hit=row["hit"],
        false_alarm=min(row["false_alarm"], 0.5 * row["hit"]),
    )
    return PassBy(
        glance=glance,
        city=row["city"],
        observation_id=row["observation_id"],
        observation_id_at=row["observation_id_at"],
    )


def _beside(
    passes: Sequence[PassBy], neighbours: Sequence[UUID], all_passes: Mapping[UUID, Sequence[PassBy]]
) -> list[PassBy]:
    """The passes, each with what the same bus saw of the neighbours on its way."""
    others = [taken.glance for each in neighbours for taken in all_passes.get(each, [])]
    found: list[PassBy] = []
    for taken in passes:
        mine = taken.glance
        together = [
            other
            for other in others
            if other.device == mine.device and abs((other.at - mine.at).total_seconds()) <= SAME_PASS_S
        ]
        seen = sum(other.is_seen for other in together)
        missed = sum(not other.is_seen and other.looked_share >= GLANCE_SHARE for other in together)
        found.append(replace(taken, glance=replace(mine, neighbours_seen=seen, neighbours_missed=missed)))
    return found


def read_differences(connection: Connection[Any], ids: Sequence[UUID]) -> dict[UUID, dict[UUID, float]]:
    """How the pictures of things differ from those before, by sighting, in order of time."""
    differences: dict[UUID, dict[UUID, float]] = {}
    for thing_id, observation_id, difference in connection.execute(_DIFFERENCES, (list(ids),)):
        differences.setdefault(thing_id, {})[observation_id] = difference
    return differences


def learn(connection: Connection[Any], thing: StoredThing, *, at: datetime) -> None:
    """Take something into the inventory that buses see again and again."""
    faces_deg = (thing.heading_deg + 180.0) % 360.0
    connection.execute(
        _LEARN, {"id": thing.id, "city": thing.city, "kind": thing.kind, "faces_deg": faces_deg, "at": at}
    )


def write_thing(
    connection: Connection[Any], thing: StoredThing, found: Assessment, *, segment_id: str | None, at: datetime
) -> None:
    """Write what is believed of a thing."""
    presence = found.standing.presence
    values = {
        "id": thing.id,
        "kind": thing.kind,
        "there": presence.there,
        "gone": presence.gone,
        "hidden": presence.hidden,
        "damaged": found.damaged,
        "segment_id": segment_id,
        "state": found.state,
        "at": at,
    }
    connection.execute(_WRITE, values)
    if thing.segment_id != segment_id:
        moved = [each for each in (thing.segment_id, segment_id) if each is not None]
        connection.execute(_TO_ASSESS, (moved,))


def read_problems(
    connection: Connection[Any], ids: Sequence[UUID]
) -> dict[tuple[UUID, Problem], tuple[UUID, datetime]]:
    """Findings of things' problems, with when each began."""
    rows = connection.execute(_PROBLEMS, (list(ids),)).fetchall()
    return {(thing_id, Problem(problem)): (finding_id, began_at) for thing_id, problem, finding_id, began_at in rows}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemFinding:
    """What is the matter with a thing, to be written as a finding."""

    thing: StoredThing
    problem: Problem
    severity: str
    is_open: bool
    existence: float
    began_at: datetime
    picture_sha256: str | None
    passes: Sequence[ProblemPass]


def write_problem(connection: Connection[Any], found: ProblemFinding, *, finding_id: UUID | None, at: datetime) -> UUID:
    """Write a problem; without a finding's id a new one begins."""
    thing = found.thing
    values: dict[str, Any] = {name: getattr(thing, name) for name in StoredThing.__slots__} | {
        "finding_id": finding_id or UUID(make_id(at)),
        "class_code": found.problem.class_of(thing.kind),
        "severity": found.severity,
        "state": FindingState.OPEN if found.is_open else FindingState.GONE,
        "existence": found.existence,
        "began_at": found.began_at,
        "last_at": max((each.glance.at for _, each in found.passes if each.is_noticed), default=found.began_at),
        "picture_sha256": found.picture_sha256,
    }
    if finding_id is None:
        connection.execute(_NEW_FINDING, values)
        connection.execute(_NEW_PROBLEM, (thing.id, found.problem, values["finding_id"]))
    with connection.cursor() as cursor:
        cursor.executemany(_NOTE_PASSING, [_pass_values(*each, values["finding_id"]) for each in found.passes])
    connection.execute(_WRITE_FINDING, values)
    return values["finding_id"]


def _pass_values(taken: PassBy, noticed: Noticed, finding_id: UUID) -> dict[str, Any]:
    has_picture = noticed.is_noticed and taken.glance.is_seen
    return {
        "finding_id": finding_id,
        "at": taken.glance.at,
        "city": taken.city,
        "device": taken.glance.device,
        "kind": "seen" if noticed.is_noticed else "not_seen",
        "looked_share": noticed.looked_share,
        "confidence": noticed.hit if noticed.is_noticed else None,
        "observation_id": taken.observation_id if has_picture else None,
        "observation_id_at": taken.observation_id_at if has_picture else None,
        "before": noticed.before,
        "after": noticed.after,
        "hit": noticed.hit,
        "false_alarm": noticed.false_alarm,
    }
