"""Bounded quantities of the contract: SI, WGS-84, UTC."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field

MAX_SEQUENCE = 2**53 - 1  # the largest integer that every JSON reader keeps exact

_EARLIEST = datetime.min.replace(tzinfo=UTC) + timedelta(days=2)
_LATEST = datetime.max.replace(tzinfo=UTC) - timedelta(days=2)


_RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _as_rfc_3339_has_it(text: str) -> datetime:
    """Read a text; pydantic alone would also take "1.0" for a second after 1970."""
    if not _RFC_3339.fullmatch(text):
        raise ValueError("a time as RFC 3339 has it, with its zone, is expected")
    return datetime.fromisoformat(text.upper())


def _read_instant(value: object) -> object:
    """Read a time into UTC, in one step: a message holds several. It keeps far enough from datetime's ends."""
    at = _as_rfc_3339_has_it(value) if isinstance(value, str) else value
    if not isinstance(at, datetime) or at.tzinfo is None:
        return at
    if not _EARLIEST < at < _LATEST:
        raise ValueError("a time between the years 1 and 9999 is expected")
    return at if at.tzinfo is UTC else at.astimezone(UTC)


Instant = Annotated[AwareDatetime, BeforeValidator(_read_instant)]

Lon = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Lat = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Position = tuple[Lon, Lat]  # GeoJSON order

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Heading = Annotated[float, Field(ge=0, lt=360, allow_inf_nan=False)]
Metres = Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)]
Sigma = Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)]
Speed = Annotated[float, Field(ge=0, le=150, allow_inf_nan=False)]
Acceleration = Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Offset = Annotated[float, Field(ge=-1e10, le=1e10, allow_inf_nan=False)]
Temperature = Annotated[float, Field(ge=-100, le=200, allow_inf_nan=False)]
Pixel = Annotated[float, Field(ge=-1e5, le=1e5, allow_inf_nan=False)]
Rssi = Annotated[int, Field(ge=-127, le=20)]
Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
Bytes = Annotated[int, Field(ge=0, le=2**53 - 1)]
Sequence = Annotated[int, Field(ge=1, le=MAX_SEQUENCE)]


def _in_order(bounds: tuple[int, int]) -> tuple[int, int]:
    if bounds[0] > bounds[1]:
        raise ValueError("a range names its first number before its last")
    return bounds


SequenceRange = Annotated[tuple[Sequence, Sequence], AfterValidator(_in_order)]  # first and last, both included

Slug = Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")]
PictureQuality = Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,31}$")]  # of pictures, as an error model names it
ClassCode = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,31}$")]
# No control characters: PostgreSQL refuses NUL, and a log line must stay one line.
Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]
Text = Annotated[str, Field(max_length=512, pattern=r"^[^\x00-\x1f\x7f]*$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


_LATEST_DIGITS = f"{int(_LATEST.timestamp() * 1000):012x}"
_TOO_LATE = f"{_LATEST_DIGITS[:8]}-{_LATEST_DIGITS[8:]}"  # hexadecimal digits are in the order of their numbers


def _within_the_calendar(event_id: str) -> str:
    """Refuse a UUIDv7 whose time (its first 48 bits, in milliseconds) no datetime can hold."""
    if event_id[:13] >= _TOO_LATE:
        raise ValueError("the time inside the id lies beyond the year 9999")
    return event_id


EventId = Annotated[
    str,
    Field(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"),
    AfterValidator(_within_the_calendar),
]
