"""Where the buses are, as GTFS-realtime has it, for the bus company's own programs."""

import math
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response

from cloud.api.actors import ActorDep, needs
from cloud.api.buckets import Buckets
from cloud.api.deps import DatabaseDep, ResourcesDep, fetch_all
from cloud.api.problems import ProblemError
from cloud.bridges.gtfs_rt.feed import Vehicle, write_feed
from cloud.people.permissions import Permission

router = APIRouter(tags=["fleet"], dependencies=[needs(Permission.SEE_VEHICLES)])

FRESH: Final = timedelta(minutes=5)
"""A bus that was heard of longer ago is not in the feed: riders would wait for it."""
PER_S: Final = 0.5
BURST: Final = 10.0
MEDIA_TYPE: Final = "application/x-protobuf"
_CONTENT: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}, "description": "A FeedMessage"}
}

# What a feed brought is the bus company's own: telling it again would go round and round.
_VEHICLES: Final = """
SELECT device AS id, position_at AS at, lon, lat, speed_mps, heading_deg FROM devices
WHERE city = %(city)s AND NOT is_relay AND feed IS NULL AND position_at > %(since)s AND lon IS NOT NULL
    AND revoked_at IS NULL
ORDER BY device
"""


class _Turnstile:
    """Lets each account ask so often."""

    def __init__(self) -> None:
        self._asked = Buckets(per_s=PER_S, burst=BURST)

    def __call__(self, actor: ActorDep) -> None:
        """Let it pass.

        Raises:
            ProblemError: it was asked too often.
        """
        if wait_s := self._asked.take(actor.name):
            seconds = {"Retry-After": str(math.ceil(wait_s))}
            raise ProblemError(HTTPStatus.TOO_MANY_REQUESTS, "ask for the feed each ten seconds", headers=seconds)


TurnstileDep = Annotated[None, Depends(_Turnstile())]


@router.get("/gtfs-realtime/vehicle-positions", response_class=Response, responses=_CONTENT)
async def get_vehicle_positions(connection: DatabaseDep, held: ResourcesDep, _passed: TurnstileDep) -> Response:
    """Get where the buses are now: a FeedMessage of GTFS-realtime 2.0 with VehiclePosition entities, as protobuf."""
    at = datetime.now(UTC)
    rows = await fetch_all(connection, _VEHICLES, {"city": held.city, "since": at - FRESH})
    return Response(write_feed((Vehicle(**row) for row in rows), at=at), media_type=MEDIA_TYPE)
