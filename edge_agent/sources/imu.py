"""An inertial sensor by Linux's industrial I/O, or a recording of one.

The kernel's drivers (MPU-6050, ICM-20948, LSM6DS3, BMI160 and others, on I2C or SPI) show each axis as a file:
`in_accel_x_raw` times `in_accel_scale` is m/s2, `in_anglvel_x_raw` times `in_anglvel_scale` is rad/s.
Source: Documentation/ABI/testing/sysfs-bus-iio of the Linux kernel.
"""

import math
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from edge_agent.errors import SourceError
from edge_agent.readings import Axes, ImuReading, Reading
from edge_agent.sources.csv_rows import instant_of, read_rows
from edge_agent.sources.reopen import reopen_for_ever

COLUMNS: Final = ("at", "x_mps2", "y_mps2", "z_mps2", "x_dps", "y_dps", "z_dps")


class ImuSource:
    """Reads the axes so often a second, and looks for the sensor again when it is lost."""

    is_live = True

    def __init__(
        self,
        folder: Path,
        *,
        readings_per_s: float,
        now: Callable[[], datetime],
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        """Take the folder of one device, or the one that holds all devices (/sys/bus/iio/devices)."""
        self._folder = folder
        self._interval_s = 1 / readings_per_s
        self._now = now
        self._wait = wait

    def readings(self) -> Iterator[Reading]:
        return reopen_for_ever(self._felt, source=f"imu {self._folder}", wait=self._wait)

    def _felt(self) -> Iterator[ImuReading]:
        acceleration, turn = find_sensor(self._folder, "accel"), find_sensor(self._folder, "anglvel")
        if acceleration is None:
            raise SourceError("no in_accel_x_raw is there: is the sensor's driver loaded?")
        while True:
            yield ImuReading(
                at=self._now(),
                acceleration_mps2=acceleration.read(),
                turn_dps=None if turn is None else _in_degrees(turn.read()),
            )
            self._wait(self._interval_s)


class Channels:
    """Three axes of one quantity."""

    def __init__(self, device: Path, quantity: str) -> None:
        """Read the scales, which do not change while the sensor works.

        Raises:
            SourceError: one cannot be read.
        """
        self._raw = tuple(device / f"in_{quantity}_{axis}_raw" for axis in "xyz")
        self._scale = tuple(self._of_axis(device, quantity, axis, "scale", default=1.0) for axis in "xyz")
        self._offset = tuple(self._of_axis(device, quantity, axis, "offset", default=0.0) for axis in "xyz")

    def read(self) -> Axes:
        """Values in the unit of the kernel.

        Raises:
            SourceError: the sensor does not answer.
        """
        x, y, z = (
            (_number(raw) + offset) * scale
            for raw, offset, scale in zip(self._raw, self._offset, self._scale, strict=True)
        )
        return x, y, z

    @staticmethod
    def _of_axis(device: Path, quantity: str, axis: str, what: str, *, default: float) -> float:
        """Drivers give one file for all axes, one for each, or none."""
        names = (f"in_{quantity}_{axis}_{what}", f"in_{quantity}_{what}")
        found = next((device / name for name in names if (device / name).is_file()), None)
        return default if found is None else _number(found)


def find_sensor(folder: Path, quantity: str) -> Channels | None:
    """Find `accel` or `anglvel`: some chips are one device, some are two.

    Raises:
        SourceError: it is there and cannot be read.
    """
    for device in (folder, *sorted(folder.glob("iio:device*"))):
        if (device / f"in_{quantity}_x_raw").is_file():
            return Channels(device, quantity)
    return None


def read_imu_file(path: Path) -> Iterator[ImuReading]:
    """Read a recording: CSV with a header, turn rates empty without a gyroscope.

    Raises:
        SourceError: it cannot be read; names the file and the line.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            yield from read_rows(file, name=str(path), columns=COLUMNS, parse=_from_row)
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: {error}") from error


def _from_row(row: dict[str, str]) -> ImuReading:
    turn = tuple(row[name] for name in COLUMNS[4:])
    return ImuReading(
        at=instant_of(row["at"]),
        acceleration_mps2=_axes(tuple(row[name] for name in COLUMNS[1:4])),
        turn_dps=_axes(turn) if any(turn) else None,
    )


def _axes(texts: tuple[str, ...]) -> Axes:
    x, y, z = map(float, texts)
    if not all(map(math.isfinite, (x, y, z))):
        raise ValueError(f"{', '.join(texts)}: three numbers are expected")
    return x, y, z


def _number(path: Path) -> float:
    try:
        return float(path.read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise SourceError(f"{path.name}: {error}") from error


def _in_degrees(turn_rps: Axes) -> Axes:
    x, y, z = map(math.degrees, turn_rps)
    return x, y, z
