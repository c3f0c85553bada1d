"""Vehicle positions as a FeedMessage of GTFS-realtime 2.0, written and read. Pure.

Source: https://gtfs.org/documentation/realtime/reference/ (FeedMessage, VehiclePosition, Position).
"""

import hashlib
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from google.protobuf.message import DecodeError
from google.transit.gtfs_realtime_pb2 import FeedEntity, FeedHeader, FeedMessage

from cloud.bridges.publish import Said
from cloud.errors import FeedError
from wire.envelope import make_id_of
from wire.messages import Fix, Track, TrackPoint

MAX_BYTES: Final = 8 * 1024 * 1024  # a vehicle takes some 60: a hundred thousand of them
MOST_VEHICLES: Final = 20_000
ACCURACY_M: Final = 15.0  # no feed says how sure it is
OLDEST: Final = timedelta(hours=1)  # what is older says nothing of now
AHEAD: Final = timedelta(minutes=5)
FASTEST_MPS: Final = 60.0
_VERSION: Final = "2.0"
_NOT_SLUG: Final = re.compile(r"[^a-z0-9]+")
_LONGEST_NAME: Final = 40
_DIGEST: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicle:
    """One vehicle and where it was."""

    id: str
    at: datetime
    lon: float
    lat: float
    speed_mps: float | None
    heading_deg: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """What a feed told that can be used, and how many entities could not."""

    vehicles: tuple[Vehicle, ...]
    refused: int


def write_feed(vehicles: Iterable[Vehicle], *, at: datetime) -> bytes:
    """Everything that is known now, as the bytes of a FeedMessage."""
    feed = FeedMessage()
    feed.header.gtfs_realtime_version = _VERSION
    feed.header.incrementality = FeedHeader.FULL_DATASET
    feed.header.timestamp = int(at.timestamp())
    for vehicle in vehicles:
        entity = feed.entity.add()
        entity.id = entity.vehicle.vehicle.id = entity.vehicle.vehicle.label = vehicle.id
        entity.vehicle.timestamp = int(vehicle.at.timestamp())
        position = entity.vehicle.position
        position.longitude, position.latitude = vehicle.lon, vehicle.lat
        if vehicle.speed_mps is not None:
            position.speed = vehicle.speed_mps
        if vehicle.heading_deg is not None:
            position.bearing = vehicle.heading_deg
    return feed.SerializeToString(deterministic=True)


def read_feed(content: bytes, *, at: datetime) -> Feed:
    """Read what somebody else wrote; of a vehicle that is told twice the newer place counts.

    Raises:
        FeedError: it is too large, or no FeedMessage.
    """
    if len(content) > MAX_BYTES:
        raise FeedError(f"the feed has more than {MAX_BYTES} bytes")
    feed = FeedMessage()
    try:
        feed.ParseFromString(content)
    except DecodeError as error:
        raise FeedError(f"no FeedMessage of GTFS-realtime: {error}") from error
    if not feed.header.IsInitialized():  # the parser lets pass what lacks a required field
        raise FeedError("no FeedMessage of GTFS-realtime: its header tells no version")
    newest: dict[str, Vehicle] = {}
    refused = 0
    for entity in feed.entity:
        if entity.is_deleted or not entity.HasField("vehicle"):
            continue
        vehicle = _vehicle(entity, told_at=feed.header.timestamp, at=at)
        if vehicle is None or (vehicle.id not in newest and len(newest) >= MOST_VEHICLES):
            refused += 1
        elif vehicle.id not in newest or newest[vehicle.id].at < vehicle.at:
            newest[vehicle.id] = vehicle
    return Feed(vehicles=tuple(newest.values()), refused=refused)


def said_of(vehicle: Vehicle) -> Said:
    """The message that our own agent would send; the same place at the same time always has the same id."""
    point = TrackPoint(
        at=vehicle.at,
        lon=vehicle.lon,
        lat=vehicle.lat,
        accuracy_m=ACCURACY_M,
        fix=Fix.GNSS,
        speed_mps=vehicle.speed_mps,
        heading_deg=vehicle.heading_deg,
    )
    return Said(
        id=make_id_of(vehicle.at, seed=b"gtfs-rt|" + vehicle.id.encode()), at=vehicle.at, message=Track(points=(point,))
    )


def device_of(vehicle_id: str, *, prefix: str) -> str:
    """The name of a vehicle among our devices: its id as it may stand in a topic, told apart where that changed it."""
    name = _NOT_SLUG.sub("-", vehicle_id.lower()).strip("-")
    if name == vehicle_id and len(name) <= _LONGEST_NAME:
        return f"{prefix}{name}"
    digest = hashlib.sha256(vehicle_id.encode()).hexdigest()[:_DIGEST]
    return "-".join(part for part in (f"{prefix}{name[:_LONGEST_NAME]}".strip("-"), digest) if part)


def _vehicle(entity: FeedEntity, *, told_at: int, at: datetime) -> Vehicle | None:
    """What an entity tells of its vehicle; none when it cannot be."""
    told = entity.vehicle
    seconds = told.timestamp or told_at
    names: tuple[object, ...] = (told.vehicle.id, entity.id)  # bytes, where they are no UTF-8
    name = next(filter(None, names), None)
    lon, lat = told.position.longitude, told.position.latitude
    if not isinstance(name, str) or not told.HasField("position") or not told.position.IsInitialized():
        return None
    if not (_is_place(lon, lat) and _is_now(seconds, at)):
        return None
    return Vehicle(
        id=name,
        at=datetime.fromtimestamp(seconds, UTC),
        lon=lon,
        lat=lat,
        speed_mps=told.position.speed if _is_speed(entity) else None,
        heading_deg=_heading(told.position.bearing) if told.position.HasField("bearing") else None,
    )


def _is_place(lon: float, lat: float) -> bool:
    """Whether it is on the earth; zero and zero is what is written when nothing is known."""
    return -180 <= lon <= 180 and -90 <= lat <= 90 and (lon, lat) != (0.0, 0.0)  # noqa: PLR2004


def _is_now(seconds: int, at: datetime) -> bool:
    return (at - OLDEST).timestamp() <= seconds <= (at + AHEAD).timestamp()


def _is_speed(entity: FeedEntity) -> bool:
    position = entity.vehicle.position
    return position.HasField("speed") and 0 <= position.speed <= FASTEST_MPS


def _heading(bearing: float) -> float | None:
    """Degrees from north; a number that is none at all is left out."""
    if not math.isfinite(bearing):
        return None
    heading = bearing % 360.0
    return heading if heading < 360.0 else 0.0  # noqa: PLR2004 - the remainder of a tiny negative number rounds up
