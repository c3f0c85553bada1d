"""One step of the worker: what is known of somebody's day is concluded anew, and only what changed is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb
from pydantic import TypeAdapter

from cloud.db.changes import tell
from cloud.scenarios.safe_travel.assess import EARLY, GRACE, LATE, PATIENCE, Day, assess
from cloud.scenarios.safe_travel.model import Agreement, Circle, Event, EventKind, Heard, Journey, Stop, Watch
from cloud.scenarios.safe_travel.reconcile import KnownEvent, reconcile
from cloud.scenarios.safe_travel.rules import TravelRules
from cloud.travel.watch import cells_around, complete_to, read_watch, readers_near
from wire.envelope import make_id

AGAIN: Final = timedelta(seconds=30)  # while it is open whether somebody left a bus or arrived
OPEN_FOR: Final = timedelta(hours=1)
TOLD_LATER: Final = timedelta(minutes=5)  # while a bus may still tell whether somebody arrived
OLDEST: Final = timedelta(days=3)  # what is told later than that changes nothing any more
_MINUTE: Final = timedelta(minutes=1)
_HEARD_IN_JSON: Final = TypeAdapter(Heard)

_DUE: Final = """
SELECT id, area_lon, area_lat, area_radius_m, area_agreed_at, hours_from, hours_to, hours_agreed_at, tag_ended_at,
    look_at, look_days,
    EXISTS (SELECT FROM travel_consents c WHERE c.traveller = p.id AND 'journeys' = ANY(c.covers)
        AND c.withdrawn_at IS NULL AND c.from_at <= %(at)s AND c.until_at > %(at)s) AS is_covered
FROM travel_people p
WHERE look_at <= %(at)s AND erased_at IS NULL AND EXISTS (SELECT FROM travel_consents c WHERE c.traveller = p.id
    AND c.withdrawn_at IS NULL AND c.from_at <= %(at)s AND c.until_at > %(at)s)
ORDER BY look_at LIMIT 1 FOR UPDATE SKIP LOCKED
"""
_HEARD: Final = """
SELECT device AS reader, from_at, to_at, lon, lat, accuracy_m, rssi_dbm::int FROM travel_heard
WHERE traveller = %(id)s AND from_at >= %(begin)s AND from_at < %(end)s
"""
# Nobody is missed on a journey that began when nobody could be heard, or of which what was heard is deleted.
_JOURNEYS: Final = """
SELECT j.id, j.lon, j.lat, j.radius_m, d.leave_at, d.arrive_by,
    greatest(j.agreed_at, t.first_at, %(tag_ended_at)s::timestamptz) AS agreed_from, j.ended_at
FROM travel_journeys j
JOIN LATERAL (SELECT min(added_at) AS first_at FROM travel_tags WHERE traveller = j.traveller) t
    ON t.first_at IS NOT NULL
CROSS JOIN LATERAL (SELECT (%(day)s::date + j.leave_at) AT TIME ZONE %(zone)s AS leave_at,
    (%(day)s::date + j.arrive_by) AT TIME ZONE %(zone)s AS arrive_by) d
