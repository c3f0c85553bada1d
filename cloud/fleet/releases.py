"""Signed packages for buses, as the cloud keeps them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import AsyncConnection, Connection
from psycopg.rows import dict_row

from cloud.db.value import fetch_value_async
from cloud.errors import RollOutError
from cloud.fleet.log import note
from wire.package import PackageKind, read_package

_ADD: Final = """
INSERT INTO releases (sha256, kind, name, version, signature, signed_by, added_at, added_by, content)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING
"""
_IS_THERE: Final = "SELECT 1 FROM releases WHERE sha256 = %s"
_LIST: Final = """
SELECT sha256, kind, name, version, signed_by, added_at, added_by, octet_length(content) AS size_bytes
FROM releases ORDER BY added_at DESC, sha256 LIMIT 1000
"""
_PART: Final = """
SELECT octet_length(content),
    substring(content FROM least(%(begin)s::bigint, octet_length(content))::integer + 1 FOR %(length)s)
FROM releases WHERE sha256 = %(sha256)s
"""
_SIGNATURE: Final = "SELECT signature FROM releases WHERE sha256 = %s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A package that can be rolled out."""

    sha256: str
    kind: PackageKind
    name: str
    version: str
    signed_by: str
    added_at: datetime
    added_by: str
    size_bytes: int


def add_release(
    connection: Connection[Any], content: bytes, *, signature: str, keys: Sequence[str], actor: str, at: datetime
) -> str:
    """Take a package that one of the city's keys has signed; again is harmless.

    Returns:
        Its SHA-256.

    Raises:
        PackageError: nobody whom we trust has signed it, or it is no package.
        RollOutError: another package has this name and version.
    """
    package = read_package(content, signature=signature, keys=keys)
    about, sha256 = package.about, hashlib.sha256(content).hexdigest()
    row = (sha256, about.kind, about.name, about.version, signature, package.signed_by, at, actor, content)
    if connection.execute(_ADD, row).rowcount:
        details = {"sha256": sha256, "kind": about.kind, "name": about.name, "version": about.version}
        note(connection, at=at, actor=actor, action="add_release", details=details)
    elif connection.execute(_IS_THERE, (sha256,)).fetchone() is None:
        raise RollOutError(f"{about.kind} {about.name} {about.version} is there already with another content")
    return sha256


async def list_releases(connection: AsyncConnection[Any]) -> list[Release]:
    """All of them, the newest first."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_LIST)
        return [Release(kind=PackageKind(row.pop("kind")), **row) async for row in cursor]


async def read_part(
    connection: AsyncConnection[Any], sha256: str, *, begin: int, length: int
) -> tuple[int, bytes] | None:
    """The size of a package and a part of it, in bytes; none when there is no such package."""
    cursor = await connection.execute(_PART, {"sha256": sha256, "begin": begin, "length": length})
    row = await cursor.fetchone()
    return None if row is None else (int(row[0]), bytes(row[1]))


async def read_signature(connection: AsyncConnection[Any], sha256: str) -> str | None:
    """The signature of a package, as minisign writes it."""
    return await fetch_value_async(connection, _SIGNATURE, (sha256,))
