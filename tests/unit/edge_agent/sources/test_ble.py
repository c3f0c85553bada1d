import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest

from edge_agent.errors import ConfigurationError
from edge_agent.readings import AdvertisementReading
from edge_agent.sources import ble
from edge_agent.sources.ble import BleSource, Heard, Thinner, open_bleak

AT = datetime(2026, 3, 2, tzinfo=UTC)
EID = bytes([0x30, 0xF0]) + bytes(8)
EDDYSTONE = "0000feaa-0000-1000-8000-00805f9b34fb"


@dataclass
class Advertisement:
    rssi: int = -70
    service_data: dict[str, bytes] = field(default_factory=dict[str, bytes])
    manufacturer_data: dict[int, bytes] = field(default_factory=dict[int, bytes])


class Radio:
    """Tells what it was given when it is started, or fails."""

    def __init__(self, *told: Advertisement, error: Exception | None = None) -> None:
        self.told, self.error = told, error
        self.is_stopped = False
        self.on_heard: Callable[[Any, Heard], None] | None = None

    def open(self, on_heard: Callable[[Any, Heard], None]) -> "Radio":
        self.on_heard = on_heard
        return self

    async def start(self) -> None:
        if self.error is not None:
            raise self.error
        assert self.on_heard is not None
        for heard in self.told:
            self.on_heard("aa:bb", heard)

    async def stop(self) -> None:
        self.is_stopped = True


def clock() -> Iterator[datetime]:
    at = AT
    while True:
        yield at
        at += timedelta(seconds=0.1)


def source(*radios: Radio, waits: list[float] | None = None) -> BleSource:
    times, left = clock(), iter(radios)
    return BleSource(
        now=lambda: next(times),
        open_scanner=lambda on_heard: next(left).open(on_heard),
        wait=(waits if waits is not None else []).append,
    )


def test_what_is_heard_comes_without_the_address_of_who_sent_it() -> None:
    radio = Radio(Advertisement(rssi=-61, service_data={EDDYSTONE: EID, "1234-vendor": b"x"}))
    readings = source(radio).readings()
    assert next(readings) == AdvertisementReading(at=AT, rssi_dbm=-61, service_data={0xFEAA: EID})
    readings.close()  # type: ignore[attr-defined]
    assert radio.is_stopped


def test_of_what_is_no_tag_one_a_second_is_kept() -> None:
    others = [Advertisement(manufacturer_data={6: b"phone"}) for _ in range(25)]
    tag = Advertisement(service_data={EDDYSTONE: EID})
    heard = list(islice(source(Radio(*others, tag)).readings(), 4))
    assert [bool(isinstance(one, AdvertisementReading) and one.service_data) for one in heard] == [False] * 3 + [True]


def test_a_clock_that_is_set_back_does_not_silence_the_others() -> None:
    thinner = Thinner()
    late = AdvertisementReading(at=AT, rssi_dbm=-70)
    assert [thinner.lets_pass(late), thinner.lets_pass(late)] == [True, False]
    assert thinner.lets_pass(AdvertisementReading(at=AT - timedelta(days=1), rssi_dbm=-70))


def test_a_receiver_that_is_not_there_is_tried_again_after_longer_and_longer_waits() -> None:
    waits: list[float] = []
    radios = [Radio(error=OSError("no adapter")), Radio(error=RuntimeError("org.bluez.Error")), Radio(Advertisement())]
    next(source(*radios, waits=waits).readings())
    assert waits == [1.0, 2.0]


def test_a_receiver_that_says_nothing_is_opened_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ble, "SILENT_S", 0.0)
    mute = Radio()
    with pytest.raises(RuntimeError, match="StopIteration"):  # there is no third
        next(source(mute, Radio()).readings())
    assert mute.is_stopped


def test_without_bleak_the_configuration_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bleak", None)
    with pytest.raises(ConfigurationError, match="busense\\[ble\\]"):
        open_bleak(None)


def test_bleak_takes_what_it_is_given() -> None:
    assert open_bleak("hci7")(lambda _device, _heard: None) is not None
