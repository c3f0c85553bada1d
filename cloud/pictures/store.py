"""The object store, and the one way into it."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url
from psycopg import AsyncConnection

from cloud.config import PicturesConfig
from cloud.db.pool import Pool
from cloud.errors import (
    ConfigError,
    PictureNotAnnouncedError,
    PictureRefusedError,
    PictureTooLargeError,
    UnavailableError,
)
from cloud.pictures.announcements import Picture, find_picture, mark_received
from cloud.pictures.inspect import inspect

_READ_CHUNK: Final = 256 * 1024


class PictureStore:
    """Pictures by their hash. A picture never changes, so putting it twice is the same as once."""

    def __init__(self, store: ObjectStore, *, max_bytes: int) -> None:
        self._store = store
        self.max_bytes = max_bytes

    async def receive(self, pool: Pool, sha256: str, body: AsyncIterator[bytes], *, city: str, device: str) -> bool:
        """Take a picture that was announced in this device's city. It is kept whole or not at all.

        Returns:
            Whether it is new; one that is there already is not read again.

        Raises:
            PictureNotAnnouncedError, PictureTooLargeError, PictureRefusedError: saying why.
        """
        async with pool.connection() as connection:
            picture = await _find_announced(connection, sha256, city=city, device=device)
        if picture.received_at is not None or picture.erased_at is not None:
            return False
        payload = await _read(body, limit=min(picture.size_bytes, self.max_bytes))
        await asyncio.to_thread(_check, payload, sha256, picture.media_type, (picture.width_px, picture.height_px))
        await obstore.put_async(self._store, _path(sha256), payload)  # written beside, then renamed
        async with pool.connection() as connection:
            if not await mark_received(connection, sha256):
                await self._remove_if_erased(connection, sha256)
        return True

    async def _remove_if_erased(self, connection: AsyncConnection[Any], sha256: str) -> None:
        """Remove what came while a person had it erased."""
        picture = await find_picture(connection, sha256)
        if picture is None or picture.erased_at is not None:
            await asyncio.to_thread(self.remove, sha256)

    def keep(self, sha256: str, payload: bytes, *, width_px: int, height_px: int) -> None:
        """Keep a JPEG that this server made safe itself; it is looked into like one of a bus.

        Raises:
            PictureRefusedError: saying why.
        """
        _check(payload, sha256, "image/jpeg", (width_px, height_px))
        obstore.put(self._store, _path(sha256), payload)

    def put(self, sha256: str, payload: bytes) -> None:
        """Put back a picture that was kept before.

        Raises:
            PictureRefusedError: the bytes are not those of the hash.
        """
        found = hashlib.sha256(payload).hexdigest()
        if found != sha256:
            raise PictureRefusedError(f"the bytes have the SHA-256 {found}; {sha256} is expected")
        obstore.put(self._store, _path(sha256), payload)

    def remove(self, sha256: str) -> None:
        """Remove a picture; one that is not there stays so."""
        with contextlib.suppress(FileNotFoundError):
            obstore.delete(self._store, _path(sha256))

    def stored(self) -> dict[str, datetime]:
        """Hashes of all pictures that are there, and since when."""
        pages = obstore.list(self._store)  # pyright: ignore[reportUnknownMemberType]
        return {str(item["path"]).rpartition("/")[2]: item["last_modified"] for page in pages for item in page}

    def read(self, sha256: str) -> bytes:
        """Read a whole picture.

        Raises:
            FileNotFoundError: it is not there.
        """
        return bytes(obstore.get(self._store, _path(sha256)).bytes())

    async def open(self, sha256: str) -> AsyncIterator[bytes]:
        """Read a picture in parts.

        Raises:
            FileNotFoundError: it is not there.
        """
        result = await obstore.get_async(self._store, _path(sha256))
        return result.stream(min_chunk_size=_READ_CHUNK)


@contextmanager
def usable_store() -> Generator[None]:
    """Say in words what is wrong with the store.

    Raises:
        UnavailableError: it cannot be read or written.
    """
    try:
        yield
    except BaseError as error:
        raise UnavailableError(f"the picture store cannot be used: {_first_line(error)}") from error


def open_store(config: PicturesConfig) -> PictureStore:
    """Open the store that the configuration names.

    Raises:
        ConfigError: it cannot be used.
    """
    try:
        parts = urlsplit(config.url)
        if parts.scheme == "file":
            folder = Path(unquote(parts.path))
            folder.mkdir(parents=True, exist_ok=True)
            return PictureStore(LocalStore(folder), max_bytes=config.max_bytes)
        return PictureStore(from_url(config.url), max_bytes=config.max_bytes)
    except (OSError, ValueError, BaseError) as error:
        raise ConfigError(f"pictures.url: {error}") from error


def _first_line(error: BaseError) -> str:
    return str(error).partition("\n")[0]


async def _find_announced(connection: AsyncConnection[Any], sha256: str, *, city: str, device: str) -> Picture:
    """Find what was announced. Two buses may announce the same bytes: whoever has them may bring them."""
    picture = await find_picture(connection, sha256)
    if picture is None or picture.city != city:
        raise PictureNotAnnouncedError(
            f"no detection in {city} has announced {sha256} yet; {device} may try again later"
        )
    return picture


async def _read(body: AsyncIterator[bytes], *, limit: int) -> bytes:
    payload = bytearray()
    async for part in body:
        payload += part
        if len(payload) > limit:
            raise PictureTooLargeError(f"more than {limit} bytes; so many were announced or are allowed")
    return bytes(payload)


def _check(payload: bytes, sha256: str, media_type: str, size: tuple[int, int]) -> None:
    found = hashlib.sha256(payload).hexdigest()
    if found != sha256:
        raise PictureRefusedError(f"{len(payload)} bytes with the SHA-256 {found} came; {sha256} is expected")
    inspect(payload, media_type, size)


def _path(sha256: str) -> str:
    return f"{sha256[:2]}/{sha256}"
