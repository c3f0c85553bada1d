"""Sensors on a Modbus RTU line (RS-485): water level, sound, temperature, humidity, as the agent's file lists them."""

import logging
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from edge_agent.config import ModbusLine, ModbusRegister
from edge_agent.errors import SourceError
from edge_agent.readings import MeasuredReading, Reading
from edge_agent.sources.modbus_frames import decode, find_answer, read_request, words_of
from edge_agent.sources.reopen import reopen_for_ever
from edge_agent.sources.serial_line import SerialLine

log = logging.getLogger(__name__)

TRIES: Final = 3  # a line beside a motor loses a frame now and then
# What a sensor can mean; beyond it says that it is broken or not there (0x7FFF, NaN).
PLAUSIBLE: Final = {
    "water_level_m": (-1.0, 20.0),
    "sound_level_dba": (0.0, 160.0),
    "temperature_c": (-60.0, 100.0),
    "humidity_percent": (0.0, 100.0),
}


class ModbusSource:
    """Asks one register after the other, and opens the port again when it is lost."""

    is_live = True

    def __init__(
        self, line: ModbusLine, *, now: Callable[[], datetime], wait: Callable[[float], None] = time.sleep
    ) -> None:
        self._line = line
        self._now = now
        self._wait = wait

    def readings(self) -> Iterator[Reading]:
        return reopen_for_ever(self._measured, source=f"modbus {self._line.port}", wait=self._wait)

    def _measured(self) -> Iterator[MeasuredReading]:
        """Values until nobody on the line answers; a sensor that does not answer costs the others nothing but time."""
        settings = self._line
        with SerialLine(
            settings.port, baud=settings.baud, parity=settings.parity, stop_bits=settings.stop_bits
        ) as line:
            while True:
                failures: list[SourceError] = []
                for register in settings.registers:
                    try:
                        yield self._read(line, register)
                    except SourceError as error:
                        log.warning("sensor_silent sensor=%s error=%s", register.sensor, error)
                        failures.append(error)
                if len(failures) == len(settings.registers):
                    raise failures[-1]
                self._wait(settings.every_s)

    def _read(self, line: SerialLine, register: ModbusRegister) -> MeasuredReading:
        for left in range(TRIES - 1, -1, -1):
            try:
                value = self._value(line, register)
            except SourceError:
                if left == 0:
                    raise
            else:
                return MeasuredReading(at=self._now(), sensor=register.sensor, quantity=register.quantity, value=value)
        raise AssertionError("the last try returns or raises")

    def _value(self, line: SerialLine, register: ModbusRegister) -> float:
        words = words_of(register.type)
        content = line.ask(
            read_request(unit=register.unit, table=register.table, address=register.address, words=words),
            lambda received: find_answer(received, unit=register.unit, table=register.table, words=words),
            timeout_s=self._line.timeout_s,
        )
        value = decode(content, register.type, register.word_order) * register.scale + register.offset
        return plausible(value, register.quantity)


def plausible(value: float, quantity: str) -> float:
    """Let a value pass that can be.

    Raises:
        SourceError: it cannot.
    """
    low, high = PLAUSIBLE[quantity]
    if not low <= value <= high:  # so that NaN does not pass either
        raise SourceError(f"{value} is no {quantity}: {low} to {high} is expected")
    return value
