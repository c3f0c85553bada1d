"""Timetables as GTFS files: a county's are written, anybody's are read (a folder or a zip).

Source: General Transit Feed Specification, Schedule reference. Read are stops, routes, trips, stop_times, shapes,
calendar and calendar_dates; one line is made of each route, by the commonest way of its trips in each direction.
"""

import csv
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from io import TextIOWrapper
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np

from simulator.county.lines import CountyLine, Lines, Stop, halting, line_there_and_back, path_of
from simulator.county.network import Indices, Network
from simulator.errors import NetworkError
from simulator.plane import Plane, Spot, distance_m
from simulator.route import Line, Motion

ALONG_STEP_M: Final = 5.0
CLOSED_M: Final = 60.0  # a way whose ends are nearer than this is a round
WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

Row = Mapping[str, str]

# What reading makes of a file that is cut, or is packed in an unknown way or locked (a RuntimeError of `zipfile`).
_BROKEN: Final = (OSError, EOFError, KeyError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error, csv.Error)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Feed:
    """The files as rows."""

    stops: Mapping[str, Row]
    routes: Mapping[str, Row]
    trips: Sequence[Row]
    times: Mapping[str, list[Row]]  # of each trip, in order
    shapes: Mapping[str, list[Row]]


def read_gtfs(path: Path, *, network: Network | None, day: date, most: int) -> Lines:
    """Make lines of a feed's routes as they run on a day, the busiest first.

    With a network, lines are laid over its roads, through their stops; without, they follow their shapes.

    Raises:
        NetworkError: files or columns are missing, nothing runs, or a stop lies off the network.
    """
    try:
        feed = _read(path, day)
        lines = _lines(feed, network, most=most)
    except _BROKEN as error:
        raise NetworkError(f"{path}: {type(error).__name__} {error}") from error
    if not lines.lines:
        raise NetworkError(f"{path}: nothing runs on {day}")
    return lines


def write_gtfs(lines: Lines, folder: Path, *, first_day: date, zone: str) -> None:
    """Write a feed of a county's lines: each a round, there and back, every day for a year."""
    folder.mkdir(parents=True, exist_ok=True)
    agency = [["busense", "Simulated county", "https://example.org", zone]]
    _write(folder, "agency.txt", ["agency_id", "agency_name", "agency_url", "agency_timezone"], agency)
    until = first_day + timedelta(days=365)
    _write(
        folder,
        "calendar.txt",
        ["service_id", *WEEKDAYS, "start_date", "end_date"],
        [["daily", *["1"] * 7, f"{first_day:%Y%m%d}", f"{until:%Y%m%d}"]],
    )
    routes = [[each.line.id, "busense", each.name, "", "3"] for each in lines.lines]
    _write(folder, "routes.txt", ["route_id", "agency_id", "route_short_name", "route_long_name", "route_type"], routes)
    stops = [row for each in lines.lines for row in _stop_rows(lines.plane, each)]
    _write(folder, "stops.txt", ["stop_id", "stop_name", "stop_lat", "stop_lon"], stops)
    shapes = [row for each in lines.lines for row in _shape_rows(lines.plane, each)]
    _write(folder, "shapes.txt", ["shape_id", "shape_pt_lat", "shape_pt_lon", "shape_pt_sequence"], shapes)
    trips = [
        [each.line.id, "daily", f"{each.line.id}-{number}", "0", each.line.id]
        for each in lines.lines
        for number in range(len(each.departures_s))
    ]
    _write(folder, "trips.txt", ["route_id", "service_id", "trip_id", "direction_id", "shape_id"], trips)
    times = [row for each in lines.lines for row in _time_rows(each)]
    _write(folder, "stop_times.txt", ["trip_id", "arrival_time", "departure_time", "stop_id", "stop_sequence"], times)


def _stop_rows(plane: Plane, line: CountyLine) -> Iterator[list[str]]:
    for stop in line.stops:
        lon, lat = plane.lon_lat(line.line.place(stop.along_m)[0])
        yield [stop.id, stop.name, f"{lat:.6f}", f"{lon:.6f}"]


def _shape_rows(plane: Plane, line: CountyLine) -> Iterator[list[str]]:
    for number, spot in enumerate(line.line.path):
        lon, lat = plane.lon_lat(spot)
        yield [line.line.id, f"{lat:.6f}", f"{lon:.6f}", str(number)]


