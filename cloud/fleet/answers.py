"""What buses answer to commands: a picture of now, or the last lines of a log."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection

from cloud.db.value import fetch_value_async
from wire.messages import CommandKind

MAX_BYTES: Final = 1_048_576
ANSWER_WITHIN: Final = timedelta(hours=1)
MEDIA_TYPES: Final = {CommandKind.SEND_PICTURE: "image/jpeg", CommandKind.SEND_LOGS: "text/plain"}

_EXPECTED: Final = """
SELECT kind FROM device_commands
WHERE id = %s AND city = %s AND device = %s AND told_at IS NOT NULL AND answered_at IS NULL AND asked_at > %s
"""
_KEEP: Final = """
UPDATE device_commands SET answered_at = %s, media_type = %s, answer = %s
WHERE id = %s AND city = %s AND device = %s AND answered_at IS NULL
"""
_READ: Final = """
SELECT media_type, answer FROM device_commands
WHERE id = %s AND city = %s AND device = %s AND answered_at IS NOT NULL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a bus answered."""

    media_type: str
    content: bytes


async def expected_media_type(
    connection: AsyncConnection[Any], number: UUID, *, city: str, device: str, at: datetime
) -> str | None:
    """What a bus may answer to a command now; none: nothing, it was not asked, or has answered, or it is too late."""
    kind = await fetch_value_async(connection, _EXPECTED, (number, city, device, at - ANSWER_WITHIN))
    return None if kind is None else MEDIA_TYPES.get(CommandKind(kind))


async def keep_answer(
    connection: AsyncConnection[Any], number: UUID, answer: Answer, *, city: str, device: str, at: datetime
) -> None:
    """Keep an answer to a command, if it is the first one."""
    values = (at, answer.media_type, answer.content, number, city, device)
    await connection.execute(_KEEP, values)


async def read_answer(connection: AsyncConnection[Any], number: UUID, *, city: str, device: str) -> Answer | None:
    """What a bus answered; none when it has not (yet), or it was purged."""
    row = await (await connection.execute(_READ, (number, city, device))).fetchone()
    return None if row is None else Answer(media_type=row[0], content=bytes(row[1]))
