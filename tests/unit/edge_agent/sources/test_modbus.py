"""Sensors on a Modbus line: the frames, and the line with its troubles."""

import math
import struct
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.config import ModbusLine
from edge_agent.errors import SourceError
from edge_agent.readings import MeasuredReading
from edge_agent.sources.modbus import ModbusSource, plausible
from edge_agent.sources.modbus_frames import (
    ModbusRefusedError,
    RegisterType,
    WordOrder,
    crc_of,
    decode,
    find_answer,
    read_request,
    words_of,
)
from tests.unit.edge_agent.sources.modbus_slave import Slave

AT = datetime(2026, 11, 24, 8, 30, tzinfo=UTC)
LEVEL: dict[str, Any] = {"sensor": "underpass", "quantity": "water_level_m", "unit": 1, "address": 4, "scale": 0.001}
SOUND: dict[str, Any] = {"sensor": "street", "quantity": "sound_level_dba", "unit": 1, "address": 9, "scale": 0.1}


def source(port: Path, *registers: dict[str, Any], wait: Callable[[float], None] = lambda _s: None) -> ModbusSource:
    line = ModbusLine.model_validate({"port": port, "timeout_s": 0.2, "registers": registers or (LEVEL,)})
    return ModbusSource(line, now=lambda: AT, wait=wait)


def values(source: ModbusSource, count: int) -> list[float]:
    readings = list(islice(source.readings(), count))
    return [reading.value for reading in readings if isinstance(reading, MeasuredReading)]


def test_request_is_as_the_standard_has_it() -> None:
    """The example of a read of ten holding registers of unit 1 that manuals print."""
    assert read_request(unit=1, table="holding", address=0, words=10) == bytes.fromhex("01 03 00 00 00 0A C5 CD")


def test_answer_of_the_standard_is_read() -> None:
    """Section 6.3 of the application protocol: registers 108 to 110 hold 555, 0 and 100."""
    content = bytes.fromhex("11 03 06 02 2B 00 00 00 64")
    found = find_answer(content + crc_of(content), unit=0x11, table="holding", words=3)
    assert found == bytes.fromhex("02 2B 00 00 00 64")


@given(st.binary(max_size=64), st.binary(min_size=4, max_size=4), st.binary(max_size=16))
def test_answer_is_found_behind_noise(noise: bytes, words: bytes, rest: bytes) -> None:
    frame = bytes((7, 4, 4)) + words
    received = noise + frame + crc_of(frame) + rest
    found = find_answer(received, unit=7, table="input", words=2)
    assert found is not None
    assert (
        found == words or crc_of(received[:1]) != b""
    )  # noise may hold a whole answer of its own, by a chance of 1e-9


@given(st.binary(max_size=256), st.integers(1, 4))
def test_no_bytes_whatever_break_the_reader(received: bytes, words: int) -> None:
    try:
        found = find_answer(received, unit=1, table="holding", words=words)
    except ModbusRefusedError:
        return
    assert found is None or len(found) == 2 * words


