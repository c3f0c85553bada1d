"""Numbers over everything."""

from typing import Any, Final

from fastapi import APIRouter
from pydantic import BaseModel

from cloud.api.actors import needs
from cloud.api.deps import DatabaseDep, ResourcesDep, fetch_one
from cloud.people.permissions import Permission

router = APIRouter(tags=["summary"], dependencies=[needs(Permission.SEE)])

_SUMMARY: Final = """
SELECT
    (SELECT count(*) FROM devices WHERE city = %(city)s AND presence = 'online') AS buses_online,
    (SELECT count(*) FROM devices WHERE city = %(city)s) AS buses_total,
    (SELECT count(*) FROM observations) AS observations,
    (SELECT coalesce(sum(upper(r) - lower(r)), 0)::bigint FROM device_streams, unnest(stored) r) AS stored_messages,
    (SELECT coalesce(sum(redelivered), 0)::bigint FROM device_streams) AS redelivered,
    (SELECT count(*) FROM quarantine WHERE replayed_at IS NULL) AS quarantined,
    (SELECT coalesce(jsonb_object_agg(state, n), '{}') FROM (
        SELECT state, count(*) AS n FROM findings GROUP BY state) s) AS findings_by_state,
    (SELECT coalesce(jsonb_object_agg(state, n), '{}') FROM (
        SELECT state, count(*) AS n FROM cases GROUP BY state) s) AS cases_by_state,
    (SELECT jsonb_build_object(
        'filed', count(*) FILTER (WHERE action = 'file'),
        'dispatched', count(*) FILTER (WHERE action = 'dispatch'),
        'accepted', count(*) FILTER (WHERE action = 'accept'),
        'repaired', count(*) FILTER (WHERE action = 'done'),
        'verified', count(*) FILTER (WHERE action = 'verify'),
        'reopened', count(*) FILTER (WHERE action = 'reopen' AND from_state IN ('done', 'verified', 'closed')),
        'rejected', count(*) FILTER (WHERE to_state = 'rejected' AND from_state <> to_state)
    ) FROM case_history) AS cases_by_step,
    (SELECT coalesce(jsonb_object_agg(class_code, n), '{}') FROM (
        SELECT class_code, count(*) AS n FROM findings WHERE state IN ('candidate', 'open')
        GROUP BY class_code) s) AS findings_by_class
"""


class CasesByStep(BaseModel):
    """How often each step was taken; `reopened` counts repairs that did not hold."""

    filed: int
    dispatched: int
    accepted: int
    repaired: int
    verified: int
    reopened: int
    rejected: int


class Summary(BaseModel):
    """Counts; `findings_by_class` counts the candidates and the open ones."""

    buses_online: int
    buses_total: int
    observations: int
    stored_messages: int
    redelivered: int
    quarantined: int
    findings_by_state: dict[str, int]
    cases_by_state: dict[str, int]
    cases_by_step: CasesByStep
    findings_by_class: dict[str, int]


@router.get("/summary")
async def get_summary(connection: DatabaseDep, held: ResourcesDep) -> Summary:
    """Count everything."""
    values: dict[str, Any] = {"city": held.city}
    return Summary.model_validate(await fetch_one(connection, _SUMMARY, values))
