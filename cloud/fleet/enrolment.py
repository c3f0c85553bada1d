"""One-time codes, the certificates that were signed, and their end."""

import base64
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row

from cloud.errors import AdmissionError, DeviceNotFoundError
from cloud.fleet.authority import Authority, Issued
from cloud.fleet.devices import enrol
from cloud.fleet.secret import hash_secret

CODE_GOOD_FOR: Final = timedelta(hours=24)
_CODE_BYTES: Final = 15  # 120 bits, 24 characters

_ADD_CODE: Final = """
INSERT INTO device_codes (code_sha256, city, device, expires_at, is_relay) VALUES (%s, %s, %s, %s, %s)
"""
_DROP_CODES: Final = "DELETE FROM device_codes WHERE (city = %s AND device = %s) OR expires_at < %s"
_USE_CODE: Final = (
    "DELETE FROM device_codes WHERE code_sha256 = %s AND expires_at > %s RETURNING city, device, is_relay"
)
_REMEMBER: Final = """
INSERT INTO device_certificates (serial, city, device, name, public_key, public_key_sha256, issued_at, expires_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""
_REVOKE_DEVICE: Final = """
UPDATE device_certificates SET revoked_at = %s
WHERE city = %s AND device = %s AND revoked_at IS NULL AND serial IS DISTINCT FROM %s
"""
_CLOSE: Final = "UPDATE devices SET secret_hash = %s, revoked_at = %s WHERE city = %s AND device = %s"
_HOLD: Final = "SELECT FROM devices WHERE city = %s AND device = %s FOR UPDATE"
_GOOD: Final = """
SELECT c.name, c.city, c.device, c.expires_at, d.is_relay
FROM device_certificates c JOIN devices d ON d.city = c.city AND d.device = c.device
WHERE c.revoked_at IS NULL AND c.expires_at > %s
ORDER BY c.name
"""
_NOTIFY: Final = "SELECT pg_notify(%s, '')"
CHANNEL: Final = "busense_certificates"


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodCertificate:
    """One that the broker lets in."""

    name: str
    city: str
    device: str
    expires_at: datetime
    is_relay: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What a bus gets for its code."""

    city: str
    device: str
    certificate: Issued
    secret: str
    """For pictures, which go by HTTP."""


def make_code(connection: Connection[Any], *, city: str, device: str, at: datetime, is_relay: bool = False) -> str:
    """Draw a code for a device; an earlier one is no longer good.

    A relay is a stop that carries what buses without a network of their own hand over to it.
    """
    code = base64.b32encode(secrets.token_bytes(_CODE_BYTES)).decode()
    connection.execute(_DROP_CODES, (city, device, at))
    connection.execute(_ADD_CODE, (hash_secret(code), city, device, at + CODE_GOOD_FOR, is_relay))
    return code


def admit(connection: Connection[Any], authority: Authority, *, code: str, request: str, at: datetime) -> Admission:
    """Exchange a code and a signing request for a certificate and a secret; what the device had before ends.

    Raises:
        AdmissionError: the code was used, is too old or is not ours, or the request is none.
    """
    row = connection.execute(_USE_CODE, (hash_secret(code.strip().upper()), at)).fetchone()
    if row is None:
        raise AdmissionError("this code was used, is too old or is not of this city")
    city, device, is_relay = row
    issued = authority.issue(request, city=city, device=device, at=at)
    secret = secrets.token_urlsafe(32)
    enrol(connection, city=city, device=device, secret=secret, is_relay=is_relay)
    _remember(connection, issued, city=city, device=device)
    connection.execute(_REVOKE_DEVICE, (at, city, device, issued.serial))
    connection.execute(_NOTIFY, (CHANNEL,))
    return Admission(city=city, device=device, certificate=issued, secret=secret)


def renew(
    connection: Connection[Any], authority: Authority, *, city: str, device: str, request: str, at: datetime
) -> Issued:
    """Sign a new certificate for a device that has proved itself; the present one stays good until it ends.

    Raises:
        AdmissionError: the request is none, or the device has no certificate that is good.
    """
    connection.execute(_HOLD, (city, device))
    if not any((known.city, known.device) == (city, device) for known in good_certificates(connection, at=at)):
        raise AdmissionError(f"{city}/{device} has no certificate that is good: it needs a new code")
    issued = authority.issue(request, city=city, device=device, at=at)
    _remember(connection, issued, city=city, device=device)
    connection.execute(_NOTIFY, (CHANNEL,))
    return issued


def revoke(connection: Connection[Any], *, city: str, device: str, at: datetime) -> int:
    """End all certificates, the secret and the code of a device; tells how many certificates there were.

    Raises:
        DeviceNotFoundError: there is no such device, and no code for one.
    """
    # In the order in which `admit` takes them: whoever is just being admitted, or renews, is waited for, and cut off.
    codes = connection.execute("DELETE FROM device_codes WHERE city = %s AND device = %s", (city, device)).rowcount
    closed = connection.execute(_CLOSE, (hash_secret(secrets.token_urlsafe(32)), at, city, device)).rowcount
    if not closed and not codes:
        raise DeviceNotFoundError(f"there is no device {city}/{device}")
    ended = connection.execute(_REVOKE_DEVICE, (at, city, device, None)).rowcount
    connection.execute(_NOTIFY, (CHANNEL,))
    return ended


def good_certificates(connection: Connection[Any], *, at: datetime) -> list[GoodCertificate]:
    """All certificates that the broker should let in now."""
    with connection.cursor(row_factory=class_row(GoodCertificate)) as cursor:
        return cursor.execute(_GOOD, (at,)).fetchall()


def _remember(connection: Connection[Any], issued: Issued, *, city: str, device: str) -> None:
    keys = (issued.public_key, issued.public_key_sha256)
    connection.execute(
        _REMEMBER, (issued.serial, city, device, issued.name, *keys, issued.issued_at, issued.expires_at)
    )
