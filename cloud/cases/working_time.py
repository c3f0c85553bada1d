"""Time that counts against a limit: working hours of the local calendar, or the clock itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import count
from typing import Final
from zoneinfo import ZoneInfo

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
        for number in count():
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
    """When so much working time will have gone by, in the zone of `at`."""
    left, shifts = duration, calendar.shifts_from(at)
    from_at, to_at = next(shifts)
    while left > to_at - from_at:
        left -= to_at - from_at
        from_at, to_at = next(shifts)
    return from_at + left


def working_between(calendar: Calendar, from_at: datetime, to_at: datetime) -> timedelta:
    """Working time between two moments; none when they are in the wrong order."""
    total = timedelta()
    for begins, ends in calendar.shifts_from(from_at):
        if begins >= to_at:
            break
        total += min(ends, to_at) - begins
    return total


def end_of_workday(calendar: Calendar, at: datetime, days: int) -> datetime:
    """When the office closes on the last of so many working days after the day of `at`, in the zone of `at`."""
    day, left = at.astimezone(calendar.zone).date(), days
    while left > 0:
        day += timedelta(days=1)
        left -= calendar.is_workday(day)
    return datetime.combine(day, calendar.hours[-1][1], calendar.zone).astimezone(at.tzinfo)
