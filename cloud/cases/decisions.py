"""What people say of findings: the only door through which they decide; each decision is a chain of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from cloud.cases.chain import DECISIONS, Deed
from cloud.cases.model import Detail, Details, Reason
from cloud.db.value import fetch_value
from cloud.errors import DecisionError, DecisionNotFoundError
from cloud.findings.associate import MAX_REACH_M
from cloud.findings.decisions import DecisionKind
from cloud.findings.evidence import WINDOW
from cloud.findings.geometry import distance_m
from wire.envelope import make_id

_FINDING: Final = "SELECT id, city, cell, lon, lat, merged_into FROM findings WHERE id = %s FOR UPDATE"
_OBSERVATIONS: Final = """
SELECT observation_id FROM finding_observations WHERE finding_id = %s ORDER BY at DESC, observation_id LIMIT %s
"""
_INSERT: Final = """
INSERT INTO finding_decisions (id, city, cell, kind, first_finding, second_finding, first_observations,
    second_observations, at, actor, reason)
VALUES (%(id)s, %(city)s, %(cell)s, %(kind)s, %(first)s, %(second)s, %(first_observations)s::uuid[],
    %(second_observations)s::uuid[], %(at)s, %(actor)s, %(reason)s)
"""
_CONTRADICTING: Final = """
SELECT id FROM finding_decisions
WHERE undone_at IS NULL AND (kind = 'merge') <> (%(kind)s = 'merge')
    AND ((first_observations && %(first)s AND second_observations && %(second)s)
        OR (first_observations && %(second)s AND second_observations && %(first)s)) LIMIT 1
"""
_UNDO: Final = """
UPDATE finding_decisions SET undone_at = %(at)s, undone_by = %(actor)s, undone_reason = %(reason)s
WHERE id = %(id)s AND undone_at IS NULL RETURNING first_observations || second_observations
"""
_EXISTS: Final = "SELECT undone_by FROM finding_decisions WHERE id = %s"
# The worker looks again at all of whom it is said; it does the rest.
_QUEUE: Final = """
INSERT INTO fusion_queue (kind, city, device, id, id_at, cell)
SELECT 'observation', o.city, o.device, o.observation_id, o.observation_id_at, f.cell
FROM finding_observations o JOIN findings f ON f.id = o.finding_id WHERE o.observation_id = ANY(%s)
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finding:
    id: UUID
    city: str
    cell: str
    lon: float
    lat: float
    merged_into: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Who says it, when and why."""

    actor: str
    at: datetime
    reason: str


def decide_pair(connection: Connection[Any], kind: DecisionKind, *, first: UUID, second: UUID, said: Said) -> UUID:
    """Say that two findings are one (merge) or are not (different).

    Raises:
        DecisionNotFoundError: there is no such finding.
        DecisionError: they are the same, too far apart, or a standing decision says the contrary.
    """
    if first == second:
        raise DecisionError("two findings are expected")
    places = {each: _lock(connection, each) for each in sorted((first, second))}
    one, other = places[first], places[second]
    away_m = distance_m(lon=one.lon, lat=one.lat, other_lon=other.lon, other_lat=other.lat)
    if one.city != other.city or away_m > MAX_REACH_M:
        raise DecisionError(f"the findings are {away_m:.0f} m apart; at most {MAX_REACH_M:.0f} m is possible")
    sides = _observations(connection, first), _observations(connection, second)
    return _write(connection, kind, one, second=second, sides=sides, said=said)


def split(connection: Connection[Any], *, finding_id: UUID, observations: Sequence[UUID], said: Said) -> UUID:
    """Say that some sightings of a finding are of another thing.

    Raises:
        DecisionNotFoundError: there is no such finding.
        DecisionError: these are none or all of its sightings, or others.
    """
    found = _lock(connection, finding_id)
    all_of_it = _observations(connection, finding_id)
    chosen = [each for each in all_of_it if each in set(observations)]
    if len(chosen) != len(set(observations)) or not 0 < len(chosen) < len(all_of_it):
        raise DecisionError(f"some but not all of the {len(all_of_it)} newest sightings of the finding are expected")
    rest = [each for each in all_of_it if each not in set(chosen)]
    return _write(connection, DecisionKind.SPLIT, found, second=None, sides=(rest, chosen), said=said)


def undo(connection: Connection[Any], decision_id: UUID, *, said: Said) -> None:
    """Take a decision back; it stays in the record.

    Raises:
        DecisionNotFoundError: there is no such decision.
        DecisionError: somebody took it back already.
    """
    values = {"id": decision_id, "at": said.at, "actor": said.actor, "reason": said.reason}
    observations = fetch_value(connection, _UNDO, values)
    if observations is None:
        undone_by = fetch_value(connection, _EXISTS, (decision_id,))
        if undone_by is None:
            raise DecisionNotFoundError(f"there is no decision {decision_id}")
        raise DecisionError(f"{undone_by} took it back already")
    _note(connection, decision_id, said, action="undo", from_state="standing", to_state="undone", details={})
    _look_again(connection, observations)


def _lock(connection: Connection[Any], finding_id: UUID) -> _Finding:
    with connection.cursor(row_factory=class_row(_Finding)) as cursor:
        found = cursor.execute(_FINDING, (finding_id,)).fetchone()
    if found is None:
        raise DecisionNotFoundError(f"there is no finding {finding_id}")
    if found.merged_into is not None:
        raise DecisionError(f"finding {finding_id} is a part of {found.merged_into}")
    return found


def _observations(connection: Connection[Any], finding_id: UUID) -> list[UUID]:
    return [row[0] for row in connection.execute(_OBSERVATIONS, (finding_id, WINDOW)).fetchall()]


def _write(
    connection: Connection[Any],
    kind: DecisionKind,
    finding: _Finding,
    *,
    second: UUID | None,
    sides: tuple[list[UUID], list[UUID]],
    said: Said,
) -> UUID:
    values = {"kind": kind, "first": sides[0], "second": sides[1]}
    contrary = fetch_value(connection, _CONTRADICTING, values)
    if contrary is not None:
        raise DecisionError(f"decision {contrary} says the contrary: undo it first")
    decision_id = UUID(make_id(said.at))
    what: dict[str, Detail] = {
        "city": finding.city,
        "cell": finding.cell,
        "first": str(finding.id),
        "second": None if second is None else str(second),
        "first_observations": [str(each) for each in sides[0]],
        "second_observations": [str(each) for each in sides[1]],
    }
    record = {"id": decision_id, "kind": kind, "at": said.at, "actor": said.actor, "reason": said.reason}
    connection.execute(_INSERT, what | record)
    _note(connection, decision_id, said, action=kind, from_state=None, to_state="standing", details=what)
    _look_again(connection, [*sides[0], *sides[1]])
    return decision_id


def _note(
    connection: Connection[Any],
    decision_id: UUID,
    said: Said,
    *,
    action: str,
    from_state: str | None,
    to_state: str,
    details: Details,
) -> None:
    words = Reason.as_written(said.reason)
    deed = Deed(
        at=said.at,
        actor=said.actor,
        action=action,
        reason=words,
        from_state=from_state,
        to_state=to_state,
        details=details,
    )
    DECISIONS.append(connection, decision_id, deed)


def _look_again(connection: Connection[Any], observations: Sequence[UUID]) -> None:
    connection.execute(_QUEUE, (list(observations),))
