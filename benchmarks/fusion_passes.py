"""Simulated passes by known damage: what each bus reports and where it looked, as the measured detector would."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Final

import numpy as np

from cloud.findings.model import Observation
from cloud.findings.visibility import Stretch
from edge_agent.scenarios.road_damage.evidence import Evidence, Odds
from edge_agent.scenarios.road_damage.known_errors import known_errors
from edge_agent.vision.ground import CameraModel
from simulator.drawn import DrawnDefect, box_of
from simulator.error_model import CORRELATION
from simulator.frames import DRAWN_CAMERA
from simulator.gnss import SIGMAS_68
from simulator.plane import Plane, Spot, ahead
from simulator.route import CRUISE_MPS, Line
from simulator.truth import Defect, Truth
from wire.envelope import make_id
from wire.error_model import ErrorModel, Quality
from wire.looks import TOLD_FROM, Array, FalseThings, false_things

BEGIN: Final = datetime(2026, 5, 4, 6, 0, tzinfo=UTC)
FRAME_EVERY_M: Final = CRUISE_MPS / 5  # five pictures a second
FAR_M, NEAR_M = 18.0, 4.0
STRETCH_M: Final = 100.0
FRAMES: Final = 9  # of a thing in one pass
OWN_ALONG_M, OWN_ACROSS_M = 0.8, 0.3  # of the place on the road that a camera gives
DISTANCE_M: Final = 6.0  # of the best picture
SIMULATED: Final = 2000  # passes by what is no damage, drawn from again and again
CITY: Final = "bench"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """A receiver between houses: a slow wander, and reflections that shift it for seconds without its knowing."""

    wander_m: float  # sigma of each axis
    wander_s: float = 60.0
    jitter_m: float = 0.4
    jumps_per_km: float = 1.0
    jump_m: tuple[float, float] = (6.0, 15.0)
    jump_s: tuple[float, float] = (4.0, 12.0)

    @property
    def sigma_m(self) -> float:
        """Of each axis, as the receiver tells it."""
        return math.hypot(self.wander_m, self.jitter_m)


STREET: Final = Receiver(wander_m=5.0 / SIGMAS_68)  # 68 % within 5 m
CANYON: Final = Receiver(wander_m=5.0, jumps_per_km=2.0)  # sigma 5 m on each axis: 68 % within 7.5 m


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What one bus sends of one way along its line."""

    observations: tuple[Observation, ...]
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, kw_only=True)
class Detector:
    """How often the detector is right and wrong, and what of that the tracker passes on."""

    errors: ErrorModel
    camera: CameraModel = DRAWN_CAMERA
    quality: Quality = "good"  # of its pictures
    is_told: bool = True  # whether tracker and cloud know the quality; else they take it for good

    @property
    def known_quality(self) -> Quality:
        """As tracker and cloud take it."""
        return self.quality if self.is_told else "good"

    @cached_property
    def odds(self) -> Odds:
        """As the tracker reads them from the same file."""
        return known_errors(self.errors, input_scale=1.0).odds

    def hit_rates(self, defect: DrawnDefect, *, quality: Quality = "good") -> list[float]:
        """Chance of being found in each picture of one pass, far to near."""
        distances = np.arange(FAR_M, NEAR_M, -FRAME_EVERY_M)
        return [self._hit_rate(defect, float(distance), quality) for distance in distances]

    def side_px(self, defect: DrawnDefect, forward_m: float) -> float | None:
        """Root of the area of its box at a distance."""
        box = self._box(defect, forward_m)
        return None if box is None else math.sqrt((box[2] - box[0]) * (box[3] - box[1]))

    def _hit_rate(self, defect: DrawnDefect, forward_m: float, quality: Quality) -> float:
        box = self._box(defect, forward_m)
        if box is None:
            return 0.0
        width_px, height_px = box[2] - box[0], box[3] - box[1]
        return self.errors.hit_rate(defect.class_code, width_px=width_px, height_px=height_px, quality=quality)

    def _box(self, defect: DrawnDefect, forward_m: float) -> tuple[float, float, float, float] | None:
        moved = DrawnDefect(
            class_code=defect.class_code,
            forward_m=forward_m + defect.length_m / 2,
            right_m=defect.right_m,
            length_m=defect.length_m,
            width_m=defect.width_m,
            seed=defect.seed,
        )
        shown = box_of(self.camera, moved)
        return None if shown is None else tuple(float(edge) for edge in shown.box_xyxy_px)  # pyright: ignore[reportReturnType]

    def confidence_of_hits(self, defect: DrawnDefect, *, rng: np.random.Generator) -> float | None:
        """What the tracker tells of real damage, if it tells it at all."""
        rates, known = (self.hit_rates(defect, quality=each) for each in (self.quality, self.known_quality))
        common, follows = rng.random(), math.sqrt(CORRELATION)
        hits = [(common if rng.random() < follows else rng.random()) < rate for rate in rates]
        beta = self.errors.confidence[defect.class_code].hit
        return _told(hits, known, class_code=defect.class_code, odds=self.odds, beta=beta, rng=rng)

    def false_things(self, class_code: str, *, alarms: float, rng: np.random.Generator) -> Iterator[float]:
        """What the tracker tells of so many false alarms of single pictures, on average."""
        known = self.errors.confidence[class_code]
        for things, rates in self._false_things[class_code]:
            for number in rng.integers(len(rates), size=rng.poisson(alarms * things.of_an_alarm)):
                hits, as_large = things.hits[number].tolist(), rates[number].tolist()
                told = _told(hits, as_large, class_code=class_code, odds=self.odds, beta=known.false_alarm, rng=rng)
                if told is not None:
                    yield told

    @cached_property
    def _false_things(self) -> dict[str, list[tuple[FalseThings, Array]]]:
        """By class: passes by what is no damage, and how often damage as large is found in each of their pictures."""
        chance = np.random.default_rng(0)
        simulated = dict[str, list[tuple[FalseThings, Array]]]()
        for class_code in self.errors.classes:
            rates = np.repeat(chance.choice(self._rates_as_large(class_code), (SIMULATED, 1)), FRAMES, axis=1)
            simulated[class_code] = [(things, rates) for things in false_things(rates, chance)]
        return simulated

    def _rates_as_large(self, class_code: str) -> tuple[float, ...]:
        """How often damage as large as the false alarms is found, as the tracker takes it."""
        sides, quality = self.errors.false_alarm_middles_px(class_code), self.known_quality
        return tuple(self.errors.hit_rate(class_code, width_px=side, height_px=side, quality=quality) for side in sides)


