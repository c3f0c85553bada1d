"""The simulated gauge says what the water really does, over a real line."""

import os
import threading
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import islice

import pytest

from edge_agent.config import ModbusLine
from edge_agent.readings import MeasuredReading
from edge_agent.sources.modbus import ModbusSource
from simulator.gauge import ADDRESS, FLOODED_FROM_M, SCALE, UNIT, Gauge, floods_within, level_m


@pytest.mark.parametrize(("elapsed_s", "metres"), [(0, 0.02), (20, 0.185), (40, 0.35), (80, 0.02), (170, 0.185)])
def test_the_water_rises_and_falls(elapsed_s: float, metres: float) -> None:
    assert level_m(elapsed_s) == pytest.approx(metres)


def test_floods_are_when_it_is_over_the_threshold() -> None:
    (begun, ended), (again, open_end) = floods_within(180.0)
    assert level_m(begun - 0.2) < FLOODED_FROM_M <= level_m(begun)
    assert level_m(ended) < FLOODED_FROM_M
    assert (again, open_end) == pytest.approx((begun + 150, 180.0), abs=0.1)
    assert floods_within(10.0) == []


def test_it_ends_while_the_agent_holds_the_port() -> None:
    with ExitStack() as agent:

        def run() -> None:
            with Gauge() as gauge:
                agent.callback(os.close, os.open(gauge.port, os.O_RDWR | os.O_NOCTTY))

        running = threading.Thread(target=run, daemon=True)
        running.start()
        running.join(10)
        assert not running.is_alive()


def test_the_agent_reads_it() -> None:
    seconds = iter((0.0, 40.0))
    register = {"sensor": "underpass", "quantity": "water_level_m", "unit": UNIT, "address": ADDRESS, "scale": SCALE}
    with Gauge(clock=lambda: next(seconds)) as gauge:
        gauge.begin()
        line = ModbusLine.model_validate({"port": gauge.port, "registers": [register]})
        source = ModbusSource(line, now=lambda: datetime.now(UTC), wait=lambda _s: None)
        (reading,) = islice(source.readings(), 1)
    assert isinstance(reading, MeasuredReading)
    assert reading.value == pytest.approx(0.35)
