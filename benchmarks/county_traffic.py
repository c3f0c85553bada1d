"""What the buses of a county send, without the buses: positions, looks, damage at fixed places, health.

A bus drives 200 km in 16 hours, tells its track each 10 s, a look each 100 m, its health each minute, and passes 15
damaged places a kilometre, of which it sees four of five: 11,000 messages a day, 0.19 a second.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from wire.codec import encode_envelope
from wire.envelope import Envelope, make_id
from wire.messages import (
    CameraState,
    ClockSource,
    Coverage,
    Detection,
    Fix,
    Health,
    Message,
    ModelVersion,
    Track,
    TrackPoint,
)
from wire.topics import Topic

STEP_S: Final = 10.0
SPEED_MPS: Final = 3.5  # with all stops
MESSAGES_PER_STEP: Final = 1.94  # of one bus, on average
STREET_M: Final = 10_000.0
STREETS: Final = 100
STREETS_APART_M: Final = 200.0
DAMAGE_EVERY_M: Final = 1000.0 / 15
SEEN: Final = 0.8
SIGMA_M: Final = 2.5
LOOK_M: Final = 100.0
HEALTH_STEPS: Final = 6
POINTS: Final = 5  # of a track
WEST: Final = 120.4
SOUTH: Final = 27.4
METRES_PER_DEGREE: Final = 111_195.0
MODEL: Final = ModelVersion(name="road_damage", version="1", sha256="ab" * 32)
CLASSES: Final = ("D00", "D10", "D20", "D40")

Published = tuple[str, bytes]
"""Topic and payload."""


@dataclass(slots=True, kw_only=True)
class CountyBus:
    """One bus on one straight street, up and down."""

    city: str
    device: str
    street: int
    along_m: float
    stream: str
    chance: random.Random
    way: int = 1
    steps: int = 0
    sequence: int = 0
    looked_from_m: float = field(init=False)

    def __post_init__(self) -> None:
        self.looked_from_m = self.along_m

    def step(self, at: datetime) -> Iterator[Published]:
        """Drive for ten seconds that end now."""
        from_m = self.along_m
        self.along_m += self.way * SPEED_MPS * STEP_S
        self.steps += 1
        yield self._message(at, self._track(at, from_m))
        for place in self._passed(from_m):
            if self.chance.random() < SEEN:
                yield self._message(at, self._detection(at, place))
        if abs(self.along_m - self.looked_from_m) >= LOOK_M:
            yield self._message(at, self._look(at))
            self.looked_from_m = self.along_m
        if self.steps % HEALTH_STEPS == 0:
            yield self._message(at, _HEALTH)
        if not 0 <= self.along_m + self.way * SPEED_MPS * STEP_S <= STREET_M:
            self.way = -self.way
            self.looked_from_m = self.along_m

    def _message(self, at: datetime, data: Message) -> Published:
        self.sequence += 1
        envelope = Envelope(
            id=make_id(at),
            source=f"/{self.city}/{self.device}",
            time=at,
            data=data,
            stream=self.stream,
            sequence=self.sequence,
        )
        return str(Topic(city=self.city, device=self.device, kind=envelope.kind)), encode_envelope(envelope)

    @property
    def _heading_deg(self) -> float:
        return 90.0 if self.way > 0 else 270.0

    def _place(self, along_m: float, across_m: float = 0.0) -> tuple[float, float]:
        lat = SOUTH + (self.street * STREETS_APART_M + across_m) / METRES_PER_DEGREE
        return WEST + along_m / (METRES_PER_DEGREE * math.cos(math.radians(lat))), lat

    def _track(self, at: datetime, from_m: float) -> Track:
        points: list[TrackPoint] = []
        for number in range(1, POINTS + 1):
            share = number / POINTS
            lon, lat = self._place(from_m + (self.along_m - from_m) * share)
            points.append(
                TrackPoint(
                    at=at - timedelta(seconds=STEP_S * (1 - share)),
                    lon=lon,
                    lat=lat,
                    accuracy_m=SIGMA_M,
                    fix=Fix.GNSS,
                    speed_mps=SPEED_MPS,
                    heading_deg=self._heading_deg,
                )
            )
        return Track(points=tuple(points))

    def _passed(self, from_m: float) -> range:
        first, last = sorted((from_m, self.along_m))
        return range(math.ceil(first / DAMAGE_EVERY_M), math.ceil(last / DAMAGE_EVERY_M))

    def _detection(self, at: datetime, place: int) -> Detection:
        lon, lat = self._place(
            place * DAMAGE_EVERY_M + self.chance.gauss(0, SIGMA_M), self.way * 1.75 + self.chance.gauss(0, 1.0)
        )
        return Detection(
            class_code=CLASSES[(place + self.street) % len(CLASSES)],
            confidence=0.75,
            observed_at=at,
            first_seen_at=at - timedelta(seconds=1),
            last_seen_at=at,
            lon=lon,
            lat=lat,
            along_m=SIGMA_M,
            across_m=1.0,
            heading_deg=self._heading_deg,
            frames=5,
            box_xyxy_px=(300.0, 200.0, 350.0, 240.0),
            frame_width_px=640,
            frame_height_px=384,
            camera_id="front",
            model=MODEL,
            distance_m=8.0,
        )

    def _look(self, at: datetime) -> Coverage:
        return Coverage(
            from_at=at - timedelta(seconds=LOOK_M / SPEED_MPS),
            to_at=at,
            line=(self._place(self.looked_from_m), self._place(self.along_m)),
            heading_deg=self._heading_deg,
            accuracy_m=SIGMA_M,
            frames=110,
            usable_share=1.0,
            unusable={},
            near_m=4.0,
            far_m=15.0,
            left_m=4.0,
            right_m=4.0,
            camera_id="front",
            model=MODEL,
        )


_HEALTH: Final = Health(
    software="1",
    models=(MODEL,),
    outbox_depth=3,
    outbox_bytes=4096,
    outbox_oldest_s=1.0,
    given_up=(),
    frames_per_s=4.0,
    frames_dropped=0,
    pictures_waiting=0,
    camera=CameraState.WORKING,
    clock=ClockSource.GNSS,
)


def county_buses(count: int, *, city: str, at: datetime, seed: int, streets: int = STREETS) -> list[CountyBus]:
    """Spread buses over streets; on fewer of them each place is passed more often."""
    chance = random.Random(seed)
    return [
        CountyBus(
            city=city,
            device=f"county-{number:04d}",
            street=number % streets,
            along_m=chance.uniform(0.1, 0.9) * STREET_M,
            stream=make_id(at),
            chance=random.Random(chance.getrandbits(32)),
        )
        for number in range(count)
    ]
