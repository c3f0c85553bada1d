import csv
import zipfile
from datetime import date
from pathlib import Path

import pytest

from simulator.city import make_town
from simulator.county.gtfs import read_gtfs, write_gtfs
from simulator.county.lines import Lines, make_county_lines
from simulator.county.network import Network, network_of_town
from simulator.errors import NetworkError
from simulator.plane import distance_m
from simulator.route import DWELL_S, Motion

MONDAY = date(2027, 6, 7)
SUNDAY = date(2027, 6, 6)


@pytest.fixture(scope="module")
def network() -> Network:
    return network_of_town(make_town(0))


@pytest.fixture(scope="module")
def lines(network: Network) -> Lines:
    return make_county_lines(network, 2, buses=4, seed=0)


@pytest.fixture
def feed(lines: Lines, tmp_path: Path) -> Path:
    write_gtfs(lines, tmp_path, first_day=MONDAY, zone="Asia/Shanghai")
    return tmp_path


def _same(read: Lines, written: Lines, *, longer_by: float = 0.02) -> None:
    by_id = {each.line.id: each for each in read.lines}
    assert set(by_id) == {each.line.id for each in written.lines}
    for each in written.lines:
        mine = by_id[each.line.id]
        assert mine.line.length_m == pytest.approx(each.line.length_m, rel=longer_by)
        assert mine.name == each.name
        assert mine.departures_s == each.departures_s
        assert [stop.id for stop in mine.stops] == [stop.id for stop in each.stops]
        for stop, known in zip(mine.stops, each.stops, strict=True):
            here = written.plane.lon_lat(each.line.place(known.along_m)[0])
            there = read.plane.lon_lat(mine.line.place(stop.along_m)[0])
            apart = distance_m(
                written.plane.spot(lon=here[0], lat=here[1]), written.plane.spot(lon=there[0], lat=there[1])
            )
            assert apart < 30


def test_what_was_written_is_read_again(feed: Path, lines: Lines) -> None:
    _same(read_gtfs(feed, network=None, day=MONDAY, most=10), lines)


def test_stops_are_laid_over_the_roads(feed: Path, lines: Lines, network: Network) -> None:
    (feed / "shapes.txt").unlink()
    read = read_gtfs(feed, network=network, day=MONDAY, most=10)
    _same(read, lines, longer_by=0.1)  # beyond the last stop nobody knows where a bus turns


def test_a_zip_is_read_as_a_folder_is(feed: Path, lines: Lines) -> None:
    packed = feed / "feed.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in feed.glob("*.txt"):
            archive.write(path, path.name)
    _same(read_gtfs(packed, network=None, day=MONDAY, most=10), lines)


def test_only_the_busiest_lines_are_taken(feed: Path, lines: Lines) -> None:
    busiest = max(lines.lines, key=lambda each: len(each.departures_s))
    read = read_gtfs(feed, network=None, day=MONDAY, most=1)
    assert [each.line.id for each in read.lines] == [busiest.line.id]


def _write(folder: Path, name: str, rows: list[list[str]]) -> None:
    with (folder / name).open("w", newline="") as file:
        csv.writer(file).writerows(rows)


@pytest.fixture
def there_and_back(tmp_path: Path) -> Path:
    """One route along the equator with a trip in each direction, on workdays and one holiday."""
    _write(tmp_path, "stops.txt", [["stop_id", "stop_name", "stop_lat", "stop_lon"], *(
        [f"s{n}", f"Stop {n}", "0.0", f"{n * 0.01:.2f}"] for n in range(3)
    )])  # fmt: skip
    _write(tmp_path, "routes.txt", [["route_id", "route_short_name"], ["r", "7"]])
    _write(
        tmp_path,
        "trips.txt",
        [["route_id", "service_id", "trip_id", "direction_id"], ["r", "w", "o", "0"], ["r", "w", "h", "1"]],
    )
    calls = [("o", n, n) for n in range(3)] + [("h", n, 2 - n) for n in range(3)]
    _write(tmp_path, "stop_times.txt", [["trip_id", "stop_sequence", "stop_id", "departure_time"], *(
        [trip, str(n), f"s{stop}", f"25:0{n}:00"] for trip, n, stop in calls
    )])  # fmt: skip
    days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    _write(
        tmp_path,
        "calendar.txt",
        [["service_id", *days, "start_date", "end_date"], ["w", *"1111100", "20270101", "20271231"]],
    )
    _write(tmp_path, "calendar_dates.txt", [["service_id", "date", "exception_type"], ["w", "20270614", "2"]])
    return tmp_path


