"""Pictures: buses put them under their hash, viewers get them."""

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Header, Path, Request, Response
from fastapi.responses import StreamingResponse

from cloud.api.actors import needs, note_caller
from cloud.api.deps import DatabaseDep, Resources, ResourcesDep
from cloud.api.problems import ProblemError, not_found
from cloud.fleet.devices import authenticate
from cloud.people.permissions import Permission
from cloud.pictures.announcements import find_picture
from wire.errors import TopicError
from wire.messages import Kind
from wire.topics import PREFIX, parse_topic
from wire.units import Sha256

router = APIRouter(tags=["pictures"])

_BEARER: Final = "Bearer "
_MAX_HEADER: Final = 600

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
    x_busense_device: Annotated[str, Header(max_length=130, description="<city>/<device>")] = "",
    authorization: Annotated[str, Header(max_length=_MAX_HEADER, description="Bearer <secret>")] = "",
) -> Response:
    """Take a picture that this device announced; doing it again is harmless."""
    city, device = await authenticate_device(request, held, name=x_busense_device, authorization=authorization)
    is_new = await held.pictures.receive(held.pool, sha256, request.stream(), city=city, device=device)
    return Response(status_code=HTTPStatus.CREATED if is_new else HTTPStatus.NO_CONTENT)


@router.get("/pictures/{sha256}", dependencies=[needs(Permission.SEE)], response_class=StreamingResponse)
async def get_picture(sha256: PictureHash, connection: DatabaseDep, held: ResourcesDep) -> Response:
    """Get a picture; it never changes."""
    picture = await find_picture(connection, sha256)
    if picture is None or picture.received_at is None:
        raise not_found(f"picture {sha256} here (yet)")
    try:
        parts = await held.pictures.open(sha256)
    except FileNotFoundError:
        raise not_found(f"picture {sha256} in the store any longer") from None
    headers = {
        "Cache-Control": "private, max-age=31536000, immutable",
        "Content-Length": str(picture.size_bytes),
        "ETag": f'"{sha256}"',
    }
    return StreamingResponse(parts, media_type=picture.media_type, headers=headers)


def _read_device(text: str) -> tuple[str, str]:
    try:
        topic = parse_topic(f"{PREFIX}/{text}/{Kind.DETECTION}")
    except TopicError:
        raise ProblemError(HTTPStatus.FORBIDDEN, "X-Busense-Device: <city>/<device> is expected") from None
    return topic.city, topic.device


async def authenticate_device(request: Request, held: Resources, *, name: str, authorization: str) -> tuple[str, str]:
    """Tell city and device; checked before the body is read. The answer does not tell which part was wrong.

    Raises:
        ProblemError: name and secret do not belong together.
    """
    city, device = _read_device(name)
    async with held.pool.connection() as connection:
        is_known = await authenticate(connection, city=city, device=device, secret=authorization.removeprefix(_BEARER))
    note_caller(request, is_known=is_known)
    if not (is_known and authorization.startswith(_BEARER)):
        raise ProblemError(HTTPStatus.FORBIDDEN, "this device and secret do not belong together")
    return city, device