WHERE j.traveller = %(id)s AND extract(isodow FROM %(day)s::date) = ANY(j.days)
ORDER BY j.id
"""
_STOPS: Final = "SELECT name, lon, lat FROM travel_stops WHERE lon BETWEEN %s AND %s AND lat BETWEEN %s AND %s"
_KNOWN: Final = """
SELECT id, kind, at, journey, stop, seen FROM travel_events
WHERE traveller = %s AND day = %s AND withdrawn_at IS NULL ORDER BY at, id
"""
_INSERT: Final = """
INSERT INTO travel_events (id, traveller, day, kind, at, journey, stop, seen, found_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_CHANGE: Final = "UPDATE travel_events SET at = %s, stop = %s, seen = %s WHERE id = %s"
_WITHDRAW: Final = "UPDATE travel_events SET withdrawn_at = %s WHERE id = ANY(%s)"
_NEWS: Final = "INSERT INTO travel_news (event) VALUES (%s)"
_SETTLE: Final = "UPDATE travel_people SET look_at = %s, look_days = '{}' WHERE id = %s"
_SEARCHES: Final = """
SELECT id::text FROM travel_looks WHERE traveller = %s AND kind = 'search' AND closed_at IS NULL AND until_at > %s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Person:
    id: UUID
    area_lon: float | None
    area_lat: float | None
    area_radius_m: float | None
    area_agreed_at: datetime | None
    hours_from: time | None
    hours_to: time | None
    hours_agreed_at: datetime | None
    tag_ended_at: datetime | None
    """What was heard until then may be deleted."""
    look_at: datetime
    look_days: list[date]
    is_covered: bool
    """Whether there is consent to more than a search."""

    @property
    def agreement(self) -> Agreement:
        area = hours = None
        if self.area_lon is not None and self.area_lat is not None and self.area_radius_m is not None:
            area = Circle(lon=self.area_lon, lat=self.area_lat, radius_m=self.area_radius_m)
        if self.hours_from is not None and self.hours_to is not None:
            hours = (self.hours_from, self.hours_to)
        return Agreement(area=area, area_since=self.area_agreed_at, hours=hours, hours_since=self.hours_agreed_at)

    def days(self, *, at: datetime, zone: ZoneInfo) -> list[date]:
        """Days of which something is to be concluded: those with news, and all that ended since the last time."""
        today = at.astimezone(zone).date()
        first = min(self.look_at, at - LATE).astimezone(zone).date()
        passed = {today - timedelta(days=number) for number in range((today - first).days + 1)}
        return sorted(day for day in passed.union(self.look_days) if today - day <= OLDEST)


def look_at_next(connection: Connection[Any], *, at: datetime, zone: ZoneInfo, rules: TravelRules) -> bool:
    """Conclude about one person of whom there may be something new, in the caller's transaction; no: nobody is due."""
    with connection.cursor(row_factory=class_row(_Person)) as cursor:
        person = cursor.execute(_DUE, {"at": at}).fetchone()
    if person is None:
        return False
    if person.is_covered:
        _conclude(connection, person, at=at, zone=zone, rules=rules)
    else:
        connection.execute(_SETTLE, (None, person.id))
    searches = connection.execute(_SEARCHES, (person.id, at)).fetchall()
    for (search,) in searches:
        tell(connection, kind="travel", subject=search, payload={"search": search})
    if searches:
        tell(connection, kind="ward", subject=str(person.id), payload={"ward": str(person.id)})
    return True


def _conclude(
    connection: Connection[Any], person: _Person, *, at: datetime, zone: ZoneInfo, rules: TravelRules
) -> None:
    again: list[datetime] = []
    for day in person.days(at=at, zone=zone):
        known = _read_day(connection, person, day, at=at, zone=zone, rules=rules)
        midnight = datetime.combine(day + timedelta(days=1), time(), tzinfo=zone)
        events = [event for event in assess(known) if event.journey is not None or event.at < midnight]
        _write(connection, person, day, events, at=at)
        again.append(next_look(known, events, at=at))
    connection.execute(_SETTLE, (min(again), person.id))


def next_look(day: Day, events: Sequence[Event], *, at: datetime) -> datetime:
    """When there is something to conclude again without news of the person.

    That is a ride that may be over, an agreed time, a bus that may still tell whether somebody arrived, and tomorrow.
    """
    told = {event.journey for event in events if event.journey is not None}
    boarded = sum(event.kind is EventKind.BOARDED for event in events)
    left = sum(event.kind is EventKind.LEFT_BUS for event in events)
    last = max((one.to_at for one in day.heard), default=None)
    is_riding = boarded > left and last is not None and at - last < OPEN_FOR
    ends = [journey.arrive_by + GRACE for journey in day.journeys if journey.id not in told]
    open_ends = [end if end > at else at + AGAIN for end in ends if at < end + PATIENCE + _MINUTE]
    unknown = {event.journey for event in events if event.kind is EventKind.ARRIVAL_UNKNOWN}
    is_awaited = any(
        journey.id in unknown and day.complete_to < journey.arrive_by + GRACE and at < journey.arrive_by + LATE
        for journey in day.journeys
    )
    tomorrow = datetime.combine(at.astimezone(day.zone).date() + timedelta(days=1), time(0, 1), tzinfo=day.zone)
    again = [at + AGAIN] if is_riding else [at + TOLD_LATER] if is_awaited else []
    return min([tomorrow, *open_ends, *again])


def _read_day(
    connection: Connection[Any], person: _Person, day: date, *, at: datetime, zone: ZoneInfo, rules: TravelRules
) -> Day:
    """What is known of a day, and of the hours after it as far as its journeys reach."""
    begin = datetime.combine(day, time(), tzinfo=zone)
    journeys = _read_journeys(connection, person, day, zone)
    last = max([begin + timedelta(days=1), *(journey.arrive_by + LATE for journey in journeys)])
    end = min(last, at + _MINUTE)
    with connection.cursor(row_factory=class_row(Heard)) as cursor:
        heard = cursor.execute(_HEARD, {"id": person.id, "begin": begin, "end": last}).fetchall()
    watch, complete = _read_watch(connection, heard, journeys, begin=begin, end=end)
    return Day(
        heard=heard,
        watch=watch,
        journeys=journeys,
        agreement=person.agreement,
        stops=_read_stops(connection, heard),
        rules=rules,
        zone=zone,
        complete_to=complete,
        now=at,
    )


def _read_journeys(connection: Connection[Any], person: _Person, day: date, zone: ZoneInfo) -> list[Journey]:
    values = {"id": person.id, "tag_ended_at": person.tag_ended_at, "day": day, "zone": zone.key}
    rows = connection.execute(_JOURNEYS, values).fetchall()
    return [
        Journey(
            id=number,
            destination=Circle(lon=lon, lat=lat, radius_m=radius_m),
            leave_at=leave_at,
            arrive_by=arrive_by,
            agreed_from=agreed_from,
            agreed_until=agreed_until,
        )
        for number, lon, lat, radius_m, leave_at, arrive_by, agreed_from, agreed_until in rows
    ]


def _read_watch(
    connection: Connection[Any],
    heard: Sequence[Heard],
    journeys: Sequence[Journey],
    *,
    begin: datetime,
    end: datetime,
) -> tuple[Watch, datetime]:
    """Those who heard the person, and those who came by where a journey leads; and until when these have told all."""
    readers = {one.reader for one in heard}
    complete = end
    for journey in journeys:
        from_at, to_at = journey.leave_at - EARLY, journey.arrive_by + GRACE
        if from_at >= end:
            continue
        cells = cells_around(lon=journey.destination.lon, lat=journey.destination.lat)
        readers.update(readers_near(connection, cells, from_at=from_at, to_at=to_at))
        if to_at <= end:
            complete = min(complete, max(complete_to(connection, cells, to_at=to_at), from_at))
    told = complete if complete < end else end + timedelta(days=1)
    return read_watch(connection, readers, from_at=begin, to_at=end), told


def _read_stops(connection: Connection[Any], heard: Sequence[Heard]) -> list[Stop]:
    if not heard:
        return []
    lons, lats = [one.lon for one in heard], [one.lat for one in heard]
    around = 0.01  # degrees, about a kilometre
    box = (min(lons) - around, max(lons) + around, min(lats) - around, max(lats) + around)
    with connection.cursor(row_factory=class_row(Stop)) as cursor:
        return cursor.execute(_STOPS, box).fetchall()


def _write(connection: Connection[Any], person: _Person, day: date, events: Sequence[Event], *, at: datetime) -> None:
    with connection.cursor(row_factory=dict_row) as cursor:
        told = [_known_of(row) for row in cursor.execute(_KNOWN, (person.id, day)).fetchall()]
    known = [one for one in told if not person.agreement.is_of_before(one.event)]
    corrections = reconcile(known, events, forgotten_to=person.tag_ended_at)
    for one in corrections.changed:
        connection.execute(_CHANGE, (one.event.at, one.event.stop, _seen(one.event), one.id))
    if corrections.withdrawn:
        connection.execute(_WITHDRAW, (at, list(corrections.withdrawn)))
    for event in corrections.new:
        number = UUID(make_id(at))
        values = (event.kind, event.at, event.journey, event.stop, _seen(event), at)
        connection.execute(_INSERT, (number, person.id, day, *values))
        connection.execute(_NEWS, (number,))


def _seen(event: Event) -> Jsonb | None:
    if event.seen is None:
        return None
    return Jsonb(_HEARD_IN_JSON.dump_python(event.seen, mode="json"))


def _known_of(row: dict[str, Any]) -> KnownEvent:
    seen = None if row["seen"] is None else _HEARD_IN_JSON.validate_python(row["seen"])
    event = Event(kind=EventKind(row["kind"]), at=row["at"], seen=seen, journey=row["journey"], stop=row["stop"])
    return KnownEvent(id=row["id"], event=event)
