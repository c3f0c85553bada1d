"""What anybody may know of what is collected on the roads: the notice that the law on personal data asks for."""

from collections.abc import Iterator
from typing import Final

from fastapi import APIRouter
from pydantic import BaseModel

from cloud.api.actors import needs
from cloud.api.deps import ResourcesDep
from cloud.people.permissions import Permission
from cloud.work.retention_rules import RetentionRules

router = APIRouter(tags=["notice"], dependencies=[needs(Permission.OPEN)])

_ABOUT_PEOPLE: Final = (
    *("pictures", "device_commands", "track_points"),
    *("driving_events", "driving_incidents", "driver_shifts", "driver_looks"),
    "data_request_persons",
)
"""Classes of what is kept in which a person may be found."""


class Kept(BaseModel):
    """One class of what is kept."""

    what: str
    days: float | None
    """None: for ever."""


class NoticeView(BaseModel):
    """What is collected, for how long, and who answers for it."""

    city: str
    contact: str | None
    kept: list[Kept]


@router.get("/notice")
async def get_notice(held: ResourcesDep) -> NoticeView:
    """Get what is collected and for how long it is kept."""
    return NoticeView(city=held.city, contact=held.contact, kept=list(_kept(held.retention)))


def _kept(rules: RetentionRules) -> Iterator[Kept]:
    for what in _ABOUT_PEOPLE:
        rule = getattr(rules, what)
        yield Kept(what=what, days=None if rule is None else rule.days)
