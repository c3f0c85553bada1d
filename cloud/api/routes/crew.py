"""Who is asking, which crews there are, and a crew's own jobs."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, model_validator

from cloud.api.actors import OF_THIS_CREW, ActorDep, IdentityDep, needs
from cloud.api.deps import Question, ResourcesDep
from cloud.cases.dispatch import read_loads
from cloud.cases.model import Role
from cloud.cases.orders import Whereabouts
from cloud.cases.reading import read_case
from cloud.cases.scope import scope_of
from cloud.cases.views import CaseDetail
from cloud.findings.catalogue import LocalName
from cloud.findings.geometry import distance_m
from cloud.people.permissions import Permission
from cloud.people.scope import SCOPE_CASE, SCOPE_PLACE
from wire.units import Lat, Lon

router = APIRouter(tags=["crew"])

MAX_JOBS: Final = 100
_JOBS: Final = (
    """
SELECT c.id FROM cases c JOIN findings f ON f.id = c.finding_id
WHERE c.state IN ('dispatched', 'accepted', 'suspended')
    AND (c.crew = %(crew)s OR (c.crew IS NULL AND c.unit = %(unit)s))
    AND
"""
    + SCOPE_CASE
    + "AND"
    + SCOPE_PLACE
    + "ORDER BY c.due_at NULLS LAST, c.id LIMIT %(limit)s"
)


class Me(BaseModel):
    """Who is asking, how we know, and what they may do."""

    name: str
    role: Role
    unit: str | None
    crew: str | None
    areas: list[str]
    way: Literal["visitor", "session", "token"]
    permissions: list[Permission]


class CrewView(BaseModel):
    """A crew, and how many jobs it has."""

    key: str
    name: LocalName
    unit: str
    lon: float
    lat: float
    jobs: int


class UnitView(BaseModel):
    """A unit."""

    key: str
    name: LocalName


class Organisation(BaseModel):
    """To whom cases can go."""

    units: list[UnitView]
    crews: list[CrewView]


class Job(BaseModel):
    """A case of a crew, and how far it is away."""

    case: CaseDetail
    distance_m: float | None


class Jobs(BaseModel):
    """A crew's jobs: nearest first with a position, else those that are due first."""

    items: list[Job]


class JobQuestion(Question):
    """Where the crew is."""

    lon: Lon | None = None
    lat: Lat | None = None

    @model_validator(mode="after")
    def _both(self) -> "JobQuestion":
        if (self.lon is None) is not (self.lat is None):
            raise ValueError("lon and lat come together")
        return self

    @property
    def where(self) -> Whereabouts | None:
        """The position, if there is one."""
        if self.lon is None or self.lat is None:
            return None
        return Whereabouts(lon=self.lon, lat=self.lat)


@router.get("/me", dependencies=[needs(Permission.OPEN)])
def get_me(found: IdentityDep) -> Me:
    """Tell who is asking; it must be somebody, whatever they may do."""
    actor = found.actor
    return Me(
        name=actor.name,
        role=actor.role,
        unit=actor.unit,
        crew=actor.crew,
        areas=list(actor.areas),
        way=found.way,
        permissions=sorted(found.permissions),
    )


@router.get("/organisation", dependencies=[needs(Permission.SEE)])
def get_organisation(held: ResourcesDep) -> Organisation:
    """List units and crews."""
    with held.thread_pool.connection() as connection:
        loads = read_loads(connection)
    crews = [
        CrewView(key=key, name=crew.name, unit=crew.unit, lon=crew.lon, lat=crew.lat, jobs=loads.get(key, 0))
        for key, crew in held.handling.crews.items()
    ]
    units = [UnitView(key=key, name=unit.name) for key, unit in held.catalogue.units.items()]
    return Organisation(units=units, crews=crews)


@router.get("/crew/jobs", dependencies=[needs(Permission.DO_JOBS), OF_THIS_CREW])
def get_jobs(question: Annotated[JobQuestion, Query()], held: ResourcesDep, actor: ActorDep) -> Jobs:
    """List the asking crew's open jobs with all that is needed to do them without network."""
    scope = scope_of(actor, held.handling)
    values: dict[str, Any] = scope.values() | {"crew": actor.crew, "unit": actor.unit, "limit": MAX_JOBS}
    with held.thread_pool.connection() as connection:
        cases = [
            read_case(connection, case_id, actor=actor, catalogue=held.catalogue, handling=held.handling)
            for (case_id,) in connection.execute(_JOBS, values).fetchall()
        ]
    return Jobs(items=_by_distance(cases, question.where))


def _by_distance(cases: list[CaseDetail], where: Whereabouts | None) -> list[Job]:
    if where is None:
        return [Job(case=case, distance_m=None) for case in cases]
    jobs = [
        Job(
            case=case,
            distance_m=round(distance_m(lon=case.lon, lat=case.lat, other_lon=where.lon, other_lat=where.lat)),
        )
        for case in cases
    ]
    return sorted(jobs, key=lambda job: (job.distance_m or 0.0, job.case.id))
