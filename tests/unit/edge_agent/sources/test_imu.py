import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest

from edge_agent.errors import SourceError
from edge_agent.readings import ImuReading
from edge_agent.sources.imu import COLUMNS, ImuSource, read_imu_file

START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def chip(folder: Path, quantity: str, raw: Sequence[int], **other: float) -> None:
    """Files of a device as the kernel shows them."""
    folder.mkdir(parents=True, exist_ok=True)
    for axis, value in zip("xyz", raw, strict=True):
        (folder / f"in_{quantity}_{axis}_raw").write_text(f"{value}\n")
    for name, value in other.items():
        (folder / f"in_{quantity}_{name}").write_text(f"{value}\n")


def source(folder: Path, *, waits: list[float] | None = None) -> ImuSource:
    kept = waits if waits is not None else []
    return ImuSource(folder, readings_per_s=25, now=lambda: START + timedelta(seconds=sum(kept)), wait=kept.append)


def test_raw_values_become_si_units(tmp_path: Path) -> None:
    chip(tmp_path, "accel", (0, 8192, 16384), scale=9.81 / 16384)
    chip(tmp_path, "anglvel", (100, 0, -100), scale=0.01)
    first, second = islice(source(tmp_path).readings(), 2)
    assert isinstance(first, ImuReading)
    assert first.acceleration_mps2 == pytest.approx((0, 9.81 / 2, 9.81))
    assert first.turn_dps == pytest.approx((math.degrees(1), 0, -math.degrees(1)))
    assert (second.at - first.at).total_seconds() == pytest.approx(0.04)


def test_accelerometer_and_gyroscope_may_be_two_devices_with_scales_for_each_axis(tmp_path: Path) -> None:
    chip(tmp_path / "iio:device0", "anglvel", (1, 1, 1), scale=1)
    chip(tmp_path / "iio:device1", "accel", (10, 10, 10), x_scale=1, y_scale=2, z_scale=3, offset=-5)
    (reading,) = islice(source(tmp_path).readings(), 1)
    assert isinstance(reading, ImuReading)
    assert reading.acceleration_mps2 == pytest.approx((5, 10, 15))
    assert reading.turn_dps is not None


def test_without_a_gyroscope_nothing_is_said_of_turns(tmp_path: Path) -> None:
    chip(tmp_path, "accel", (0, 0, 1), scale=9.81)
    (reading,) = islice(source(tmp_path).readings(), 1)
    assert isinstance(reading, ImuReading)
    assert reading.turn_dps is None


def test_a_lost_sensor_is_looked_for_again_less_and_less_often(tmp_path: Path) -> None:
    waits: list[float] = []

    class TiredError(Exception):
        pass

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 7:
            raise TiredError

    lost = ImuSource(tmp_path, readings_per_s=25, now=lambda: START, wait=wait)
    with pytest.raises(TiredError):
        next(lost.readings())
    assert waits == [1, 2, 4, 8, 16, 30, 30]


def test_a_sensor_that_comes_back_is_read_on(tmp_path: Path) -> None:
    chip(tmp_path, "accel", (0, 0, 1), scale=9.81)
    readings = source(tmp_path).readings()
    assert next(readings) is not None
    raw = tmp_path / "in_accel_z_raw"
    raw.write_text("")
    waits: list[float] = []

    def mend(seconds: float) -> None:
        waits.append(seconds)
        raw.write_text("1\n")

    lost = ImuSource(tmp_path, readings_per_s=25, now=lambda: START, wait=mend)
    assert next(lost.readings()) is not None
    assert waits == [1]


def recorded(tmp_path: Path, *lines: str, header: str = ",".join(COLUMNS)) -> Path:
    path = tmp_path / "imu.csv"
    path.write_text("\n".join([header, *lines]))
    return path


def test_a_recording_is_read(tmp_path: Path) -> None:
    path = recorded(tmp_path, "2026-11-24T16:00:00+08:00,1,2,9.8,10,20,30", "2026-11-24T08:00:00.04Z,1,2,9.8,,,")
    first, second = read_imu_file(path)
    assert first == ImuReading(at=START, acceleration_mps2=(1, 2, 9.8), turn_dps=(10, 20, 30))
    assert second.turn_dps is None


@pytest.mark.parametrize(
    ("header", "line", "words"),
    [
        ("at,x_mps2", "", "y_mps2"),
        (",".join(COLUMNS), "2026-11-24T08:00:00,1,2,3,,,", "line 2"),
        (",".join(COLUMNS), "2026-11-24T08:00:00Z,1,2,nan,,,", "line 2"),
        (",".join(COLUMNS), "2026-11-24T08:00:00Z,1,2", "line 2"),
    ],
    ids=["column", "zone", "number", "short"],
)
def test_a_wrong_recording_is_explained(tmp_path: Path, header: str, line: str, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        list(read_imu_file(recorded(tmp_path, line, header=header)))


def test_a_missing_recording_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none\.csv"):
        list(read_imu_file(tmp_path / "none.csv"))