def _told(
    hits: list[bool],
    rates: list[float],
    *,
    class_code: str,
    odds: Odds,
    beta: tuple[float, float],
    rng: np.random.Generator,
) -> float | None:
    """Confidence of the observation by the tracker's own sums; none when the track is not confirmed."""
    evidence = Evidence(odds=odds, class_code=class_code)
    for is_hit, rate in zip(hits, rates, strict=True):
        if is_hit:
            evidence.see(float(rng.beta(*beta)), class_code=class_code, rate=rate)
        elif evidence.looks:
            evidence.miss(rate=rate)
        else:
            evidence.lack(rate=rate)
    if not evidence.looks or evidence.probability < TOLD_FROM:
        return None
    return evidence.probability


class Drive:
    """One way of one bus along a line."""

    def __init__(
        self, line: Line, *, device: str, at: datetime, plane: Plane, receiver: Receiver, rng: np.random.Generator
    ) -> None:
        self._line, self._device, self._at, self._plane = line, device, at, plane
        self._receiver, self._rng = receiver, rng
        self._errors = self._walk()

    def report(self, truth: Truth, detector: Detector) -> Reported:
        """Tell what it saw and where it looked."""
        seen = [*self._real(truth, detector), *self._invented(detector)]
        return Reported(observations=tuple(seen), stretches=tuple(self._stretches(detector)))

    def _walk(self) -> np.ndarray:
        """Error of position at each metre of the way."""
        count = int(self._line.length_m) + 2
        keep = math.exp(-1 / CRUISE_MPS / self._receiver.wander_s)
        fresh = self._rng.normal(0, self._receiver.wander_m * math.sqrt(1 - keep**2), (count, 2))
        errors = np.empty((count, 2))
        errors[0] = self._rng.normal(0, self._receiver.wander_m, 2)
        for step in range(1, count):
            errors[step] = keep * errors[step - 1] + fresh[step]
        for start in np.flatnonzero(self._rng.random(count) < self._receiver.jumps_per_km / 1000):
            length = int(self._rng.uniform(*self._receiver.jump_s) * CRUISE_MPS)
            angle, far = self._rng.uniform(0, 2 * math.pi), self._rng.uniform(*self._receiver.jump_m)
            errors[start : start + length] += far * np.array([math.cos(angle), math.sin(angle)])
        return errors

    def _real(self, truth: Truth, detector: Detector) -> Iterator[Observation]:
        for defect in truth.on_line(self._line.id):
            confidence = detector.confidence_of_hits(drawn_of(defect), rng=self._rng)
            if confidence is not None:
                yield self._observation(
                    detector,
                    class_code=defect.class_code,
                    confidence=confidence,
                    along_m=defect.along_m,
                    right_m=defect.right_m,
                    length_m=defect.length_m,
                    width_m=defect.width_m,
                    side_px=detector.side_px(drawn_of(defect), DISTANCE_M),
                )

    def _invented(self, detector: Detector) -> Iterator[Observation]:
        """False alarms, at places that no other pass shares."""
        for class_code in detector.errors.classes:
            rate = detector.errors.false_alarms_per_picture(class_code, quality=detector.quality)
            alarms = rate * self._line.length_m / FRAME_EVERY_M
            for confidence in detector.false_things(class_code, alarms=alarms, rng=self._rng):
                yield self._observation(
                    detector,
                    class_code=class_code,
                    confidence=confidence,
                    along_m=float(self._rng.uniform(0, self._line.length_m)),
                    right_m=float(self._rng.uniform(-1.5, 1.5)),
                    length_m=None,
                    width_m=None,
                )

    def _observation(
        self,
        detector: Detector,
        *,
        class_code: str,
        confidence: float,
        along_m: float,
        right_m: float,
        length_m: float | None,
        width_m: float | None,
        side_px: float | None = None,
    ) -> Observation:
        spot, heading = self._line.place(along_m)
        own = self._rng.normal(0, (OWN_ALONG_M, OWN_ACROSS_M))
        place = ahead(spot, heading=heading, forward_m=float(own[0]), right_m=right_m + float(own[1]))
        lon, lat = self._lon_lat(place, along_m)
        at = self._at + timedelta(seconds=along_m / CRUISE_MPS)
        return Observation(
            id=make_id(at),
            id_at=at,
            city=CITY,
            device=self._device,
            at=at,
            from_at=at - timedelta(seconds=2),
            to_at=at,
            class_code=class_code,
            confidence=confidence,
            lon=lon,
            lat=lat,
            along_m=math.hypot(self._receiver.sigma_m, OWN_ALONG_M),
            across_m=math.hypot(self._receiver.sigma_m, OWN_ACROSS_M),
            heading_deg=heading,
            length_m=length_m,
            width_m=width_m,
            model_name=detector.errors.model.name,
            model_version=detector.errors.model.version,
            quality=detector.known_quality,
            box_side_px=side_px,
            distance_m=DISTANCE_M,
        )

    def _stretches(self, detector: Detector) -> Iterator[Stretch]:
        model = detector.errors.model
        for begin_m in np.arange(0, self._line.length_m, STRETCH_M):
            ways = np.arange(begin_m, min(begin_m + STRETCH_M, self._line.length_m) + 0.1, 10.0)
            if len(ways) < 2:  # noqa: PLR2004 - a line has two ends
                continue
            at = self._at + timedelta(seconds=float(ways[0]) / CRUISE_MPS)
            yield Stretch(
                id=make_id(at),
                id_at=at,
                city=CITY,
                device=self._device,
                from_at=at,
                to_at=self._at + timedelta(seconds=float(ways[-1]) / CRUISE_MPS),
                line=[self._lon_lat(self._line.place(float(way))[0], float(way)) for way in ways],
                heading_deg=self._line.place(float(ways[0]))[1],
                accuracy_m=self._receiver.sigma_m,
                usable_share=float(self._rng.uniform(0.9, 1.0)),
                near_m=NEAR_M,
                far_m=FAR_M,
                left_m=5.0,
                right_m=4.0,
                model_name=model.name,
                model_version=model.version,
                quality=detector.known_quality,
            )

    def _lon_lat(self, spot: Spot, along_m: float) -> tuple[float, float]:
        east_m, north_m = self._errors[int(along_m)] + self._rng.normal(0, self._receiver.jitter_m, 2)
        lon, lat = self._plane.lon_lat(Spot(spot.east_m + float(east_m), spot.north_m + float(north_m)))
        return float(lon), float(lat)


def drawn_of(defect: Defect) -> DrawnDefect:
    """Damage as a camera shows it."""
    return DrawnDefect(
        class_code=defect.class_code,
        forward_m=0.0,
        right_m=defect.right_m,
        length_m=defect.length_m,
        width_m=defect.width_m,
        seed=defect.seed,
    )
