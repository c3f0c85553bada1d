"""Temperature by 1-Wire (DS18B20 and others), as the Linux kernel's driver shows it: the file `w1_slave`.

Source: Documentation/w1/slaves/w1_therm.rst of the Linux kernel: the first line ends in YES when the checksum fits, the
second in t= and thousandths of a degree.
"""

import logging
import re
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from edge_agent.config import OneWireSensor
from edge_agent.errors import SourceError
from edge_agent.readings import MeasuredReading, Reading
from edge_agent.sources.modbus import plausible

log = logging.getLogger(__name__)

_FORM: Final = re.compile(r"[^\n]*crc=[0-9a-f]{2} (YES|NO)\n[^\n]*\bt=(-?\d{1,6})\s*", re.ASCII)
_POWER_ON_MILLIDEGREES: Final = 85_000  # what it holds before it has measured anything
_MAX_BYTES: Final = 256


class OneWireSource:
    """Reads the sensors one after the other, so often."""

    is_live = True

    def __init__(
        self,
        sensors: tuple[OneWireSensor, ...],
        *,
        every_s: float,
        now: Callable[[], datetime],
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._sensors = sensors
        self._every_s = every_s
        self._now = now
        self._wait = wait

    def readings(self) -> Iterator[Reading]:
        while True:
            for sensor in self._sensors:
                try:
                    value = read_temperature(sensor.file)
                except SourceError as error:
                    log.warning("sensor_silent sensor=%s error=%s", sensor.sensor, error)
                else:
                    yield MeasuredReading(at=self._now(), sensor=sensor.sensor, quantity="temperature_c", value=value)
            self._wait(self._every_s)


def read_temperature(file: Path) -> float:
    """Degrees Celsius.

    Raises:
        SourceError: the sensor is gone, or what came over the wire is spoiled.
    """
    try:
        with file.open(encoding="ascii", errors="replace") as opened:
            found = _FORM.fullmatch(opened.read(_MAX_BYTES))
    except OSError as error:
        raise SourceError(f"{file}: {error}") from error
    if found is None or found[1] != "YES":
        raise SourceError(f"{file}: the checksum does not fit")
    if int(found[2]) == _POWER_ON_MILLIDEGREES:
        raise SourceError(f"{file}: it has not measured yet")
    return plausible(int(found[2]) / 1000, "temperature_c")
