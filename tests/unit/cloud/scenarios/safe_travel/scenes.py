"""A straight street to the east with stops each 500 m, a bus on it, and somebody who rides."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from cloud.roads.plane import metres_per_degree
from cloud.scenarios.safe_travel.assess import Day
from cloud.scenarios.safe_travel.model import Agreement, Circle, Heard, Journey, Moment, Stop, Watch
from cloud.scenarios.safe_travel.rules import load_travel_rules

LON, LAT = 120.42, 27.52
EAST_M, NORTH_M = metres_per_degree(LAT)
AT = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)  # a Monday, 8:00 in Shanghai
ZONE = ZoneInfo("Asia/Shanghai")
SPEED_MPS = 10.0
STOPS = tuple(Stop(name=f"stop {n}", lon=LON + 500.0 * n / EAST_M, lat=LAT) for n in range(7))
SCHOOL = Circle(lon=STOPS[4].lon, lat=LAT, radius_m=80.0)
JOURNEY = Journey(
    id=UUID(int=7), destination=SCHOOL, leave_at=AT - timedelta(minutes=5), arrive_by=AT + timedelta(minutes=15)
)


def after(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def place(east_m: float, north_m: float = 0.0) -> tuple[float, float]:
    return LON + east_m / EAST_M, LAT + north_m / NORTH_M


def drive(*, begin_s: float = 0.0, end_s: float = 300.0, deaf: Sequence[tuple[float, float]] = ()) -> list[Moment]:
    """A bus that comes by stop n at 50 n seconds."""
    return [
        Moment(after(s), *place(SPEED_MPS * s), is_listening=not any(a <= s <= b for a, b in deaf))
        for s in range(int(begin_s), int(end_s) + 1, 5)
    ]


def heard(from_s: float, *, reader: str = "bus-1", at_m: float | None = None, north_m: float = 0.0) -> Heard:
    """Heard for ten seconds; on the bus where no place is given."""
    lon, lat = place(SPEED_MPS * (from_s + 5) if at_m is None else at_m, north_m)
    return Heard(
        reader=reader, from_at=after(from_s), to_at=after(from_s + 10), lon=lon, lat=lat, accuracy_m=30.0, rssi_dbm=-70
    )


def ride(*, from_stop: int, to_stop: int) -> list[Heard]:
    return [heard(s) for s in range(50 * from_stop, 50 * to_stop, 10)]


def day(
    sightings: Iterable[Heard],
    watch: Watch | None = None,
    *,
    journeys: Sequence[Journey] = (),
    agreement: Agreement | None = None,
    complete_s: float = 86_400.0,
    now_s: float = 86_400.0,
) -> Day:
    return Day(
        heard=tuple(sightings),
        watch={"bus-1": drive()} if watch is None else watch,
        journeys=journeys,
        agreement=agreement or Agreement(),
        stops=STOPS,
        rules=load_travel_rules(),
        zone=ZONE,
        complete_to=after(complete_s),
        now=after(now_s),
    )
