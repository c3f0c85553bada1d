"""Reading observations."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row

from cloud.observations.received import time_inside

_FIND: Final = """
SELECT id, city, device, received_at, clock_mark, observed_at, first_seen_at, last_seen_at, class_code, confidence,
    lon, lat, along_m, across_m, heading_deg, frames, box_xyxy_px, frame_width_px, frame_height_px, camera_id,
    model_name, model_version, model_sha256, distance_m, length_m, width_m, area_m2, picture_sha256
FROM observations WHERE id_at = %s AND id = %s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One thing seen in one pass, as it is stored."""

    id: UUID
    city: str
    device: str
    received_at: datetime
    clock_mark: str | None
    observed_at: datetime
    first_seen_at: datetime
    last_seen_at: datetime
    class_code: str
    confidence: float
    lon: float
    lat: float
    along_m: float
    across_m: float
    heading_deg: float
    frames: int
    box_xyxy_px: list[float]
    frame_width_px: int
    frame_height_px: int
    camera_id: str
    model_name: str
    model_version: str
    model_sha256: str
    distance_m: float
    length_m: float | None
    width_m: float | None
    area_m2: float | None
    picture_sha256: str | None


async def find_observation(connection: AsyncConnection[Any], observation_id: UUID) -> Observation | None:
    """Find one by its id (UUIDv7: the time inside it names the partition)."""
    id_at = time_inside(str(observation_id))
    async with connection.cursor(row_factory=class_row(Observation)) as cursor:
        await cursor.execute(_FIND, (id_at, observation_id))
        return await cursor.fetchone()