def test_a_route_goes_there_and_comes_back(there_and_back: Path) -> None:
    (line,) = read_gtfs(there_and_back, network=None, day=MONDAY, most=1).lines
    assert line.line.length_m == pytest.approx(2 * 2226, abs=30)
    assert [stop.id for stop in line.stops] == ["s0", "s1", "s2", "s2", "s1", "s0"]
    assert list(line.departures_s) == [25 * 3600.0]


def test_a_route_of_one_direction_comes_back_whatever_its_number(there_and_back: Path) -> None:
    trips = [["route_id", "service_id", "trip_id", "direction_id"], ["r", "w", "o", "1"]]
    _write(there_and_back, "trips.txt", trips)
    (line,) = read_gtfs(there_and_back, network=None, day=MONDAY, most=1).lines
    assert line.line.length_m == pytest.approx(2 * 2226, abs=30)
    assert [stop.id for stop in line.stops] == ["s0", "s1", "s2"]
    assert list(line.departures_s) == [25 * 3600.0]


def test_buses_halt_at_the_stops_of_the_timetable(there_and_back: Path) -> None:
    (line,) = read_gtfs(there_and_back, network=None, day=MONDAY, most=1).lines
    assert line.line.stops_m == tuple(stop.along_m for stop in line.stops)
    middle = line.stops[1]
    motion = Motion(line.line)
    arrives_s = motion.time_at(middle.along_m)
    assert motion.pose(arrives_s + DWELL_S / 2).speed_mps == 0
    assert motion.pose(arrives_s + DWELL_S / 2).along_m == pytest.approx(middle.along_m, abs=1)


@pytest.mark.parametrize("day", [SUNDAY, date(2027, 6, 14)], ids=["weekend", "taken out"])
def test_what_does_not_run_makes_no_line(there_and_back: Path, day: date) -> None:
    with pytest.raises(NetworkError, match="nothing runs"):
        read_gtfs(there_and_back, network=None, day=day, most=1)


@pytest.mark.parametrize("name", ["stop_times.txt", "stops.txt"])
def test_a_file_that_is_cut_is_told(there_and_back: Path, name: str) -> None:
    path = there_and_back / name
    rows = path.read_text().splitlines()
    path.write_text("\n".join([*rows[:-1], rows[-1].partition(",")[0]]))
    with pytest.raises(NetworkError, match=str(there_and_back)):
        read_gtfs(there_and_back, network=None, day=MONDAY, most=10)


def test_a_packed_feed_that_is_broken_inside_is_told(feed: Path) -> None:
    packed = feed / "feed.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in feed.glob("*.txt"):
            archive.write(path, path.name)
    content = bytearray(packed.read_bytes())
    content[60:200] = bytes(140)
    packed.write_bytes(content)
    with pytest.raises(NetworkError, match=r"feed\.zip"):
        read_gtfs(packed, network=None, day=MONDAY, most=10)


def _lay_side_by_side(folder: Path, *, apart_deg: float) -> None:
    """Let the route have two stops only."""
    stops = [["stop_id", "stop_lat", "stop_lon"], ["a", "0.0", "0.0"], ["b", "0.0", str(apart_deg)]]
    times = [["trip_id", "stop_sequence", "stop_id", "departure_time"]]
    _write(folder, "stops.txt", stops)
    _write(folder, "stop_times.txt", [*times, ["o", "0", "a", "8:00:00"], ["o", "1", "b", "8:01:00"]])


def test_a_route_of_two_stops_side_by_side_goes_there_and_back(there_and_back: Path) -> None:
    _lay_side_by_side(there_and_back, apart_deg=0.0003)
    (line,) = read_gtfs(there_and_back, network=None, day=MONDAY, most=1).lines
    assert line.line.length_m == pytest.approx(2 * 33, abs=10)


def test_a_route_whose_stops_are_at_one_place_is_told(there_and_back: Path) -> None:
    _lay_side_by_side(there_and_back, apart_deg=0.0)
    with pytest.raises(NetworkError, match="route r goes nowhere"):
        read_gtfs(there_and_back, network=None, day=MONDAY, most=1)


def test_a_missing_file_is_told(there_and_back: Path) -> None:
    (there_and_back / "stop_times.txt").unlink()
    with pytest.raises(NetworkError, match=r"stop_times\.txt"):
        read_gtfs(there_and_back, network=None, day=MONDAY, most=1)
    with pytest.raises(NetworkError):
        read_gtfs(there_and_back / "stops.txt", network=None, day=MONDAY, most=1)
