"""Which terminals may come: those that somebody has written down before."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from cloud.bridges.jt808.body import Application, Registration
from cloud.db.pool import Pool
from cloud.errors import BridgeError
from cloud.fleet.secret import hash_secret, is_secret

REGISTER_WITHIN: Final = timedelta(hours=24)
_CODE_BYTES: Final = 12
_NOBODY: Final = bytes(32)

_ADD: Final = """
INSERT INTO jt808_terminals (phone, city, device, terminal_id, register_until)
VALUES (%(phone)s, %(city)s, %(device)s, %(terminal_id)s, %(until)s)
ON CONFLICT ON CONSTRAINT jt808_terminals_pkey DO UPDATE SET
    city = EXCLUDED.city, device = EXCLUDED.device, terminal_id = EXCLUDED.terminal_id,
    register_until = EXCLUDED.register_until, registered_at = NULL, registered_as = NULL, code_hash = NULL
"""
# A device without a secret and without a certificate: nobody comes to the broker under its name.
_ADMIT: Final = "INSERT INTO devices (city, device, secret_hash) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
_REMOVE: Final = "DELETE FROM jt808_terminals WHERE phone = %s"
_FIND: Final = """
SELECT terminal_id, register_until, registered_at FROM jt808_terminals WHERE phone = %s FOR UPDATE
"""
_REGISTER: Final = """
UPDATE jt808_terminals SET registered_at = %s, registered_as = %s, plate = %s, code_hash = %s WHERE phone = %s
"""
_CODE: Final = "SELECT city, device, code_hash FROM jt808_terminals WHERE phone = %s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """A terminal that is known."""

    phone: str  # without the zeros in front
    city: str
    device: str


def admit(
    connection: Connection[Any], *, phone: str, city: str, device: str, terminal_id: str | None, at: datetime
) -> None:
    """Let a terminal register, once, within a day; what it was before is forgotten.

    Raises:
        BridgeError: the number is none.
    """
    number = known_as(phone)
    if not number or not number.isdecimal() or len(number) > 20:  # noqa: PLR2004
        raise BridgeError(f"{phone!r} is no number of a terminal: up to 20 digits are expected")
    connection.execute(_ADMIT, (city, device, hash_secret(secrets.token_urlsafe(32))))
    values = {"phone": number, "city": city, "device": device, "terminal_id": terminal_id}
    connection.execute(_ADD, values | {"until": at + REGISTER_WITHIN})


def remove(connection: Connection[Any], *, phone: str) -> bool:
    """Let a terminal come no more; whether there was one."""
    return connection.execute(_REMOVE, (known_as(phone),)).rowcount > 0


def known_as(phone: str) -> str:
    """A number as it is written down: versions fill it with zeros to different lengths."""
    return phone.lstrip("0")


class Registry:
    """Registers and knows terminals."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def register(self, phone: str, wish: Application, *, at: datetime) -> tuple[Registration, str]:
        """Register a terminal that is expected; the code that it must show from then on."""
        code = secrets.token_hex(_CODE_BYTES)
        async with self._pool.connection() as connection, connection.transaction():
            row = await (await connection.execute(_FIND, (known_as(phone),))).fetchone()
            if row is None:
                return Registration.NO_SUCH_TERMINAL, ""
            terminal_id, register_until, registered_at = row
            if registered_at is not None:
                return Registration.TERMINAL_REGISTERED, ""
            if at > register_until or (terminal_id is not None and terminal_id != wish.terminal_id):
                return Registration.NO_SUCH_TERMINAL, ""
            as_said = (_kept(wish.terminal_id), _kept(wish.plate))
            await connection.execute(_REGISTER, (at, *as_said, hash_secret(code), known_as(phone)))
        return Registration.DONE, code

    async def authenticate(self, phone: str, code: str) -> Terminal | None:
        """The terminal, if this is its code."""
        async with self._pool.connection() as connection:
            row = await (await connection.execute(_CODE, (known_as(phone),))).fetchone()
        code_hash = _NOBODY if row is None or row[2] is None else bytes(row[2])
        if not is_secret(code, secret_hash=code_hash) or row is None:
            return None
        return Terminal(phone=known_as(phone), city=row[0], device=row[1])


def _kept(text: str) -> str:
    return text.replace("\x00", "")[:60]
