"""Which bus asks: by its secret, checked before a body is read."""

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import Depends, Header, Request

from cloud.api.actors import note_caller
from cloud.api.deps import ResourcesDep
from cloud.api.problems import ProblemError
from cloud.fleet.devices import Device, authenticate
from wire.errors import TopicError
from wire.messages import Kind
from wire.topics import PREFIX, parse_topic

_BEARER: Final = "Bearer "


async def asking_device(
    request: Request,
    held: ResourcesDep,
    x_busense_device: Annotated[str, Header(max_length=130, description="<city>/<device>")] = "",
    authorization: Annotated[str, Header(max_length=600, description="Bearer <secret>")] = "",
) -> Device:
    """Tell city and device. The answer does not tell which part was wrong.

    Raises:
        ProblemError: name and secret do not belong together.
    """
    city, device = _read_device(x_busense_device)
    secret = authorization.removeprefix(_BEARER)
    async with held.pool.connection() as connection:
        is_known = await authenticate(connection, city=city, device=device, secret=secret)
    note_caller(request, is_known=is_known)
    if not (is_known and authorization.startswith(_BEARER)):
        raise ProblemError(HTTPStatus.FORBIDDEN, "this device and secret do not belong together")
    return city, device


def _read_device(text: str) -> Device:
    try:
        topic = parse_topic(f"{PREFIX}/{text}/{Kind.DETECTION}")
    except TopicError:
        raise ProblemError(HTTPStatus.FORBIDDEN, "X-Busense-Device: <city>/<device> is expected") from None
    return topic.city, topic.device


DeviceDep = Annotated[Device, Depends(asking_device)]
