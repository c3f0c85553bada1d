"""Pictures: buses put them under their hash, viewers get them."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import StreamingResponse

from cloud.api.actors import needs
from cloud.api.deps import Database, DatabaseDep, Resources, ResourcesDep
from cloud.api.devices import DeviceDep
from cloud.api.problems import not_found
from cloud.people.permissions import Permission
from cloud.pictures.announcements import find_picture, is_of_driving
from wire.units import Sha256

router = APIRouter(tags=["pictures"])

PictureHash = Annotated[Sha256, Path(description="SHA-256 of the picture's bytes, in hexadecimal")]


@router.put(
    "/pictures/{sha256}",
    dependencies=[needs(Permission.DEVICE)],
    status_code=HTTPStatus.CREATED,
    response_class=Response,
    responses={204: {"description": "it is there already"}},
)
async def put_picture(
    sha256: PictureHash,
    request: Request,
    held: ResourcesDep,
    asking: DeviceDep,
) -> Response:
    """Take a picture that this device announced; doing it again is harmless."""
    city, device = asking
    is_new = await held.pictures.receive(held.pool, sha256, request.stream(), city=city, device=device)
    return Response(status_code=HTTPStatus.CREATED if is_new else HTTPStatus.NO_CONTENT)


@router.get("/pictures/{sha256}", dependencies=[needs(Permission.SEE)], response_class=StreamingResponse)
async def get_picture(sha256: PictureHash, connection: DatabaseDep, held: ResourcesDep) -> Response:
    """Get a picture; it never changes, but a person may have it erased.

    Pictures of events at the wheel are not here: they stand with their incident, whose driver reads who looked.
    """
    if await is_of_driving(connection, sha256):
        raise not_found(f"picture {sha256} but with its incident")
    return await answer_with(sha256, connection, held)


async def answer_once(sha256: str, connection: Database, held: Resources) -> Response:
    """A picture of the store of which each look is told: so each comes here, and no browser keeps it.

    Raises:
        ProblemError: it is not here (yet), or not any longer.
    """
    answer = await answer_with(sha256, connection, held)
    answer.headers["Cache-Control"] = "no-store"
    del answer.headers["ETag"]
    return answer


async def answer_with(sha256: str, connection: Database, held: Resources) -> Response:
    """A picture of the store.

    Raises:
        ProblemError: it is not here (yet), or not any longer.
    """
    picture = await find_picture(connection, sha256)
    if picture is not None and picture.erased_at is not None:
        raise not_found(f"picture {sha256} any longer: a person had it erased")
    if picture is None or picture.received_at is None:
        raise not_found(f"picture {sha256} here (yet)")
    try:
        parts = await held.pictures.open(sha256)
    except FileNotFoundError:
        raise not_found(f"picture {sha256} in the store any longer") from None
    headers = {
        "Cache-Control": "private, max-age=3600",
        "Content-Length": str(picture.size_bytes),
        "ETag": f'"{sha256}"',
    }
    return StreamingResponse(parts, media_type=picture.media_type, headers=headers)
