"""A Bluetooth receiver that hears tags; bleak talks to the system (BlueZ on Linux)."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from edge_agent.errors import ConfigurationError, SourceError
from edge_agent.readings import AdvertisementReading, Reading
from edge_agent.sources.reopen import reopen_for_ever

EDDYSTONE: Final = 0xFEAA
APPLE: Final = 0x004C
STEP_S: Final = 0.2
SILENT_S: Final = 60.0  # in a town something is always heard
OTHERS_EVERY: Final = timedelta(seconds=1)  # what is no tag only shows that the radio works
_BASE_UUID: Final = "-0000-1000-8000-00805f9b34fb"


class Heard(Protocol):
    """What bleak tells of an advertisement."""

    @property
    def rssi(self) -> int: ...

    @property
    def service_data(self) -> dict[str, bytes]: ...

    @property
    def manufacturer_data(self) -> dict[int, bytes]: ...


class Scanner(Protocol):
    """What listens, as bleak has it."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


OpenScanner = Callable[[Callable[[Any, Heard], None]], Scanner]


class BleSource:
    """Listens for ever, and begins again when the receiver is lost. Addresses of what is heard are not kept."""

    is_live = True

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        open_scanner: OpenScanner,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._now = now
        self._open_scanner = open_scanner
        self._wait = wait

    def readings(self) -> Iterator[Reading]:
        return reopen_for_ever(self._heard, source="ble", wait=self._wait)

    def _heard(self) -> Iterator[Reading]:
        """What is heard until the receiver fails, or says nothing for so long that it must have failed."""
        waiting: list[AdvertisementReading] = []
        thinner = Thinner()

        def on_heard(_device: object, heard: Heard) -> None:
            reading = _reading(self._now(), heard)
            if thinner.lets_pass(reading):
                waiting.append(reading)

        with closing(asyncio.new_event_loop()) as loop:
            scanner = self._open_scanner(on_heard)
            _do(loop, scanner.start())
            try:
                heard_s = time.monotonic()
                while time.monotonic() - heard_s < SILENT_S:
                    loop.run_until_complete(asyncio.sleep(STEP_S))
                    if waiting:
                        heard_s = time.monotonic()
                    yield from waiting
                    waiting.clear()
            finally:
                _do(loop, scanner.stop())


class Thinner:
    """Lets tags pass, and of all else one a second."""

    def __init__(self) -> None:
        self._other_at: datetime | None = None

    def lets_pass(self, reading: AdvertisementReading) -> bool:
        if EDDYSTONE in reading.service_data or APPLE in reading.manufacturer_data:
            return True
        is_due = self._other_at is None or abs(reading.at - self._other_at) >= OTHERS_EVERY
        if is_due:
            self._other_at = reading.at
        return is_due


def open_bleak(adapter: str | None) -> OpenScanner:
    """A scanner of the system's receiver; without a name the first one.

    Raises:
        ConfigurationError: bleak is not installed.
    """
    try:
        from bleak import BleakScanner  # noqa: PLC0415 - an extra: most buses have no receiver
    except ImportError as error:
        raise ConfigurationError("ble needs bleak: pip install 'busense[ble]'") from error

    def scanner(on_heard: Callable[[Any, Heard], None]) -> Scanner:
        return BleakScanner(on_heard, scanning_mode="active", bluez={} if adapter is None else {"adapter": adapter})

    return scanner


def _do(loop: asyncio.AbstractEventLoop, step: Any) -> None:  # noqa: ANN401 - a coroutine of bleak
    try:
        loop.run_until_complete(step)
    except Exception as error:
        # Without bleak there is no name for its errors; D-Bus adds its own.
        raise SourceError(f"the Bluetooth receiver: {type(error).__name__}: {error}") from error


def _reading(at: datetime, heard: Heard) -> AdvertisementReading:
    return AdvertisementReading(
        at=at,
        rssi_dbm=max(-127, min(20, heard.rssi)),
        service_data={
            int(uuid[:8], 16): data for uuid, data in heard.service_data.items() if uuid.endswith(_BASE_UUID)
        },
        manufacturer_data=heard.manufacturer_data,
    )
