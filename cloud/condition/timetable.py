"""Hours of the week, and when a bus comes again."""

from datetime import datetime, timedelta


def hour_of_week(local: datetime) -> int:
    """0 is Monday from 00:00 to 01:00."""
    return local.weekday() * 24 + local.hour


def next_expected(last_at: datetime, *, at: datetime) -> datetime:
    """When a bus that passed then comes again: a whole number of weeks later."""
    weeks = max(1, -(-(at - last_at) // timedelta(weeks=1)))
    return last_at + timedelta(weeks=weeks)
