"""The classes, with their names and colours."""

from fastapi import APIRouter
from pydantic import BaseModel

from cloud.api.actors import needs
from cloud.api.deps import ResourcesDep
from cloud.findings.catalogue import LocalName
from cloud.people.permissions import Permission

router = APIRouter(tags=["catalogue"], dependencies=[needs(Permission.SEE)])


class CatalogueClass(BaseModel):
    """One class."""

    code: str
    name: LocalName
    colour: str
    group: str


class CatalogueGroup(BaseModel):
    """Classes that may be one damage."""

    code: str
    name: LocalName


class CatalogueView(BaseModel):
    """What viewers need of the catalogue."""

    classes: list[CatalogueClass]
    groups: list[CatalogueGroup]


@router.get("/catalogue")
async def get_catalogue(held: ResourcesDep) -> CatalogueView:
    """Get the classes and their groups."""
    return CatalogueView(
        classes=[
            CatalogueClass(code=code, name=entry.name, colour=entry.colour, group=entry.group)
            for code, entry in held.catalogue.classes.items()
        ],
        groups=[CatalogueGroup(code=code, name=group.name) for code, group in held.catalogue.groups.items()],
    )
