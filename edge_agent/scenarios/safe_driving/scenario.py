"""Readings of motion in, driving events with their evidence out. It knows how the bus is driven, not by whom."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from edge_agent.config import DrivingSettings
from edge_agent.ego import EgoState
from edge_agent.readings import DoorReading, EyesReading, FixQuality, GnssReading, Image, ImuReading, Reading
from edge_agent.scenarios.safe_driving.eyes import DrowsyRule, away_rule, phone_rule
from edge_agent.scenarios.safe_driving.felt import Felt
from edge_agent.scenarios.safe_driving.lasting import door_rule
from edge_agent.scenarios.safe_driving.motion import FixMotion, Sample
from edge_agent.scenarios.safe_driving.rests import DrivenFile, LongDrivingRule
from edge_agent.scenarios.safe_driving.rules import Event, HarshRule, IdlingRule, Whereabout
from wire.messages import Driving, DrivingKind, MotionSample

BEFORE_S: Final = 5.0  # of evidence before the event ...
AFTER_S: Final = 3.0  # ... and after it
LONGEST_S: Final = 20.0  # of evidence; of a longer event it is the begin
MOST_SAMPLES: Final = 200  # limit of the contract


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """A message about an event."""

    message: Driving
    observed_at: datetime
    image: Image | None = None


class SafeDriving:
    """Watches braking, acceleration, cornering, idling and rests.

    By the inertial sensor once its mount is known, until then and without one by the receiver.
    """

    def __init__(self, settings: DrivingSettings, driven_file: DrivenFile | None = None) -> None:
        """Watch; with a file a driving that went on as the agent began anew goes on here, too."""
        self._by_fixes = FixMotion()
        self._felt = Felt()
        self._harsh = harsh_rules(settings)
        self._idling = IdlingRule(idling_s=settings.idling_s)
        self._driven_file = driven_file
        self._rests = LongDrivingRule(
            driving_s=settings.driving_s, rest_s=settings.rest_s, driven=driven_file.read() if driven_file else None
        )
        self._drowsy = DrowsyRule(perclos=settings.perclos)
        self._lasting = (
            away_rule(away_s=settings.away_s, away_deg=settings.away_deg),
            phone_rule(phone_s=settings.phone_s, belief=settings.phone),
        )
        self._door = door_rule()
        self._samples: deque[Sample] = deque()
        self._waiting: list[Event] = []

    @property
    def knows_mount(self) -> bool:
        """Whether the inertial sensor is used."""
        return self._felt.mount is not None

    def take(self, reading: Reading, ego: EgoState | None) -> list[Happening]:
        """Take a fix, what was felt, what the driver's eyes and hands do, or a door."""
        match reading:
            case GnssReading():
                over = [event for event in self._take_fix(reading) if event is not None]
            case ImuReading():
                sample = self._felt.feel(reading, ego)
                over = [] if sample is None else self._judge(sample)
            case EyesReading():
                looks = (rule.take(reading, ego) for rule in (self._drowsy, *self._lasting))
                over = [event for event in looks if event is not None]
            case DoorReading():
                event = self._door.take(reading, ego)
                over = [] if event is None else [event]
            case _:
                return []
        self._waiting += over
        return [self._happening(event) for event in self._due(reading.at)]

    def end(self) -> list[Happening]:
        """What was going on counts as over, but for the driving, which an agent that begins anew goes on with."""
        if self._driven_file is not None:
            self._driven_file.keep(self._rests.driven)
        ended = [rule.end() for rule in (*self._harsh, self._idling, *self._lasting, self._door)]
        events = [*self._waiting, *(event for event in ended if event is not None)]
        self._waiting = []
        return [self._happening(event) for event in events]

    def _take_fix(self, fix: GnssReading) -> Iterator[Event | None]:
        if fix.fix is FixQuality.NONE or fix.speed_mps is None:
            return
        here = Whereabout(at=fix.at, lon=fix.lon, lat=fix.lat, speed_mps=fix.speed_mps)
        yield self._idling.take(here)
        yield self._rests.take(here)
        if self._driven_file is not None:
            self._driven_file.keep_when_due(self._rests.driven)
        sample = self._by_fixes.add(fix)
        if sample is not None:
            self._felt.compare(sample)
            if not self._felt.is_fresh(fix.at):
                yield from self._judge(sample)

    def _judge(self, sample: Sample) -> list[Event]:
        self._samples.append(sample)
        kept_s = BEFORE_S + LONGEST_S + AFTER_S
        while not 0 <= (sample.at - self._samples[0].at).total_seconds() <= kept_s:
            self._samples.popleft()
        return [event for rule in self._harsh if (event := rule.take(sample)) is not None]

    def _due(self, at: datetime) -> list[Event]:
        """Events whose evidence is complete; a clock that was set back ends it, too."""
        due = [event for event in self._waiting if abs((at - event.to_at).total_seconds()) >= AFTER_S]
        self._waiting = [event for event in self._waiting if event not in due]
        return due

    def _happening(self, event: Event) -> Happening:
        message = Driving(
            kind=event.kind,
            from_at=event.from_at,
            to_at=event.to_at,
            lon=event.lon,
            lat=event.lat,
            peak_mps2=round(event.peak_mps2, 3),
            speed_mps=event.speed_mps,
            window=self._window(event) if event.peak_mps2 else (),
            sensor=event.sensor,
        )
        return Happening(message=message, observed_at=event.to_at)

    def _window(self, event: Event) -> tuple[MotionSample, ...]:
        begin = event.from_at - timedelta(seconds=BEFORE_S)
        end = min(event.to_at + timedelta(seconds=AFTER_S), begin + timedelta(seconds=LONGEST_S))
        return tuple(_evidence(sample) for sample in self._samples if begin <= sample.at <= end)[:MOST_SAMPLES]


def harsh_rules(settings: DrivingSettings) -> list[HarshRule]:
    """The rules about accelerations, one for each kind."""
    return [
        HarshRule(
            DrivingKind.HARSH_BRAKING,
            of=lambda sample: -sample.forward_mps2,
            limit_mps2=settings.braking_mps2,
            min_s=settings.min_s,
            is_moving_needed=True,
        ),
        HarshRule(
            DrivingKind.HARSH_ACCELERATION,
            of=lambda sample: sample.forward_mps2,
            limit_mps2=settings.acceleration_mps2,
            min_s=settings.min_s,
            is_moving_needed=False,
        ),
        HarshRule(
            DrivingKind.HARSH_CORNERING,
            of=lambda sample: abs(sample.right_mps2),
            limit_mps2=settings.cornering_mps2,
            min_s=settings.min_s,
            is_moving_needed=True,
        ),
    ]


def _evidence(sample: Sample) -> MotionSample:
    return MotionSample(
        at=sample.at,
        speed_mps=round(sample.speed_mps, 2),
        forward_mps2=round(sample.forward_mps2, 3),
        right_mps2=round(sample.right_mps2, 3),
    )
