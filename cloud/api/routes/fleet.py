"""The buses."""

from fastapi import APIRouter
from pydantic import BaseModel

from cloud.api.actors import needs
from cloud.api.deps import DatabaseDep, ResourcesDep
from cloud.fleet.buses import Bus, list_buses
from cloud.people.permissions import Permission

router = APIRouter(tags=["fleet"], dependencies=[needs(Permission.SEE)])


class BusList(BaseModel):
    """Every enrolled bus that is let in."""

    items: list[Bus]


@router.get("/buses")
async def get_buses(connection: DatabaseDep, held: ResourcesDep) -> BusList:
    """List the buses that are let in, by name; counts are sums over a bus's outboxes."""
    return BusList(items=await list_buses(connection, city=held.city))
