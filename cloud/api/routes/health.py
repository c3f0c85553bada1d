"""Whether this process can do its work."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from cloud.api.actors import needs
from cloud.api.deps import DatabaseDep
from cloud.people.permissions import Permission

router = APIRouter(tags=["health"], dependencies=[needs(Permission.OPEN)])


class HealthView(BaseModel):
    """The database answers; without it the answer is a 503 problem."""

    status: Literal["ok"] = "ok"


@router.get("/health")
async def get_health(connection: DatabaseDep) -> HealthView:
    """Ask the database."""
    await connection.execute("SELECT 1")
    return HealthView()
