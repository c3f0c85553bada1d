from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from edge_agent.config import DrivingSettings
from edge_agent.scenarios.safe_driving.motion import Sample
from edge_agent.scenarios.safe_driving.rules import Event, HarshRule, IdlingRule, Whereabout
from edge_agent.scenarios.safe_driving.scenario import harsh_rules
from wire.messages import DrivingKind, DrivingSensor

START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def sample(
    second: float,
    *,
    forward: float = 0.0,
    right: float = 0.0,
    speed: float = 8.0,
    sensor: DrivingSensor = DrivingSensor.IMU,
) -> Sample:
    return Sample(
        at=START + timedelta(seconds=second),
        over_s=0.1,
        lon=120.4 + second * 1e-4,
        lat=27.5,
        speed_mps=speed,
        forward_mps2=forward,
        right_mps2=right,
        sensor=sensor,
    )


def judged(rule: HarshRule, samples: Sequence[Sample]) -> list[Event]:
    found = [rule.take(sample) for sample in samples]
    return [event for event in (*found, rule.end()) if event is not None]


def braking() -> HarshRule:
    return harsh_rules(DrivingSettings())[0]


def cornering() -> HarshRule:
    return harsh_rules(DrivingSettings())[2]


def pulse(forward: float, *, seconds: float, at: float = 1.0) -> list[Sample]:
    """A second of calm, the pulse, two seconds of calm."""
    count = round(seconds * 10)
    values = [0.0] * 10 + [forward] * count + [0.0] * 20
    return [sample(at + number / 10, forward=value) for number, value in enumerate(values)]


def test_braking_beyond_the_limit_is_one_event_with_its_peak_and_times() -> None:
    (event,) = judged(braking(), pulse(-3.5, seconds=1.0))
    assert event.kind is DrivingKind.HARSH_BRAKING
    assert event.peak_mps2 == -3.5
    assert (event.to_at - event.from_at).total_seconds() == pytest.approx(1.0)
    assert event.from_at == START + timedelta(seconds=1.9)


@pytest.mark.parametrize(
    ("forward", "seconds"), [(-2.7, 3.0), (3.5, 1.0), (-6.0, 0.3)], ids=["below the limit", "speeding up", "a jolt"]
)
def test_what_is_no_harsh_braking(forward: float, seconds: float) -> None:
    assert judged(braking(), pulse(forward, seconds=seconds)) == []


def test_an_event_goes_on_while_it_is_not_clearly_over() -> None:
    values = [0.0] * 5 + [-3.0] * 5 + [-2.1] * 5 + [-3.2] * 5 + [0.0] * 20
    (event,) = judged(braking(), [sample(number / 10, forward=value) for number, value in enumerate(values)])
    assert (event.to_at - event.from_at).total_seconds() == pytest.approx(1.5)
    assert event.peak_mps2 == -3.2


def test_braking_that_is_let_go_for_a_moment_is_one_event_and_after_a_second_it_is_two() -> None:
    once = [-3.0] * 5 + [0.0] * 7 + [-3.0] * 5 + [0.0] * 20
    twice = [-3.0] * 5 + [0.0] * 15 + [-3.0] * 5 + [0.0] * 20
    of_once, of_twice = (
        judged(braking(), [sample(number / 10, forward=value) for number, value in enumerate(values)])
        for values in (once, twice)
    )
    assert (len(of_once), len(of_twice)) == (1, 2)


def test_a_gap_ends_an_event() -> None:
    before = [sample(number / 10, forward=-3.5) for number in range(6)]
    after = [sample(3 + number / 10, forward=-3.5) for number in range(6)]
    events = judged(braking(), [*before, *after])
    assert [(event.to_at - event.from_at).total_seconds() for event in events] == pytest.approx([0.6, 0.6])


def test_halves_on_both_sides_of_a_gap_are_not_added_up() -> None:
    before = [sample(number / 10, forward=-3.5) for number in range(3)]
    after = [sample(1 + number / 10, forward=-3.5) for number in range(3)]
    assert judged(braking(), [*before, *after]) == []


def test_a_change_of_the_sensor_is_a_gap() -> None:
    samples = [
        sample(number / 10, forward=-3.5, sensor=DrivingSensor.IMU if number < 3 else DrivingSensor.GNSS)
        for number in range(6)
    ]
    assert judged(braking(), samples) == []


def test_a_standing_bus_does_not_brake() -> None:
    assert judged(braking(), [sample(number / 10, forward=-4, speed=0.2) for number in range(20)]) == []


@pytest.mark.parametrize("right", [3.4, -3.4], ids=["right", "left"])
def test_cornering_counts_to_both_sides_and_keeps_its_side(right: float) -> None:
    (event,) = judged(cornering(), [sample(number / 10, right=right) for number in range(10)])
    assert event.peak_mps2 == right


def fixes(*parts: tuple[float, float], every_s: float = 5.0, start_s: float = 0.0) -> list[Whereabout]:
    """Parts of so many seconds at a speed."""
    found: list[Whereabout] = []
    for seconds, speed in parts:
        for _ in range(round(seconds / every_s)):
            start_s += every_s
            at = START + timedelta(seconds=start_s)
            found.append(Whereabout(at=at, lon=120.4, lat=27.5, speed_mps=speed))
    return found


def all_of(rule: IdlingRule, taken: Sequence[Whereabout]) -> list[Event]:
    return [event for fix in taken if (event := rule.take(fix)) is not None]


def test_a_long_stand_is_told_when_the_bus_drives_on() -> None:
    rule = IdlingRule(idling_s=300)
    assert all_of(rule, fixes((100, 8), (400, 0))) == []
    (event,) = all_of(rule, fixes((10, 8), start_s=500))
    assert event.kind is DrivingKind.IDLING
    assert (event.to_at - event.from_at).total_seconds() == pytest.approx(395)


def test_a_stop_for_passengers_is_no_idling() -> None:
    assert all_of(IdlingRule(idling_s=300), fixes((100, 8), (60, 0), (100, 8), (250, 0), (10, 8))) == []


def test_nothing_is_said_of_standing_in_a_gap() -> None:
    rule = IdlingRule(idling_s=300)
    taken = [*fixes((200, 0)), *fixes((200, 0), start_s=3600)]
    assert all_of(rule, taken) == []
    assert rule.end() is None
