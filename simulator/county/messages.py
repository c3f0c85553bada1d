"""What all buses of a county send, as encoded messages of the contract."""

import itertools
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from simulator.county.build import County
from simulator.county.damage import defect_id
from simulator.county.looks import DISTANCE_M, LEFT_M, OWN_ACROSS_M, OWN_ALONG_M, RIGHT_M, STRETCH_M, Looked, Told
from simulator.county.told import FRAMES_PER_S, NEAR_M, QUALITIES
from simulator.county.traffic import TICK_S, Tick, Traffic
from simulator.exposure import LEAST_FRAMES, Exposures
from simulator.frames import DRAWN_CAMERA
from simulator.gnss import SIGMAS_68
from simulator.plane import Spot
from simulator.truth import CLASS_CODES
from wire.codec import encode_envelope
from wire.envelope import Envelope, make_id
from wire.error_model import Quality
from wire.messages import (
    CameraState,
    ClockSource,
    Coverage,
    Detection,
    Fix,
    Health,
    Message,
    Track,
    TrackPoint,
    Unusable,
)
from wire.topics import Topic

POINTS: Final = 5  # of a track
HEALTH_EVERY_TICKS: Final = 6
VISIBLE_FROM_M: Final = 18.0  # as a bus tells it; beyond it sees little
_WHY: Final = {
    "dark": Unusable.DARK,
    "blurred": Unusable.BLURRED,
    "wet": Unusable.WET,
    "glare": Unusable.GLARE,
    "good": Unusable.DROPPED,
}


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Sent:
    """One message and when it leaves its bus."""

    at: datetime
    topic: str
    payload: bytes


