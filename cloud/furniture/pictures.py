"""Pictures of things, each compared with the first ones of the same thing."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import numpy as np
from PIL import Image, UnidentifiedImageError
from psycopg import Connection
from psycopg.rows import class_row

from cloud.scenarios.street_furniture.compare import SIDE_PX, Patch, difference

BATCH: Final = 10
REFERENCES: Final = 3  # first pictures of a thing: how it was
AROUND: Final = 1.3  # of the longer side of its box
SMALLEST_PX: Final = 16.0  # a thing that is smaller in the picture cannot be compared
_MOST_PIXELS: Final = 12_000_000

_COLUMNS: Final = """
SELECT t.id AS thing_id, l.observation_id, l.at, k.sha256, o.box_xyxy_px, o.frame_width_px
FROM inventory.things t
JOIN inventory.finding_observations l ON l.finding_id = t.id
JOIN observations o ON o.id_at = l.observation_id_at AND o.city = l.city AND o.device = l.device
    AND o.id = l.observation_id
JOIN pictures k ON k.sha256 = o.picture_sha256 AND k.received_at IS NOT NULL
"""
_NEW: Final = (
    _COLUMNS
    + """
WHERE l.at > %(since)s AND NOT EXISTS (
    SELECT FROM inventory.likenesses n WHERE n.thing_id = t.id AND n.observation_id = l.observation_id)
ORDER BY l.at, l.observation_id LIMIT %(limit)s FOR UPDATE OF t SKIP LOCKED
"""
)
_FIRST: Final = _COLUMNS + "WHERE t.id = %(id)s ORDER BY l.at, l.observation_id LIMIT %(limit)s"
_NOTE: Final = """
INSERT INTO inventory.likenesses (thing_id, observation_id, at, difference) VALUES (%s, %s, %s, %s)
ON CONFLICT ON CONSTRAINT likenesses_pkey DO NOTHING
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """A sighting with its picture."""

    thing_id: UUID
    observation_id: UUID
    at: datetime
    sha256: str
    box_xyxy_px: list[float]
    frame_width_px: int


Read = Callable[[str], bytes]


def compare_new(connection: Connection[Any], read: Read, *, since: datetime) -> list[UUID]:
    """Compare some new pictures, within the caller's transaction; tells of which things."""
    with connection.cursor(row_factory=class_row(Sight)) as cursor:
        fresh = cursor.execute(_NEW, {"since": since, "limit": BATCH}).fetchall()
        compared: list[UUID] = []
        for sight in fresh:
            first = cursor.execute(_FIRST, {"id": sight.thing_id, "limit": REFERENCES}).fetchall()
            connection.execute(_NOTE, (sight.thing_id, sight.observation_id, sight.at, _difference(sight, first, read)))
            compared.append(sight.thing_id)
    return compared


def _difference(sight: Sight, first: Sequence[Sight], read: Read) -> float | None:
    """From the likest of the first pictures; none where there is nothing to compare."""
    patch = _patch_of(sight, read)
    others = [_patch_of(each, read) for each in first if each.observation_id != sight.observation_id]
    differences = [difference(patch, other) for other in others if patch is not None and other is not None]
    return min(differences, default=None)


def _patch_of(sight: Sight, read: Read) -> Patch | None:
    left, top, right, bottom = sight.box_xyxy_px
    if min(right - left, bottom - top) < SMALLEST_PX:
        return None
    try:
        with Image.open(io.BytesIO(read(sight.sha256))) as picture:
            if picture.width * picture.height > _MOST_PIXELS:
                return None
            scale = picture.width / sight.frame_width_px
            half = AROUND * max(right - left, bottom - top) / 2
            u, v = (left + right) / 2, (top + bottom) / 2
            box = tuple(round(edge * scale) for edge in (u - half, v - half, u + half, v + half))
            small = picture.convert("RGB").crop((box[0], box[1], box[2], box[3])).resize((SIDE_PX, SIDE_PX))
            return np.asarray(small, np.float64)
    except (OSError, UnidentifiedImageError, ValueError):
        return None
