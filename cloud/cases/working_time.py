"""Time that counts against a limit: working hours of the local calendar, or the clock itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

MAX_DAYS: Final = 4_000  # a limit of more than ten years is a mistake
_SATURDAY: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """When a county works. A year of which no official days are known goes by Monday to Friday."""

    zone: ZoneInfo
    hours: tuple[tuple[time, time], ...]  # of a working day, in order
    holidays: frozenset[date]
    workdays: frozenset[date]  # Saturdays and Sundays that are worked to make up for a bridge

    def is_workday(self, day: date) -> bool:
        """Whether the offices are open on a day."""
        if day in self.workdays:
            return True
        return day.weekday() < _SATURDAY and day not in self.holidays

    def shifts_from(self, at: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Working time from `at` on, piece by piece."""
        first_day = at.astimezone(self.zone).date()
        for number in range(MAX_DAYS):
            day = first_day + timedelta(days=number)
            if self.is_workday(day):
                yield from self._shifts_of(day, at)

    def _shifts_of(self, day: date, at: datetime) -> Iterator[tuple[datetime, datetime]]:
        for begins, ends in self.hours:
            from_at = max(datetime.combine(day, begins, self.zone), at)
            to_at = datetime.combine(day, ends, self.zone)
            if from_at < to_at:
                yield from_at.astimezone(at.tzinfo), to_at.astimezone(at.tzinfo)


def add_working(calendar: Calendar, at: datetime, duration: timedelta) -> datetime:
    """When so much working time will have gone by, in the zone of `at`.

    Raises:
        ValueError: not within MAX_DAYS.
    """
    left = duration
    for from_at, to_at in calendar.shifts_from(at):
        if left <= to_at - from_at:
            return from_at + left
        left -= to_at - from_at
    raise ValueError(f"{duration} of working time is more than {MAX_DAYS} days hold")


def working_between(calendar: Calendar, from_at: datetime, to_at: datetime) -> timedelta:
    """Working time between two moments; none when they are in the wrong order."""
    total = timedelta()
    for begins, ends in calendar.shifts_from(from_at):
        if begins >= to_at:
            break
        total += min(ends, to_at) - begins
    return total


def end_of_workday(calendar: Calendar, at: datetime, days: int) -> datetime:
    """When the office closes on the last of so many working days after the day of `at`, in the zone of `at`.

    Raises:
        ValueError: not within MAX_DAYS.
    """
    day, left = at.astimezone(calendar.zone).date(), days
    for _ in range(MAX_DAYS):
        day += timedelta(days=1)
        left -= calendar.is_workday(day)
        if left == 0:
            return datetime.combine(day, calendar.hours[-1][1], calendar.zone).astimezone(at.tzinfo)
    raise ValueError(f"{days} working days are more than {MAX_DAYS} days hold")
