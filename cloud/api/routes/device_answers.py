"""Buses answer commands: a picture, blurred on board, or the last lines of a log."""

from datetime import UTC, datetime
from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from cloud.api.actors import needs
from cloud.api.deps import ResourcesDep
from cloud.api.devices import DeviceDep
from cloud.api.problems import ProblemError, not_found
from cloud.errors import PictureRefusedError
from cloud.fleet.answers import MAX_BYTES, Answer, expected_media_type, keep_answer
from cloud.people.permissions import Permission
from cloud.pictures.inspect import inspect_unannounced

router = APIRouter(tags=["devices"], dependencies=[needs(Permission.DEVICE)])


@router.put("/devices/answers/{number}", status_code=HTTPStatus.NO_CONTENT, response_class=Response)
async def put_answer(
    number: UUID,
    request: Request,
    held: ResourcesDep,
    asking: DeviceDep,
) -> None:
    """Take the answer to a command that this bus was told; the first one counts."""
    (city, device), at = asking, datetime.now(UTC)
    async with held.pool.connection() as connection:
        media_type = await expected_media_type(connection, number, city=city, device=device, at=at)
    if media_type is None:
        raise not_found(f"command {number} that waits for an answer")
    content = await _read(request)
    await run_in_threadpool(_check, content, media_type)
    async with held.pool.connection() as connection:
        answer = Answer(media_type=media_type, content=content)
        await keep_answer(connection, number, answer, city=city, device=device, at=at)


async def _read(request: Request) -> bytes:
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > MAX_BYTES:
            raise ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {MAX_BYTES} bytes are taken")
    return bytes(content)


def _check(content: bytes, media_type: str) -> None:
    try:
        if media_type == "image/jpeg":
            inspect_unannounced(content)
        else:
            content.decode()
    except (PictureRefusedError, UnicodeDecodeError) as error:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from error