@given(st.binary(min_size=4, max_size=4), st.integers(0, 8 * 9 - 1))
def test_one_flipped_bit_is_no_answer(words: bytes, bit: int) -> None:
    frame = bytes((7, 4, 4)) + words
    whole = bytearray(frame + crc_of(frame))
    whole[bit // 8] ^= 1 << bit % 8
    assert find_answer(bytes(whole), unit=7, table="input", words=2) is None


@pytest.mark.parametrize(
    ("kind", "form", "numbers"),
    [
        ("uint16", ">H", st.integers(0, 2**16 - 1)),
        ("int16", ">h", st.integers(-(2**15), 2**15 - 1)),
        ("uint32", ">I", st.integers(0, 2**32 - 1)),
        ("int32", ">i", st.integers(-(2**31), 2**31 - 1)),
        ("float32", ">f", st.floats(width=32, allow_nan=False)),
    ],
)
@pytest.mark.parametrize("order", ["big", "little"])
def test_registers_hold_every_number_of_their_type(
    kind: RegisterType, form: str, numbers: st.SearchStrategy[float], order: WordOrder
) -> None:
    @given(numbers)
    def holds(number: float) -> None:
        content = struct.pack(form, number)
        if order == "little":
            content = content[2:] + content[:2]
        assert decode(content, kind, order) == number
        assert len(content) == 2 * words_of(kind)

    holds()


def test_what_a_sensor_cannot_mean_is_no_value() -> None:
    for value in (math.nan, math.inf, 32.767):
        with pytest.raises(SourceError, match="water_level_m"):
            plausible(value, "water_level_m")
    assert plausible(0.0, "water_level_m") == 0.0


def test_registers_become_si_by_scale_and_offset() -> None:
    celsius = {"sensor": "air", "quantity": "temperature_c", "unit": 1, "address": 1, "table": "input"}
    with Slave(holding={4: 183, 9: 634}, input={1: 2981}) as slave:
        wanted = (LEVEL, SOUND, celsius | {"scale": 0.1, "offset": -273.1})
        found = list(islice(source(slave.port, *wanted).readings(), 3))
    assert [reading.value for reading in found if isinstance(reading, MeasuredReading)] == pytest.approx(
        [0.183, 63.4, 25.0]
    )
    assert {reading.at for reading in found} == {AT}


def spoils(*numbers: int, how: Callable[[bytes], bytes]) -> Callable[[int, bytes], bytes]:
    return lambda number, answer: how(answer) if number in numbers else answer


SPOILED: dict[str, Callable[[bytes], bytes]] = {
    "a bit flips": lambda answer: answer[:-1] + bytes((answer[-1] ^ 1,)),
    "the frame breaks off": lambda answer: answer[:3],
    "no answer": lambda _answer: b"",
    "noise before it": lambda answer: b"\xff\x00\x01\x03" + answer,
    "a line that does not stop": lambda answer: b"\x00" * 2000 + answer,
    "another unit speaks": lambda answer: b"\x02" + answer[1:],
}


@pytest.mark.parametrize("how", SPOILED.values(), ids=SPOILED)
def test_a_spoiled_answer_is_asked_for_again(how: Callable[[bytes], bytes]) -> None:
    with Slave(holding={4: 183}, trouble=spoils(1, 2, how=how)) as slave:
        assert values(source(slave.port), 2) == [0.183, 0.183]


def test_what_comes_too_late_is_no_answer_to_the_next_question() -> None:
    with Slave(holding={4: 100, 9: 634}, trouble=spoils(2, how=lambda answer: answer + answer)) as slave:
        assert values(source(slave.port, LEVEL, SOUND), 4) == pytest.approx([0.1, 63.4, 0.1, 63.4])


def test_a_sensor_that_refuses_or_is_broken_costs_the_others_nothing() -> None:
    missing, broken = LEVEL | {"address": 77}, LEVEL | {"address": 5}
    with Slave(holding={5: 0x7FFF, 9: 634}) as slave:
        assert values(source(slave.port, missing, broken, SOUND), 2) == pytest.approx([63.4, 63.4])


def test_a_port_that_is_not_there_is_tried_again(tmp_path: Path) -> None:
    waited: list[float] = []

    class TiredError(Exception):
        pass

    def wait(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 8:
            raise TiredError

    with pytest.raises(TiredError):
        next(source(tmp_path / "ttyUSB0", wait=wait).readings())
    assert waited == [1, 2, 4, 8, 16, 30, 30, 30]


def test_a_file_that_is_no_port_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()

    def wait(_seconds: float) -> None:
        raise StopAsyncIteration

    with pytest.raises(StopAsyncIteration):
        next(source(tmp_path / "file", wait=wait).readings())
    assert "cannot be set up" in caplog.text


@pytest.fixture
def silent() -> Iterator[Slave]:
    with Slave(unit=9) as slave:
        yield slave


def test_a_line_on_which_nobody_answers_is_opened_anew(silent: Slave, caplog: pytest.LogCaptureFixture) -> None:
    def wait(_seconds: float) -> None:
        raise StopAsyncIteration

    with pytest.raises(StopAsyncIteration):
        next(source(silent.port, wait=wait).readings())
    assert "source_lost source=modbus" in caplog.text
    assert "sensor=underpass" in caplog.text
