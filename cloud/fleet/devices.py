"""Enrolled devices."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from psycopg import AsyncConnection, AsyncCursor, Connection

from cloud.db.value import fetch_value, fetch_value_async
from cloud.errors import FleetError
from cloud.fleet.secret import hash_secret, is_secret
from wire.errors import TopicError
from wire.topics import parse_topic

Device = tuple[str, str]  # city, device

_ENROL: Final = """
INSERT INTO devices (city, device, secret_hash, is_relay) VALUES (%s, %s, %s, %s)
ON CONFLICT ON CONSTRAINT devices_pkey DO UPDATE SET secret_hash = EXCLUDED.secret_hash, is_relay = EXCLUDED.is_relay,
    revoked_at = NULL
RETURNING xmax = 0
"""
_FIND_HASH: Final = "SELECT secret_hash FROM devices WHERE city = %s AND device = %s"
_ENROLLED_AT: Final = """
SELECT city, device, enrolled_at FROM devices
WHERE (city, device) IN (SELECT * FROM unnest(%b::text[], %b::text[]))
"""
# Something to compare with when there is no such device, so that the answer takes as long.
_NOBODY: Final = bytes(32)


def city_and_device(text: str, *, default_city: str) -> Device:
    """Read `bus-1` or `city/bus-1`.

    Raises:
        FleetError: it is no name of a device.
    """
    city, _, device = text.rpartition("/")
    try:
        topic = parse_topic(f"busense/v1/{city or default_city}/{device}/state")
    except TopicError as error:
        raise FleetError(f"{text!r}: lower-case letters, digits and dashes are expected, at most 63") from error
    return topic.city, topic.device


def enrol(connection: Connection[Any], *, city: str, device: str, secret: str, is_relay: bool = False) -> bool:
    """Enrol a device, or give an enrolled one a new secret. A relay is a stop that carries for others.

    Returns:
        Whether it is new.
    """
    return fetch_value(connection, _ENROL, (city, device, hash_secret(secret), is_relay))


async def authenticate(connection: AsyncConnection[Any], *, city: str, device: str, secret: str) -> bool:
    """Tell whether this is that device's secret."""
    secret_hash = await fetch_value_async(connection, _FIND_HASH, (city, device))
    return is_secret(secret, secret_hash=secret_hash or _NOBODY)


async def find_enrolled(cursor: AsyncCursor[Any], devices: Iterable[Device]) -> dict[Device, datetime]:
    """Tell which of these devices are enrolled, and since when."""
    wanted = sorted(set(devices))
    await cursor.execute(_ENROLLED_AT, ([city for city, _ in wanted], [device for _, device in wanted]))
    return {(city, device): enrolled_at async for city, device, enrolled_at in cursor}
