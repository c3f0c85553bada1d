from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from edge_agent.config import DrivingSettings
from edge_agent.ego import EgoState
from edge_agent.readings import EyesReading
from edge_agent.scenarios.safe_driving.eyes import DrowsyRule, away_rule, phone_rule
from edge_agent.scenarios.safe_driving.rules import Event
from edge_agent.scenarios.safe_driving.scenario import SafeDriving
from wire.messages import DrivingKind, DrivingSensor

START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
EVERY_S = 0.125


def ego(at: datetime, *, speed_mps: float = 10.0) -> EgoState:
    return EgoState(at=at, lon=120.4, lat=27.5, speed_mps=speed_mps, heading_deg=0.0, accuracy_m=3.0)


def trace(
    *parts: tuple[float, float | None], every_s: float = EVERY_S, away_deg: float | None = 0.0
) -> list[EyesReading]:
    """Parts of so many seconds with eyes so open."""
    values = [openness for seconds, openness in parts for _ in range(round(seconds / every_s))]
    return [
        EyesReading(at=START + timedelta(seconds=number * every_s), openness=openness, away_deg=away_deg)
        for number, openness in enumerate(values)
    ]


def drowsy(readings: Sequence[EyesReading], *, speed_mps: float = 10.0) -> list[Event]:
    rule = DrowsyRule(perclos=0.12)
    found = [rule.take(eyes, ego(eyes.at, speed_mps=speed_mps)) for eyes in readings]
    return [event for event in found if event is not None]


AWAKE = [(3.0, 0.9), (0.25, 0.05)] * 40  # blinks
NODDING = [(6.0, 0.6), (1.5, 0.05)] * 20


def test_slow_closures_are_drowsiness_and_are_told_once() -> None:
    (event,) = drowsy(trace(*NODDING))
    assert (event.kind, event.sensor) == (DrivingKind.DROWSY, DrivingSensor.CAMERA)
    assert event.to_at - event.from_at == timedelta(seconds=60)


def test_blinks_are_none_however_many() -> None:
    assert drowsy(trace(*AWAKE)) == []
    assert drowsy(trace(*[(0.5, 0.9), (0.375, 0.05)] * 120)) == []


@pytest.mark.parametrize("openness", [0.21, 0.5])
def test_eyes_that_are_less_than_80_percent_closed_are_open(openness: float) -> None:
    assert drowsy(trace(*[(6.0, 0.9), (1.5, openness)] * 20)) == []


def test_who_stands_may_close_the_eyes() -> None:
    assert drowsy(trace(*NODDING), speed_mps=0.0) == []


def test_eyes_that_were_not_seen_say_nothing() -> None:
    assert drowsy(trace(*[(1.5, 0.05), (6.0, None)] * 20)) == []
    assert drowsy(trace(*NODDING, every_s=2.0)) == []


def test_it_is_told_again_after_it_was_clearly_over() -> None:
    assert len(drowsy(trace(*NODDING, *AWAKE, *NODDING))) == 2


def test_the_share_is_that_of_slow_closures() -> None:
    rule = DrowsyRule(perclos=0.5)
    for eyes in trace(*NODDING):
        rule.take(eyes, None)
    assert rule.perclos() == pytest.approx(0.2, abs=0.02)


def away(readings: Sequence[EyesReading], *, speed_mps: float = 10.0) -> list[Event]:
    rule = away_rule(away_s=3.0, away_deg=35.0)
    found = [rule.take(eyes, ego(eyes.at, speed_mps=speed_mps)) for eyes in readings]
    return [event for event in (*found, rule.end()) if event is not None]


def turned(*parts: tuple[float, float | None]) -> list[EyesReading]:
    return [EyesReading(at=eyes.at, openness=0.9, away_deg=eyes.openness) for eyes in trace(*parts)]


def test_looking_away_for_long_is_told_with_its_time() -> None:
    (event,) = away(turned((5, 0.0), (4, 60.0), (5, 0.0)))
    assert event.kind is DrivingKind.DISTRACTED
    assert (event.to_at - event.from_at).total_seconds() == pytest.approx(4.0, abs=0.2)


@pytest.mark.parametrize(
    "parts",
    [
        [(5, 0.0), (2, 60.0), (5, 0.0)],
        [(5, 0.0), (10, 30.0), (5, 0.0)],
        [(5, 0.0), (10, None), (5, 0.0)],
        [(2, 60.0), (0.5, 0.0), (2, 60.0)],
    ],
    ids=["a mirror", "not far", "not seen", "twice, briefly"],
)
def test_what_is_no_looking_away(parts: list[tuple[float, float | None]]) -> None:
    assert away(turned(*parts)) == []


def test_who_stands_may_look_around() -> None:
    assert away(turned((5, 60.0)), speed_mps=0.0) == []


def test_a_gap_ends_it() -> None:
    before = turned((2, 60.0))
    after = [EyesReading(at=eyes.at + timedelta(seconds=5), openness=0.9, away_deg=60.0) for eyes in before]
    assert away([*before, *after]) == []


def held(*parts: tuple[float, float | None], speed_mps: float = 10.0) -> list[Event]:
    rule = phone_rule(phone_s=2.0, belief=0.6)
    readings = [EyesReading(at=eyes.at, openness=None, away_deg=None, phone=eyes.openness) for eyes in trace(*parts)]
    found = [rule.take(eyes, ego(eyes.at, speed_mps=speed_mps)) for eyes in readings]
    return [event for event in (*found, rule.end()) if event is not None]


def test_a_phone_that_is_held_while_driving_is_told_with_its_time() -> None:
    (event,) = held((5, 0.1), (4, 0.6), (5, 0.1))
    assert (event.kind, event.sensor) == (DrivingKind.PHONE, DrivingSensor.CAMERA)
    assert (event.to_at - event.from_at).total_seconds() == pytest.approx(4.0, abs=0.2)


@pytest.mark.parametrize(
    "parts",
    [[(5, 0.1), (1.5, 0.9), (5, 0.1)], [(10, 0.59)], [(10, None)]],
    ids=["put away", "hardly believed", "nothing looks for it"],
)
def test_what_is_no_phone_at_the_wheel(parts: list[tuple[float, float | None]]) -> None:
    assert held(*parts) == []


def test_who_stands_may_hold_one() -> None:
    assert held((10, 0.9), speed_mps=0.0) == []


def test_the_scenario_tells_of_the_eyes() -> None:
    scenario = SafeDriving(DrivingSettings())
    found = [each for eyes in trace(*NODDING) for each in scenario.take(eyes, ego(eyes.at))] + scenario.end()
    assert [each.message.kind for each in found] == [DrivingKind.DROWSY]
