"""Photos of crews, before and after the repair."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from uuid import UUID

from psycopg.types.json import Jsonb

from cloud.cases.actions import CaseActions
from cloud.cases.model import Action, Reason
from cloud.cases.orders import CaseRow, Order
from cloud.db.value import fetch_value
from cloud.errors import OrderError, PictureTooLargeError
from cloud.pictures.announcements import ADD_SAFE
from cloud.pictures.blur import Blur, SafePhoto
from cloud.pictures.store import PictureStore

MAX_OF_CASE: Final = 40

_PHOTO: Final = """
INSERT INTO case_photos (case_id, sha256, kind, at, actor, lon, lat)
VALUES (%(case_id)s, %(sha256)s, %(kind)s, %(at)s, %(actor)s, %(lon)s, %(lat)s)
ON CONFLICT ON CONSTRAINT case_photos_pkey DO NOTHING
"""
_COUNT: Final = "SELECT count(*) FROM case_photos WHERE case_id = %s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    """A photo as it came, faces and all: never kept."""

    case_id: UUID
    kind: Literal["before", "after"]
    content: bytes = field(repr=False)
    lon: float | None  # where the phone says that it was taken
    lat: float | None


async def read_photo(body: AsyncIterator[bytes], *, limit: int) -> bytes:
    """Read a photo that is no longer than allowed.

    Raises:
        PictureTooLargeError: it is.
    """
    content = bytearray()
    async for part in body:
        content += part
        if len(content) > limit:
            raise PictureTooLargeError(f"a photo of at most {limit} bytes is taken")
    return bytes(content)


def check_photo(actions: CaseActions, case_id: UUID) -> CaseRow:
    """Check that a case takes a photo of this actor.

    Raises:
        CaseNotFoundError, ActionNotAllowedError, ActionForbiddenError: as for every action.
        OrderError: the case has enough photos.
    """
    case = actions.check(case_id, Action.ADD_PHOTO)
    if fetch_value(actions.connection, _COUNT, (case_id,)) >= MAX_OF_CASE:
        raise OrderError(f"a case takes at most {MAX_OF_CASE} photos")
    return case


def keep_safe(photo: Photo, *, blur: Blur, store: PictureStore) -> SafePhoto:
    """Make a photo safe and keep it; slow, and asks no database.

    Raises:
        PhotoError, UnavailableError: it cannot be made safe; then nothing is kept.
    """
    safe = blur.make_safe(photo.content)
    store.keep(safe.sha256, safe.content, width_px=safe.width_px, height_px=safe.height_px)
    return safe


def add_photo(actions: CaseActions, photo: Photo, safe: SafePhoto) -> None:
    """Note with its case what was kept of a photo.

    Raises:
        CaseNotFoundError, ActionNotAllowedError, ActionForbiddenError, OrderError: as for `check_photo`.
    """
    case = check_photo(actions, photo.case_id)
    _insert(actions, photo, safe, city=case.city)
    order = Order(action=Action.ADD_PHOTO, reason=_REASONS[photo.kind], photo_sha256=safe.sha256)
    actions.act(photo.case_id, order)


def _insert(actions: CaseActions, photo: Photo, safe: SafePhoto, *, city: str) -> None:
    values: dict[str, Any] = {
        "sha256": safe.sha256,
        "city": city,
        "device": actions.actor.name,
        "size_bytes": len(safe.content),
        "width_px": safe.width_px,
        "height_px": safe.height_px,
        "blur": Jsonb(safe.blur),
        "at": actions.at,
        "case_id": photo.case_id,
        "kind": photo.kind,
        "actor": actions.actor.name,
        "lon": photo.lon,
        "lat": photo.lat,
    }
    actions.connection.execute(ADD_SAFE, values)
    actions.connection.execute(_PHOTO, values)


_REASONS: Final = {
    "before": Reason(zh="处置前照片", en="photo before the repair"),
    "after": Reason(zh="处置后照片", en="photo after the repair"),
}
