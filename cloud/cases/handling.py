"""How a county handles its cases: a data file, checked when it is read."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Final, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, model_validator
from shapely.geometry import Polygon

from cloud.cases.working_time import Calendar
from cloud.data_file import Entry, Fault, load_data_file
from cloud.findings.catalogue import Catalogue, LocalName
from cloud.findings.model import Severity
from wire.units import ClassCode, Lat, Lon, Position

Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
Hours = Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, lt=1)]

SHORTEST_DAY: Final = timedelta(hours=1)
"""A limit in working hours must end within the years that there are."""

_Named = tuple[tuple[str | int, ...], str]  # keys that lead to a name, and the name


def _span(text: str) -> str:
    """Check `MM-DD` or `MM-DD..MM-DD`, in a leap year so that February 29 can be written."""
    days_of(text, year=2024)
    return text


def days_of(text: str, *, year: int) -> list[date]:
    """Days of `MM-DD` or `MM-DD..MM-DD`.

    Raises:
        ValueError: it is neither.
    """
    first, _, last = text.partition("..")
    try:
        begins = date.fromisoformat(f"{year}-{first}")
        ends = date.fromisoformat(f"{year}-{last or first}")
    except ValueError:
        raise ValueError(f"{text!r}: MM-DD or MM-DD..MM-DD is expected") from None
    if ends < begins:
        raise ValueError(f"{text!r} ends before it begins")
    return [begins + timedelta(days=number) for number in range((ends - begins).days + 1)]


def _length(begins: time, ends: time) -> timedelta:
    return datetime.combine(date.min, ends) - datetime.combine(date.min, begins)


Span = Annotated[str, Field(max_length=12), AfterValidator(_span)]


class CalendarYear(Entry):
    """Official days of one year."""

    holidays: list[Span]
    workdays: list[Span] = []


class CalendarEntry(Entry):
    """When the county works."""

    zone: str
    hours: Annotated[list[tuple[time, time]], Field(min_length=1, max_length=6)]
    years: dict[Annotated[str, Field(pattern=r"^20\d\d$")], CalendarYear] = {}

    @model_validator(mode="after")
    def _sound(self) -> Self:
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"zone {self.zone!r} is not known; a name such as Asia/Shanghai is expected") from error
        edges = [edge for shift in self.hours for edge in shift]
        if any(edge.tzinfo is not None for edge in edges):
            raise ValueError("hours are of the zone's clocks: no offset and no Z")
        if edges != sorted(set(edges)):
            raise ValueError("hours must be in order and not overlap")
        if sum((_length(*shift) for shift in self.hours), timedelta()) < SHORTEST_DAY:
            raise ValueError("hours must be an hour a day at least")
        for year, entry in self.years.items():
            for text in (*entry.holidays, *entry.workdays):
                days_of(text, year=int(year))
        return self

    def calendar(self) -> Calendar:
        """Make the calendar of what stands here."""
        return Calendar(
            zone=ZoneInfo(self.zone),
            hours=tuple(self.hours),
            holidays=frozenset(self._days("holidays")),
            workdays=frozenset(self._days("workdays")),
        )

    def _days(self, kind: str) -> Iterable[date]:
        for year, entry in self.years.items():
            for text in getattr(entry, kind):
                yield from days_of(text, year=int(year))


class Clock(Entry):
    """What happens when."""

    warn_at_share: Share
    person_after_h: Hours
    close_after_h: Hours
    round_the_clock: dict[ClassCode, list[Severity]] = {}


class EscalationStep(Entry):
    """Who is told when a case stays overdue."""

    after_h: Hours
    to: Key


class DispatchRules(Entry):
    """How a crew is chosen."""

    by_itself: bool
    speed_kmh: Annotated[float, Field(gt=0, le=200)]
    minutes_per_job: Annotated[float, Field(gt=0, le=10_000)]


class Area(Entry):
    """Where a unit is responsible; by its key an account can be limited to it."""

    key: Key | None = None
    name: LocalName
    unit: Key
    classes: list[ClassCode] = []
    polygon: Annotated[list[Position], Field(min_length=3, max_length=10_000)]

    @model_validator(mode="after")
    def _simple(self) -> Self:
        if not self.shape.is_valid or self.shape.is_empty:
            raise ValueError("the polygon crosses itself or is a line")
        return self

    @cached_property
    def shape(self) -> Polygon:
        """The polygon in degrees."""
        return Polygon(self.polygon)


class Crew(Entry):
    """Who drives out, and from where."""

    name: LocalName
    unit: Key
    lon: Lon
    lat: Lat
    classes: list[ClassCode] = []


class Verification(Entry):
    """When passes after the repair decide."""

    bad_repair: Share
    verify_below: Share
    reopen_above: Share
    on_site_m: Annotated[float, Field(gt=0, le=10_000)]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.verify_below < self.bad_repair < self.reopen_above:
            raise ValueError("verify_below < bad_repair < reopen_above is expected")
        return self


class RequestClock(Entry):
    """How long people wait for an answer about their own data, in working days after the one on which they ask."""

    answer_within_days: Annotated[int, Field(ge=1, le=366)] = 15
    warn_days_before: Annotated[int, Field(ge=1, le=365)] = 3

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.warn_days_before >= self.answer_within_days:
            raise ValueError("warn_days_before must be less than answer_within_days")
        return self


class Handling(Entry):
    """All of it."""

    calendar: CalendarEntry
    clock: Clock
    escalation: Annotated[list[EscalationStep], Field(max_length=10)] = []
    dispatch: DispatchRules
    areas: Annotated[list[Area], Field(max_length=1000)] = []
    crews: Annotated[dict[Key, Crew], Field(max_length=1000)] = {}
    verification: Verification
    requests: RequestClock = RequestClock()

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        hours = [step.after_h for step in self.escalation]
        if hours != sorted(set(hours)):
            raise ValueError("escalation: the steps must come one after the other")
        return self

    @cached_property
    def working_calendar(self) -> Calendar:
        """The calendar, made once."""
        return self.calendar.calendar()


def load_handling(path: Path | None = None) -> Handling:
    """Read a file; without a path the shipped one.

    Raises:
        ConfigError: names file, line and key.
    """
    return load_data_file(Handling, path, shipped=("cloud.cases", "handling.toml"))


@lru_cache(maxsize=1)
def shipped_handling() -> Handling:
    """The one that the package brings."""
    return load_handling()


def missing_years(handling: Handling, today: date) -> list[int]:
    """Years, of this one and the next, whose official days do not stand in the file."""
    return [year for year in (today.year, today.year + 1) if str(year) not in handling.calendar.years]


def strangers(handling: Handling, catalogue: Catalogue) -> list[Fault]:
    """What the file names and the catalogue does not know."""
    crews, areas = handling.crews.items(), list(enumerate(handling.areas))
    units: list[_Named] = [(("crews", key, "unit"), crew.unit) for key, crew in crews]
    units += [(("areas", number, "unit"), area.unit) for number, area in areas]
    classes: list[_Named] = [(("crews", key, "classes"), code) for key, crew in crews for code in crew.classes]
    classes += [(("areas", number, "classes"), code) for number, area in areas for code in area.classes]
    classes += [(("clock", "round_the_clock", code), code) for code in handling.clock.round_the_clock]
    return [
        *((keys, f"unit {unit!r} is not in the catalogue") for keys, unit in units if unit not in catalogue.units),
        *((keys, f"class {code!r} is not in the catalogue") for keys, code in classes if code not in catalogue.classes),
    ]
