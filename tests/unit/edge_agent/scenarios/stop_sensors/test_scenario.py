"""What a stop says of its sensors."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.config import Place
from edge_agent.readings import GnssReading, MeasuredReading
from edge_agent.scenarios.stop_sensors.scenario import Batch, StopSensors, mean_level
from wire.messages import Quantity

AT = datetime(2026, 11, 24, 8, 30, tzinfo=UTC)
PLACE = Place(lon=120.42, lat=27.51)


def measured(
    second: float, value: float, quantity: str = "water_level_m", sensor: str = "underpass"
) -> MeasuredReading:
    return MeasuredReading(at=AT + timedelta(seconds=second), sensor=sensor, quantity=quantity, value=value)


def take_all(readings: list[MeasuredReading], *, report_s: float = 60.0) -> list[Batch]:
    sensors = StopSensors(PLACE, report_s=report_s)
    said = [batch for reading in readings for batch in sensors.take(reading, None)]
    return said + sensors.end()


def test_an_interval_becomes_one_message_with_the_median() -> None:
    said = take_all([measured(second, 0.1 if second != 30 else 9.0) for second in range(0, 70, 10)])
    first, last = (batch.message.values for batch in said)
    assert [(value.value, value.readings, value.over_s) for value in (*first, *last)] == [(0.1, 6, 50.0), (0.1, 1, 0.0)]
    assert said[0].message.lon == 120.42
    assert said[0].observed_at == AT + timedelta(seconds=50)


def test_sound_becomes_the_level_of_its_mean_energy() -> None:
    (batch,) = take_all([measured(0, 60.0, "sound_level_dba"), measured(1, 70.0, "sound_level_dba")])
    (value,) = batch.message.values
    assert value.quantity is Quantity.SOUND_LEVEL
    assert value.value == pytest.approx(67.404, abs=1e-3)  # (1e6 + 1e7) / 2


@given(st.lists(st.floats(20, 140), min_size=1, max_size=50))
def test_mean_level_lies_between_the_mean_and_the_loudest(levels: list[float]) -> None:
    level = mean_level(levels)
    assert sum(levels) / len(levels) - 1e-9 <= level <= max(levels) + 1e-9
    assert math.isclose(mean_level(levels * 3), level, abs_tol=1e-9)


def test_each_sensor_speaks_for_itself() -> None:
    (batch,) = take_all([measured(0, 0.1), measured(1, 0.3, sensor="gate"), measured(2, 21.0, "temperature_c", "gate")])
    assert [(value.sensor, value.quantity.value, value.value) for value in batch.message.values] == [
        ("gate", "temperature_c", 21.0),
        ("gate", "water_level_m", 0.3),
        ("underpass", "water_level_m", 0.1),
    ]


def test_an_interval_ends_by_the_clock_though_no_sensor_speaks() -> None:
    sensors = StopSensors(PLACE, report_s=60)
    sensors.take(measured(0, 0.1), None)
    fix = GnssReading(at=AT + timedelta(seconds=61), lon=1, lat=1, speed_mps=0, heading_deg=0, accuracy_m=1)
    assert len(sensors.take(fix, None)) == 1
    assert sensors.end() == []


def test_a_clock_that_is_set_back_ends_the_interval() -> None:
    assert len(take_all([measured(0, 0.1), measured(-3600, 0.1)])) == 2


def test_many_sensors_take_more_than_one_message() -> None:
    said = take_all([measured(0, 0.1, sensor=f"s{number}") for number in range(121)])
    assert [len(batch.message.values) for batch in said] == [120, 1]