class CountyFleet:
    """The buses of a county as senders of messages; the same messages for the same seed."""

    def __init__(
        self,
        county: County,
        *,
        from_s: float,
        begins_at: datetime | None = None,
        agents: Sequence[int] = (),
        exposures: Exposures | None = None,
    ) -> None:
        """Begin so many seconds after the scenario's first midnight.

        Args:
            county: with its scenario.
            from_s: where in the scenario's time the buses begin.
            begins_at: what the messages call this time; without it they tell the scenario's own.
            agents: numbers of buses that speak for themselves.
            exposures: is told which damage the others had in view.
        """
        part = county.scenario.county
        self._county, self.traffic = county, Traffic(county, from_s=from_s)
        self._rng = np.random.default_rng((part.seed, 19))
        self._ids = random.Random(part.seed)  # a number at a time
        begin = begins_at or county.weather.first_day + timedelta(seconds=from_s)
        self._midnight = begin - timedelta(seconds=from_s)
        self._exposures = exposures
        self._is_told = np.ones(part.buses, dtype=np.bool_)
        self._is_told[list(agents)] = False
        self.devices = [part.device(number) for number in range(part.buses)]
        self._streams = [make_id(begin, bits=self._bits()) for _ in self.devices]
        self._sequence = np.zeros(part.buses, dtype=np.int64)
        self._looked_from_m = np.full(part.buses, np.nan)
        self._looked_from_s = np.zeros(part.buses)
        self._usable_m = np.zeros((part.buses, len(QUALITIES)))
        self._held: list[tuple[int, Sent]] = []  # by buses without a network
        receiver = county.scenario.receiver
        self._sigma_m = math.hypot(receiver.wander_m, receiver.jitter_m)
        self._ticks = 0

    def messages(self, for_s: float | None) -> Iterator[Sent]:
        """Everything sent in some seconds (or for ever), in the order in which it leaves the buses, to a tick."""
        for _ in itertools.count() if for_s is None else range(math.ceil(for_s / TICK_S)):
            yield from self.tick()

    def tick(self) -> list[Sent]:
        """Ten seconds of all buses."""
        tick = self.traffic.tick(TICK_S)
        dirt = self.traffic.faults.dirt(tick.buses, at_s=tick.from_s)
        told, looked = self._county.eyes.look(tick.driven, rng=self._rng, dirt=dirt)
        made = [
            *self._tracks(tick),
            *self._detections(tick, told, looked),
            *self._coverages(tick, looked),
            *self._healths(tick),
        ]
        self._ticks += 1
        self._note_exposures(tick, looked)
        return self._through_the_network([(bus, sent) for bus, sent in made if self._is_told[bus]], at_s=tick.to_s)

    def _note_exposures(self, tick: Tick, looked: Looked) -> None:
        if self._exposures is None:
            return
        is_ours = self._is_told[tick.buses[looked.shown_stretch]]
        for thing in looked.shown_thing[is_ours & self._county.damages.is_damage[looked.shown_thing]].tolist():
            self._exposures.add(defect_id(thing), frames=LEAST_FRAMES)

    def _bits(self) -> int:
        return self._ids.getrandbits(74)

    def _at(self, since_s: float) -> datetime:
        return self._midnight + timedelta(seconds=since_s)

    def _lon_lat(self, east_m: float, north_m: float) -> tuple[float, float]:
        lon, lat = self._county.lines.plane.lon_lat(Spot(east_m, north_m))
        return round(lon, 7), round(lat, 7)

    def _message(self, bus: int, data: Message, *, at_s: float) -> tuple[int, Sent]:
        self._sequence[bus] += 1
        at, device = self._at(at_s), self.devices[bus]
        envelope = Envelope(
            id=make_id(at, bits=self._bits()),
            source=f"/{self._county.scenario.county.name}/{device}",
            time=at,
            data=data,
            stream=self._streams[bus],
            sequence=int(self._sequence[bus]),
        )
        topic = Topic(city=self._county.scenario.county.name, device=device, kind=envelope.kind)
        return bus, Sent(at=at, topic=str(topic), payload=encode_envelope(envelope))

    def _tracks(self, tick: Tick) -> Iterator[tuple[int, Sent]]:
        ways, driven = self._county.eyes.ways, tick.driven
        shares = np.arange(1, POINTS + 1) / POINTS
        metres = driven.from_m[:, None] + (driven.to_m - driven.from_m)[:, None] * shares
        lines = np.repeat(driven.lines, POINTS)
        east, north, heading = (each.reshape(-1, POINTS) for each in ways.place(lines, metres.ravel()))
        east, north = east + driven.error_east_m[:, None], north + driven.error_north_m[:, None]
        speeds = np.round((driven.to_m - driven.from_m) / (tick.to_s - tick.from_s), 2).tolist()
        times = [self._at(tick.from_s + (tick.to_s - tick.from_s) * share) for share in shares.tolist()]
        accuracy_m = round(self._sigma_m * SIGMAS_68, 2)
        rows = zip(tick.buses.tolist(), east.tolist(), north.tolist(), heading.round(1).tolist(), speeds, strict=True)
        for bus, easts, norths, headings, speed in rows:
            points: list[TrackPoint] = []
            for at, e, n, h in zip(times, easts, norths, headings, strict=True):
                lon, lat = self._lon_lat(e, n)
                points.append(
                    TrackPoint(
                        at=at,
                        lon=lon,
                        lat=lat,
                        accuracy_m=accuracy_m,
                        fix=Fix.GNSS,
                        speed_mps=speed,
                        heading_deg=h % 360,
                    )
                )
            yield self._message(bus, Track(points=tuple(points)), at_s=tick.to_s)

    def _detections(self, tick: Tick, told: Told, looked: Looked) -> Iterator[tuple[int, Sent]]:
        for number, stretch in enumerate(told.stretch.tolist()):
            detection = self._detection(told, number, QUALITIES[int(looked.quality[stretch])])
            yield self._message(int(tick.buses[stretch]), detection, at_s=float(told.at_s[number]))

    def _detection(self, told: Told, number: int, quality: Quality) -> Detection:
        at = self._at(float(told.at_s[number]))
        lon, lat = self._lon_lat(float(told.east_m[number]), float(told.north_m[number]))
        length_m, width_m = (round(float(each[number]), 2) or None for each in (told.length_m, told.width_m))
        side = max(4.0, float(told.side_px[number]))
        left, top = DRAWN_CAMERA.width_px / 2 - side / 2, DRAWN_CAMERA.height_px * 0.6
        right, bottom = min(left + side, DRAWN_CAMERA.width_px), min(top + side, DRAWN_CAMERA.height_px)
        view_s = (VISIBLE_FROM_M - NEAR_M) / max(float(told.speed_mps[number]), 1.0)
        return Detection(
            class_code=CLASS_CODES[int(told.classes[number])],
            confidence=round(float(told.confidence[number]), 3),
            observed_at=at,
            first_seen_at=at - timedelta(seconds=view_s),
            last_seen_at=at,
            lon=lon,
            lat=lat,
            along_m=round(math.hypot(self._sigma_m, OWN_ALONG_M), 2),
            across_m=round(math.hypot(self._sigma_m, OWN_ACROSS_M), 2),
            heading_deg=round(float(told.heading_deg[number]), 1) % 360,
            frames=max(1, round(view_s * FRAMES_PER_S)),
            box_xyxy_px=(round(max(left, 0.0), 1), round(top, 1), round(right, 1), round(bottom, 1)),
            frame_width_px=DRAWN_CAMERA.width_px,
            frame_height_px=DRAWN_CAMERA.height_px,
            camera_id="front",
            model=self._county.errors.model,
            distance_m=DISTANCE_M,
            length_m=length_m,
            width_m=width_m,
            area_m2=round(length_m * width_m, 2) if length_m and width_m else None,
            quality=quality,
        )

    def _coverages(self, tick: Tick, looked: Looked) -> Iterator[tuple[int, Sent]]:
        """Stretches that are long enough, or that end with their line."""
        buses, driven = tick.buses, tick.driven
        is_new = np.isnan(self._looked_from_m[buses]) | (self._looked_from_m[buses] > driven.from_m)
        fresh = buses[is_new]
        self._looked_from_m[fresh], self._looked_from_s[fresh] = driven.from_m[is_new], tick.from_s
        self._usable_m[fresh] = 0.0
        self._usable_m[buses, looked.quality] += looked.usable * (driven.to_m - driven.from_m)
        done_m = driven.to_m - self._looked_from_m[buses]
        for place in np.flatnonzero((done_m >= STRETCH_M) | (tick.has_arrived & (done_m > 1))).tolist():
            bus = int(buses[place])
            yield self._message(bus, self._coverage(tick, place, bus), at_s=tick.to_s)
            self._looked_from_m[bus] = np.nan

    def _coverage(self, tick: Tick, place: int, bus: int) -> Coverage:
        driven = tick.driven
        from_m, to_m = float(self._looked_from_m[bus]), float(driven.to_m[place])
        metres = np.linspace(from_m, to_m, 4)
        east, north, heading = self._county.eyes.ways.place(np.full(4, driven.lines[place]), metres)
        east, north = east + driven.error_east_m[place], north + driven.error_north_m[place]
        from_s = float(self._looked_from_s[bus])
        frames = max(1, round((tick.to_s - from_s) * FRAMES_PER_S))
        quality = QUALITIES[int(self._usable_m[bus].argmax())]
        usable = min(1.0, float(self._usable_m[bus].sum()) / (to_m - from_m))
        unusable = round(frames * (1 - usable))
        return Coverage(
            from_at=self._at(from_s),
            to_at=self._at(tick.to_s),
            line=tuple(self._lon_lat(e, n) for e, n in zip(east.tolist(), north.tolist(), strict=True)),
            heading_deg=round(float(heading[0]), 1) % 360,
            accuracy_m=round(self._sigma_m, 2),
            frames=frames,
            usable_share=round(usable, 3),
            unusable={_WHY[quality]: unusable} if unusable else {},
            near_m=NEAR_M,
            far_m=VISIBLE_FROM_M,
            left_m=LEFT_M,
            right_m=RIGHT_M,
            camera_id="front",
            model=self._county.errors.model,
            quality=quality,
        )

    def _healths(self, tick: Tick) -> Iterator[tuple[int, Sent]]:
        health = Health(
            software="simulated",
            models=(self._county.errors.model,),
            outbox_depth=0,
            outbox_bytes=4096,
            outbox_oldest_s=0.0,
            given_up=(),
            frames_per_s=FRAMES_PER_S,
            frames_dropped=0,
            pictures_waiting=0,
            camera=CameraState.WORKING,
            clock=ClockSource.GNSS,
        )
        for bus in tick.buses[tick.buses % HEALTH_EVERY_TICKS == self._ticks % HEALTH_EVERY_TICKS].tolist():
            yield self._message(bus, health, at_s=tick.to_s)

    def _through_the_network(self, made: list[tuple[int, Sent]], *, at_s: float) -> list[Sent]:
        """A bus without a network keeps what it has to say; later it says it all, oldest first."""
        every = np.arange(len(self.devices))
        offline = self.traffic.faults.has("offline", every, at_s=at_s)
        now = self._at(at_s)
        late = [Sent(at=now, topic=sent.topic, payload=sent.payload) for bus, sent in self._held if not offline[bus]]
        self._held = [(bus, sent) for bus, sent in [*self._held, *made] if offline[bus]]
        return [*late, *sorted((sent for bus, sent in made if not offline[bus]), key=lambda each: each.at)]
