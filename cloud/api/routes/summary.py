"""Numbers over everything: every viewer asks for them every few seconds, so they are kept, not counted."""

from collections import defaultdict
from typing import Final

from fastapi import APIRouter
from pydantic import BaseModel

from cloud.api.actors import needs
from cloud.api.deps import DatabaseDep, ResourcesDep, fetch_one
from cloud.people.permissions import Permission

router = APIRouter(tags=["summary"], dependencies=[needs(Permission.SEE)])

_SUMMARY: Final = """
SELECT
    (SELECT count(*) FROM devices WHERE city = %(city)s AND NOT is_relay AND revoked_at IS NULL
        AND presence = 'online') AS buses_online,
    (SELECT count(*) FROM devices WHERE city = %(city)s AND NOT is_relay AND revoked_at IS NULL) AS buses_total,
    (SELECT coalesce(sum(upper(r) - lower(r)), 0)::bigint FROM device_streams, unnest(stored) r) AS stored_messages,
    (SELECT coalesce(sum(redelivered), 0)::bigint FROM device_streams) AS redelivered,
    (SELECT count(*) FROM quarantine WHERE replayed_at IS NULL) AS quarantined,
    (SELECT coalesce(jsonb_object_agg(state, n), '{}') FROM (
        SELECT state, sum(light + medium + heavy) AS n FROM map_cells WHERE parent IS NULL AND class_code = ''
        GROUP BY state) s) AS findings_by_state,
    (SELECT coalesce(jsonb_object_agg(class_code, n), '{}') FROM (
        SELECT class_code, sum(light + medium + heavy) AS n FROM map_cells
        WHERE parent IS NULL AND class_code <> '' AND state IN ('candidate', 'open')
        GROUP BY class_code) s) AS findings_by_class
"""
_TALLIES: Final = """
SELECT subject, key, sum(n)::bigint FROM (SELECT * FROM tallies UNION ALL SELECT * FROM tally_changes) t
GROUP BY subject, key HAVING sum(n) > 0
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
    """Counts, the buses without those that were revoked; `findings_by_class` counts the candidates and the open ones.

    Observations are counted as they are stored; a purge takes none off. Findings are as new as the map's cells.
    """

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
    """Tell what is counted."""
    record = await fetch_one(connection, _SUMMARY, {"city": held.city})
    tallies: defaultdict[str, dict[str, int]] = defaultdict(dict)
    async for subject, key, count in await connection.execute(_TALLIES):
        tallies[subject][key] = count
    return Summary.model_validate(
        {
            **(record or {}),
            "observations": tallies["observation"].get("", 0),
            "cases_by_state": tallies["case_state"],
            "cases_by_step": {step: tallies["case_step"].get(step, 0) for step in CasesByStep.model_fields},
        }
    )
