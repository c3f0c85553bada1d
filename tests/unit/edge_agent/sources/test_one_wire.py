"""Thermometers by 1-Wire, as the kernel shows them; and a stop's place."""

from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest

from edge_agent.config import OneWireSensor, Place
from edge_agent.errors import SourceError
from edge_agent.readings import GnssReading, MeasuredReading
from edge_agent.sources.one_wire import OneWireSource, read_temperature
from edge_agent.sources.place import PlaceSource

AT = datetime(2026, 11, 24, 8, 30, tzinfo=UTC)
LINE = "72 01 4b 46 7f ff 0e 10 57"


def slave_file(folder: Path, *, verdict: str = "YES", millidegrees: str = "23125") -> Path:
    file = folder / "w1_slave"
    file.write_text(f"{LINE} : crc=57 {verdict}\n{LINE} t={millidegrees}\n")
    return file


@pytest.mark.parametrize(("written", "degrees"), [("23125", 23.125), ("-10125", -10.125), ("0", 0.0)])
def test_temperature_is_read(tmp_path: Path, written: str, degrees: float) -> None:
    assert read_temperature(slave_file(tmp_path, millidegrees=written)) == degrees


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"verdict": "NO"}, "checksum"),
        ({"millidegrees": "85000"}, "not measured yet"),
        ({"millidegrees": "127687"}, "temperature_c"),
        ({"millidegrees": "x"}, "checksum"),
    ],
)
def test_what_is_spoiled_is_no_temperature(tmp_path: Path, changes: dict[str, str], problem: str) -> None:
    with pytest.raises(SourceError, match=problem):
        read_temperature(slave_file(tmp_path, **changes))


def test_a_sensor_that_is_gone_costs_the_other_nothing(tmp_path: Path) -> None:
    sensors = (
        OneWireSensor(sensor="gone", file=tmp_path / "none"),
        OneWireSensor(sensor="shelter", file=slave_file(tmp_path)),
    )
    found = islice(OneWireSource(sensors, every_s=10, now=lambda: AT, wait=lambda _s: None).readings(), 2)
    wanted = MeasuredReading(at=AT, sensor="shelter", quantity="temperature_c", value=23.125)
    assert list(found) == [wanted, wanted]


def test_a_stop_knows_its_place() -> None:
    place = Place(lon=120.42, lat=27.51)
    (fix,) = islice(PlaceSource(place, now=lambda: AT, wait=lambda _s: None).readings(), 1)
    assert isinstance(fix, GnssReading)
    assert (fix.lon, fix.lat, fix.speed_mps) == (120.42, 27.51, 0.0)
