"""Buses fetch signed packages: whole, or from where they were cut off."""

import re
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Path, Response
from fastapi.responses import PlainTextResponse

from cloud.api.actors import needs
from cloud.api.deps import ResourcesDep
from cloud.api.devices import asking_device
from cloud.api.problems import not_found
from cloud.fleet.releases import read_part, read_signature
from cloud.people.permissions import Permission
from wire.units import Sha256

PART_BYTES: Final = 1_048_576
"""What one answer brings at most: a bus that goes through a tunnel loses little."""
_RANGE: Final = re.compile(r"bytes=(\d{1,12})-(\d{0,12})")

router = APIRouter(tags=["devices"], dependencies=[needs(Permission.DEVICE), Depends(asking_device)])

PackageHash = Annotated[Sha256, Path(description="SHA-256 of the package's bytes, in hexadecimal")]


@router.get(
    "/devices/packages/{sha256}",
    response_class=Response,
    status_code=HTTPStatus.PARTIAL_CONTENT,
    responses={416: {"description": "the package ends before"}},
)
async def get_package(
    sha256: PackageHash,
    held: ResourcesDep,
    range_: Annotated[str, Header(alias="Range", max_length=60, description="bytes=<first>-")] = "bytes=0-",
) -> Response:
    """Get a part of a package, from a byte on; at most a MiB comes, so ask again from there."""
    asked = _RANGE.fullmatch(range_)
    begin = int(asked[1]) if asked else 0
    length = min(int(asked[2]) + 1 - begin, PART_BYTES) if asked and asked[2] else PART_BYTES
    async with held.pool.connection() as connection:
        found = await read_part(connection, sha256, begin=begin, length=max(length, 0))
    if found is None:
        raise not_found(f"package {sha256}")
    size, part = found
    if not part:
        headers = {"Content-Range": f"bytes */{size}"}
        return Response(status_code=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=headers)
    headers = {"Content-Range": f"bytes {begin}-{begin + len(part) - 1}/{size}", "ETag": f'"{sha256}"'}
    return Response(part, HTTPStatus.PARTIAL_CONTENT, headers=headers, media_type="application/zip")


@router.get("/devices/packages/{sha256}/signature", response_class=PlainTextResponse)
async def get_package_signature(
    sha256: PackageHash,
    held: ResourcesDep,
) -> str:
    """Get the signature of a package, as minisign writes it."""
    async with held.pool.connection() as connection:
        signature = await read_signature(connection, sha256)
    if signature is None:
        raise not_found(f"package {sha256}")
    return signature
