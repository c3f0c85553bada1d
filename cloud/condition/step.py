"""One step of the worker: only the segments that new evidence speaks of are assessed anew."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import numpy as np
from psycopg import Connection

from cloud.condition import evidence, repository
from cloud.condition.estimate import Damage, estimate
from cloud.condition.evidence import CoverageKey
from cloud.condition.locate import locate_finding, locate_stretch
from cloud.condition.repository import Assessed, Roadbed
from cloud.condition.rules import ConditionRules
from cloud.condition.survey import SurveyedPart, last_look, survey
from cloud.condition.tci import FacilityIndex, facility_index
from cloud.db.aside import Kind, do_apart
from cloud.db.steps import drain
from cloud.db.value import fetch_value
from cloud.roads.matching import Matched

BATCH: Final = 50
# One worker at a time: the work is light, and so nobody waits for anybody crosswise.
_LOCK: Final = "SELECT pg_try_advisory_xact_lock(hashtextextended('busense.condition', 0))"

_log = logging.getLogger(__name__)


def update_conditions(
    connection: Connection[Any],
    *,
    rules: ConditionRules,
    now: Callable[[], datetime],
    should_stop: Callable[[], bool] = lambda: False,
) -> int:
    """Take all new evidence into account; returns how much it was. The connection is in autocommit."""
    return drain(connection, lambda: _step(connection, rules, at=now()), should_stop=should_stop)


def _step(connection: Connection[Any], rules: ConditionRules, *, at: datetime) -> int:
    if not fetch_value(connection, _LOCK):
        return 0
    taken = evidence.take(connection, limit=BATCH)
    do_apart(
        connection,
        taken.coverages,
        lambda keys: _place_stretches(connection, keys),
        kind=Kind.EVIDENCE,
        subject_of=lambda key: {"kind": "coverage", **key._asdict(), "id": str(key.id), "id_at": key.id_at.isoformat()},
    )
    do_apart(
        connection,
        taken.findings,
        lambda ids: _place_findings(connection, ids, at=at),
        kind=Kind.EVIDENCE,
        subject_of=lambda finding_id: {"kind": "finding", "city": "", "device": "", "id": str(finding_id)},
    )
    repository.queue_expired(connection, at=at)
    segment_ids = repository.take_segments(connection, limit=BATCH)
    do_apart(
        connection,
        segment_ids,
        lambda ids: _assess(connection, ids, rules, at=at),
        kind=Kind.SEGMENT,
        subject_of=lambda segment_id: {"segment_id": segment_id},
    )
    if segment_ids:
        _log.debug("segments_assessed segments=%d evidence=%d", len(segment_ids), len(taken))
    return len(taken) + len(segment_ids)


def _place_stretches(connection: Connection[Any], keys: Sequence[CoverageKey]) -> None:
    for stretch in evidence.read_coverages(connection, keys):
        network = evidence.read_network(connection, np.array(stretch.line))
        repository.replace_surveys(connection, stretch, locate_stretch(stretch, network))


def _place_findings(connection: Connection[Any], finding_ids: Sequence[UUID], *, at: datetime) -> None:
    placed: dict[UUID, Matched] = {}
    for place in evidence.read_places(connection, finding_ids):
        network = evidence.read_network(connection, np.array([(place.lon, place.lat)]))
        matched = locate_finding(place, network, at=at)
        if matched is not None:
            placed[place.id] = matched
    repository.replace_places(connection, finding_ids, placed)


def _assess(connection: Connection[Any], segment_ids: Sequence[str], rules: ConditionRules, *, at: datetime) -> None:
    roadbeds = repository.read_roadbeds(connection, segment_ids)
    surveys = repository.read_surveys(connection, segment_ids, since=at - rules.survey.window)
    damages, things = repository.read_damages(connection, segment_ids), repository.count_things(connection, segment_ids)
    assessed = [
        assess(
            roadbed,
            surveys.get(roadbed.id, []),
            damages.get(roadbed.id, []),
            things=things.get(roadbed.id, 0),
            rules=rules,
            at=at,
        )
        for roadbed in roadbeds
    ]
    repository.write_conditions(connection, assessed, rules=rules)


def assess(
    roadbed: Roadbed,
    parts: Sequence[SurveyedPart],
    damages: Sequence[Damage],
    *,
    rules: ConditionRules,
    at: datetime,
    things: int = 0,
) -> Assessed:
    """Assess one segment."""
    length_m, width_m = roadbed.length_m, roadbed.width_m(rules)
    surveyed = survey(parts, length_m=length_m, width_m=width_m, drives_on=rules.drives_on)
    oldest = min((part.to_at for part in parts), default=None)
    return Assessed(
        segment_id=roadbed.id,
        at=max(at, max((part.to_at for part in parts), default=at)),
        estimate=estimate(
            damages,
            surveyed,
            area_m2=length_m * width_m,
            surface=roadbed.surface,
            segment_id=roadbed.id,
            rules=rules,
        ),
        facilities=_facilities(damages, things, rules),
        things=things,
        surveyed=surveyed,
        findings=sum(damage.is_open for damage in damages),
        last_looked_at=last_look(parts, length_m=length_m, min_share=rules.survey.min_look_share),
        assess_again_at=oldest + rules.survey.window if oldest else None,
    )


def _facilities(damages: Sequence[Damage], things: int, rules: ConditionRules) -> FacilityIndex | None:
    """Nothing where nothing is known to stand and nobody found a worn marking: nobody looks there."""
    facilities = rules.facilities
    if facilities is None or not (things or any(damage.class_code in facilities.classes for damage in damages)):
        return None
    return facility_index(damages, rules=facilities)
