"""Public keys of devices, by which what a stop carried is known to be theirs."""

from collections.abc import Iterable
from typing import Any, Final

from psycopg import AsyncCursor

DeviceKey = tuple[str, str, bytes]  # city, device, SHA-256 of the public key

_GOOD_KEYS: Final = """
SELECT city, device, public_key_sha256, public_key FROM device_certificates
WHERE public_key_sha256 = ANY(%s) AND public_key IS NOT NULL AND revoked_at IS NULL
"""


async def find_public_keys(cursor: AsyncCursor[Any], digests: Iterable[bytes]) -> dict[DeviceKey, str]:
    """Find the keys (PEM) of certificates that are not revoked.

    One that has ended counts: what was signed with it may have waited at a stop or on a bus.
    """
    wanted = sorted(set(digests))
    if not wanted:
        return {}
    await cursor.execute(_GOOD_KEYS, (wanted,))
    return {(city, device, bytes(digest)): key async for city, device, digest, key in cursor}
