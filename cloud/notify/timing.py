"""When something is sent: pure functions."""

from datetime import datetime, time, timedelta
from email.utils import parsedate_to_datetime
from typing import Final
from zoneinfo import ZoneInfo

# After a failure, as Standard Webhooks advises: soon at first, then rarer, given up after about two days.
RETRIES: Final = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=10),
    timedelta(hours=20),
)
JITTER: Final = 0.2


def retry_at(at: datetime, *, attempts: int, chance: float, asked_s: float = 0.0) -> datetime | None:
    """When to try again; none when it is given up.

    Args:
        at: now.
        attempts: so many there were.
        chance: drawn from 0..1.
        asked_s: how long the receiver wants to be left alone; the longest pause is the most that is granted.
    """
    if attempts > len(RETRIES):
        return None
    wait = RETRIES[attempts - 1] * (1 + JITTER * (2 * chance - 1))
    return at + max(wait, timedelta(seconds=min(asked_s, RETRIES[-1].total_seconds())))


def asked_wait_s(retry_after: str, at: datetime) -> float:
    """What `Retry-After` says (RFC 9110, section 10.2.3), seconds or a date; 0 where it says nothing."""
    if retry_after.isdecimal():
        return float(retry_after)
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - at).total_seconds())
    except (ValueError, TypeError):
        return 0.0  # what is no date, or one without a zone


def send_at(at: datetime, *, quiet: tuple[time, time] | None, digest_min: int, zone: ZoneInfo) -> datetime:
    """When somebody is to be told: at the next digest, and not in the quiet hours."""
    return after_quiet(_next_digest(at, digest_min, zone), quiet, zone)


def _next_digest(at: datetime, digest_min: int, zone: ZoneInfo) -> datetime:
    """The next full step of the local day."""
    if digest_min == 0:
        return at
    local = at.astimezone(zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    step = timedelta(minutes=digest_min)
    steps = -(-(local - midnight) // step)
    return min(midnight + steps * step, midnight + timedelta(days=1)).astimezone(at.tzinfo)


def after_quiet(at: datetime, quiet: tuple[time, time] | None, zone: ZoneInfo) -> datetime:
    """The same time, or the end of the quiet hours in which it lies."""
    if quiet is None:
        return at
    begins, ends = quiet
    local = at.astimezone(zone)
    now = local.time()
    is_quiet = begins <= now < ends if begins <= ends else now >= begins or now < ends
    if not is_quiet:
        return at
    end = local.replace(hour=ends.hour, minute=ends.minute, second=ends.second, microsecond=0)
    return (end if end > local else end + timedelta(days=1)).astimezone(at.tzinfo)