def _time_rows(line: CountyLine) -> Iterator[list[str]]:
    """Free driving time; a round ends where it began."""
    motion = Motion(line.line)
    after_s = [motion.time_at(stop.along_m) for stop in line.stops]
    calls = [*zip(line.stops, after_s, strict=True), (line.stops[0], motion.lap_s)]
    for number, departure_s in enumerate(line.departures_s):
        for place, (stop, seconds) in enumerate(calls):
            told = _clock_text(departure_s + seconds)
            yield [f"{line.line.id}-{number}", told, told, stop.id, str(place)]


def _write(folder: Path, name: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    with (folder / name).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([head, *rows])


def _read(path: Path, day: date) -> _Feed:
    services = _services(path, day)
    trips = [row for row in _rows(path, "trips.txt") if services is None or row["service_id"] in services]
    running = {row["trip_id"] for row in trips}
    times: defaultdict[str, list[Row]] = defaultdict(list)
    for row in _rows(path, "stop_times.txt"):
        if row["trip_id"] in running:
            times[row["trip_id"]].append(row)
    shapes: defaultdict[str, list[Row]] = defaultdict(list)
    for row in _rows(path, "shapes.txt", must=False):
        shapes[row["shape_id"]].append(row)
    return _Feed(
        stops={row["stop_id"]: row for row in _rows(path, "stops.txt")},
        routes={row["route_id"]: row for row in _rows(path, "routes.txt")},
        trips=trips,
        times={trip: sorted(rows, key=lambda row: int(row["stop_sequence"])) for trip, rows in times.items()},
        shapes={shape: sorted(rows, key=lambda row: int(row["shape_pt_sequence"])) for shape, rows in shapes.items()},
    )


def _services(path: Path, day: date) -> set[str] | None:
    """Which run on a day; none: the feed has no calendar, and all do."""
    weekly = list(_rows(path, "calendar.txt", must=False))
    special = list(_rows(path, "calendar_dates.txt", must=False))
    if not weekly and not special:
        return None
    text, weekday = f"{day:%Y%m%d}", WEEKDAYS[day.weekday()]
    running = {
        row["service_id"] for row in weekly if row["start_date"] <= text <= row["end_date"] and row[weekday] == "1"
    }
    today = [row for row in special if row["date"] == text]
    added = {row["service_id"] for row in today if row["exception_type"] == "1"}
    return (running | added) - {row["service_id"] for row in today if row["exception_type"] == "2"}


def _rows(path: Path, name: str, *, must: bool = True) -> Iterator[Row]:
    if path.is_dir():
        if must or (path / name).is_file():
            with (path / name).open(encoding="utf-8-sig", newline="") as file:
                yield from csv.DictReader(file, restval="")
        return
    with zipfile.ZipFile(path) as archive:
        if must or name in archive.namelist():
            with archive.open(name) as packed:
                yield from csv.DictReader(TextIOWrapper(packed, encoding="utf-8-sig", newline=""), restval="")


def _lines(feed: _Feed, network: Network | None, *, most: int) -> Lines:
    places = [(float(row["stop_lon"]), float(row["stop_lat"])) for row in feed.stops.values() if row["stop_lon"]]
    if not places:
        raise ValueError("no stop has a place")
    plane = (
        network.plane
        if network
        else Plane(
            origin_lon=round(median(lon for lon, _ in places), 4), origin_lat=round(median(lat for _, lat in places), 4)
        )
    )
    of_route: defaultdict[str, list[Row]] = defaultdict(list)
    for trip in feed.trips:
        if len(feed.times.get(trip["trip_id"], ())) > 1:
            of_route[trip["route_id"]].append(trip)
    busiest = sorted(of_route, key=lambda route: (-len(of_route[route]), route))[:most]
    maker = _LineMaker(feed=feed, plane=plane, network=network)
    return Lines(plane=plane, lines=tuple(maker.line(route, of_route[route]) for route in busiest))


@dataclass(frozen=True, slots=True, kw_only=True)
class _LineMaker:
    """Makes lines of routes."""

    feed: _Feed
    plane: Plane
    network: Network | None

    def line(self, route: str, trips: Sequence[Row]) -> CountyLine:
        """There and back; a route that runs in one direction only comes back the way it went."""
        outward = [trip for trip in trips if trip.get("direction_id") != "1"]
        homeward = [trip for trip in trips if trip.get("direction_id") == "1"]
        if not outward:
            outward, homeward = homeward, outward
        out, home = self._commonest(outward), self._commonest(homeward)
        there = self._way(out)
        if len(there) > 2 and distance_m(there[0], there[-1]) < CLOSED_M:  # noqa: PLR2004 - two are no round
            line = Line(route, path_of([*there[:-1], there[0]]))
            calls = self._calls(out)[:-1]
        else:
            back = self._way(home) if home else there[::-1]
            line = line_there_and_back(route, there, back)
            calls = [*self._calls(out), *(self._calls(home) if home else [])]
        if not line.length_m:
            raise ValueError(f"route {route} goes nowhere: all its stops are at one place")
        row = self.feed.routes[route]
        name = row.get("route_short_name") or row.get("route_long_name") or route
        first = [self.feed.times[trip["trip_id"]][0]["departure_time"] for trip in outward]
        departures = sorted({_seconds(each) for each in first})
        stops = _stops_along(line, calls)
        return CountyLine(line=halting(line, stops), name=name, stops=stops, departures_s=tuple(departures))

    def _commonest(self, trips: Sequence[Row]) -> Row | None:
        """A trip that calls at the stops at which most trips call."""
        calls = [(tuple(row["stop_id"] for row in self.feed.times[trip["trip_id"]]), trip) for trip in trips]
        ways = Counter(way for way, _ in calls)
        best = max(sorted(ways), key=lambda way: (ways[way], len(way)), default=None)
        return next((trip for way, trip in calls if way == best), None)

    def _way(self, trip: Row | None) -> list[Spot]:
        if trip is None:
            raise ValueError("a route has no trip that goes anywhere")
        spots = [spot for _, _, spot in self._calls(trip)]
        if self.network is not None:
            return self.network.way_past(spots)
        shape = self.feed.shapes.get(trip.get("shape_id", ""), [])
        on_shape = [self.plane.spot(lon=float(row["shape_pt_lon"]), lat=float(row["shape_pt_lat"])) for row in shape]
        return on_shape if len(on_shape) > 1 else spots

    def _calls(self, trip: Row | None) -> list[tuple[str, str, Spot]]:
        """Id, name and place of each stop."""
        rows = [self.feed.stops[row["stop_id"]] for row in self.feed.times[trip["trip_id"]]] if trip else []
        return [
            (
                row["stop_id"],
                row.get("stop_name") or row["stop_id"],
                self.plane.spot(lon=float(row["stop_lon"]), lat=float(row["stop_lat"])),
            )
            for row in rows
        ]


def _stops_along(line: Line, calls: Sequence[tuple[str, str, Spot]]) -> tuple[Stop, ...]:
    """Each stop where the line passes it, none before the stop before it: all together as near as can be.

    A line that comes back passes every place twice, so the nearest way alone would be wrong half of the time.
    """
    ways_m = np.arange(0.0, line.length_m, ALONG_STEP_M)
    spots = np.array([line.place(float(way_m))[0] for way_m in ways_m])
    totals = np.zeros(len(ways_m))
    chosen: list[Indices] = []
    for _, _, spot in calls:
        best = np.maximum.accumulate(np.where(totals <= np.minimum.accumulate(totals), np.arange(len(totals)), 0))
        chosen.append(best)  # of the stop before, where it lies best not after here
        totals = totals[best] + np.hypot(*(spots - spot).T)
    place = int(np.argmin(totals))
    places: list[int] = []
    for best in reversed(chosen):
        places.append(place)
        place = int(best[place])
    return tuple(
        Stop(id=stop_id, name=name, along_m=float(ways_m[at]))
        for (stop_id, name, _), at in zip(calls, reversed(places), strict=True)
    )


def _seconds(text: str) -> float:
    """After midnight; GTFS counts on beyond 24 h."""
    hours, minutes, seconds = (int(part) for part in text.strip().split(":"))
    return hours * 3600.0 + minutes * 60 + seconds


def _clock_text(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"
