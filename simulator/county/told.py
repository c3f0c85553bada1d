"""What a bus tells of a thing that it passes, from tables: the detector's measured mistakes through the tracker's sums.

For each class, quality of the picture, size and speed, some hundred passes are simulated picture by picture, from 30 m
to 4 m before the bus. A pass is then two random numbers: is it told, and how sure.
"""

import itertools
import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_agent.vision.ground import CameraModel
from simulator.errors import SimulatorError
from simulator.truth import CLASS_CODES
from wire.error_model import TENTHS, ErrorModel, Quality
from wire.looks import STEPS, TOLD_FROM, chances, false_things, probabilities

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]  # (passes, pictures)
Indices = NDArray[np.int64]

FAR_M, NEAR_M = 30.0, 4.0
FRAMES_PER_S: Final = 5.0
SMALLEST_SIDE_PX: Final = 8.0  # no detector finds less
USUAL_SIDE_PX: Final = 64.0  # of false alarms, where nobody measured them
SPEEDS_MPS: Final = (3.0, 5.5, 9.0)
SIZE_STEP: Final = 1.35
SIZES_M: Final = tuple(0.1 * SIZE_STEP**step for step in range(13))  # roots of areas, 0.1 to 3.7 m
PASSES: Final = 400  # simulated for one cell of the table
CONFIDENCES: Final = 32  # kept of them
QUALITIES: Final[tuple[Quality, ...]] = ("good", "dark", "blurred", "wet", "glare")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Of some kind of thing: chance that a pass tells it, and how sure the tellings are, least first."""

    share: float
    confidences: Floats  # (CONFIDENCES,)


class ToldTables:
    """All that one model of detector tells on one kind of camera; classes are numbers of `CLASS_CODES`."""

    def __init__(self, errors: ErrorModel, *, camera: CameraModel) -> None:
        """Simulate passes by all kinds of things.

        Raises:
            SimulatorError: the model was not measured on each class.
        """
        self.errors, self._camera = errors, camera
        if lacking := [code for code in CLASS_CODES if code not in errors.classes]:
            raise SimulatorError(f"the error model of {errors.model.name} tells nothing of {', '.join(lacking)}")
        self._rng = np.random.default_rng(0)  # equal files make equal tables
        shape = len(CLASS_CODES), len(QUALITIES), len(SIZES_M), len(SPEEDS_MPS)
        self._share = np.zeros(shape)
        self._confidence = np.zeros((*shape, CONFIDENCES))
        for cell in itertools.product(*map(range, shape)):
            told = self._damage(CLASS_CODES[cell[0]], QUALITIES[cell[1]], SIZES_M[cell[2]], SPEEDS_MPS[cell[3]])
            self._share[cell], self._confidence[cell] = told.share, told.confidences
        self._invented_per_m = np.zeros((len(CLASS_CODES), len(QUALITIES)))
        self._invented_confidence = np.zeros((*self._invented_per_m.shape, CONFIDENCES))
        self._again_share = np.zeros(self._invented_per_m.shape)
        sides = [errors.false_alarm_middles_px(code) or (USUAL_SIDE_PX,) * (TENTHS - 1) for code in CLASS_CODES]
        self._false_sides_px = np.array(sides)
        for number, quality in itertools.product(range(len(CLASS_CODES)), range(len(QUALITIES))):
            self._note_nothing(number, quality)

    def damage(
        self, *, classes: Indices, qualities: Indices, sizes_m: Floats, speeds_mps: Floats, rng: np.random.Generator
    ) -> tuple[Bools, Floats]:
        """Of things passed: which are told, and how sure (0 where not). All arrays (n,)."""
        sizes = np.clip(
            np.rint(np.log(np.maximum(sizes_m, 1e-3) / SIZES_M[0]) / math.log(SIZE_STEP)), 0, len(SIZES_M) - 1
        )
        speeds = np.abs(speeds_mps[:, None] - np.array(SPEEDS_MPS)).argmin(axis=1)
        cells = classes, qualities, sizes.astype(np.int64), speeds
        is_told = rng.random(len(classes)) < self._share[cells]
        picked = rng.integers(CONFIDENCES, size=len(classes))
        return is_told, np.where(is_told, self._confidence[(*cells, picked)], 0.0)

    def lookalikes(self, *, classes: Indices, qualities: Indices, rng: np.random.Generator) -> tuple[Bools, Floats]:
        """Of things that are no damage and look like it again and again."""
        is_told = rng.random(len(classes)) < self._again_share[classes, qualities]
        return is_told, np.where(is_told, self._invented(classes, qualities, rng), 0.0)

    def invented(
        self, *, metres: Floats, qualities: Indices, rng: np.random.Generator
    ) -> tuple[Indices, Indices, Floats]:
        """Of stretches of road: number of the stretch, class and confidence of each thing told that is not there."""
        expected = self._invented_per_m[:, qualities] * metres
        counts = rng.poisson(expected)
        classes, stretches = np.nonzero(counts)
        repeats = counts[classes, stretches]
        classes, stretches = np.repeat(classes, repeats), np.repeat(stretches, repeats)
        return stretches, classes, self._invented(classes, qualities[stretches], rng)

    def sides_px(self, sizes_m: Floats, *, away_m: float) -> Floats:
        """Sides of the boxes of things so far away."""
        return np.array(self._side_px(1.0)) * sizes_m / away_m**1.5

    def false_sides_px(self, classes: Indices, *, rng: np.random.Generator) -> Floats:
        """Sides of the boxes of things that are not there, as they were measured."""
        return self._false_sides_px[classes, rng.integers(self._false_sides_px.shape[1], size=len(classes))]

    @property
    def invented_per_km(self) -> float:
        """By day, of all classes."""
        return float(self._invented_per_m[:, 0].sum() * 1000)

    def _invented(self, classes: Indices, qualities: Indices, rng: np.random.Generator) -> Floats:
        picked = rng.integers(CONFIDENCES, size=len(classes))
        return self._invented_confidence[classes, qualities, picked]

    def _damage(self, class_code: str, quality: Quality, size_m: float, speed_mps: float) -> Told:
        away_m = np.arange(FAR_M, NEAR_M, -speed_mps / FRAMES_PER_S)
        rates = rates_of(self.errors, class_code, quality, self._side_px(size_m) / away_m**1.5)
        shape = PASSES, len(away_m)
        hits = self._rng.random(shape) < chances(rates)[:, self._rng.integers(STEPS, size=PASSES)].T
        return self._told(hits, rates[None, :], class_code, is_damage=True)

    def _note_nothing(self, number: int, quality: int) -> None:
        """Boxes that flash up in one picture, and what fools the detector again."""
        class_code = CLASS_CODES[number]
        per_picture = self.errors.false_alarms_per_picture(class_code, quality=QUALITIES[quality])
        every_m = SPEEDS_MPS[-1] / FRAMES_PER_S
        pictures = round((FAR_M - NEAR_M) / every_m)
        as_large = self._rates_as_large(class_code, QUALITIES[quality])
        rates = np.broadcast_to(as_large[:, None], (PASSES * 4, pictures))
        kinds = false_things(rates, self._rng)
        told = [self._told(things.hits, rates, class_code, is_damage=False) for things in kinds]
        told_per_m = np.array(
            [per_picture / every_m * k.of_an_alarm * t.share for k, t in zip(kinds, told, strict=True)]
        )
        self._again_share[number, quality] = np.mean([each.share for each in told[1:]])
        self._invented_per_m[number, quality] = told_per_m.sum()
        edges = np.rint(CONFIDENCES * np.cumsum(told_per_m) / max(told_per_m.sum(), 1e-12))
        counts = np.diff([0, *edges[:-1], CONFIDENCES])
        mixed = [_spread(each.confidences, int(count)) for each, count in zip(told, counts, strict=True)]
        self._invented_confidence[number, quality] = np.concatenate(mixed)

    def _side_px(self, size_m: float) -> float:
        """Side of its box at one metre: a thing on the road is 1/d wide and 1/d^2 high in the picture."""
        return size_m * self._camera.focal_px * math.sqrt(self._camera.height_m)

    def _rates_as_large(self, class_code: str, quality: Quality) -> Floats:
        """How often damage as large as the false alarms is found, once for each simulated pass."""
        sides = self.errors.false_alarm_middles_px(class_code)
        rates = [self.errors.hit_rate(class_code, width_px=side, height_px=side, quality=quality) for side in sides]
        return self._rng.choice(rates or [0.6], PASSES * 4)

    def _told(self, hits: Bools, rates: Floats, class_code: str, *, is_damage: bool) -> Told:
        confidence = self.errors.confidence[class_code]
        sure = self._rng.beta(*(confidence.hit if is_damage else confidence.false_alarm), hits.shape)
        says = probabilities(hits, rates, sure, confidence)
        told = np.sort(says[says >= TOLD_FROM])
        return Told(share=len(told) / len(hits), confidences=_spread(told, CONFIDENCES))


def rates_of(errors: ErrorModel, class_code: str, quality: Quality, sides_px: Floats) -> Floats:
    """Chance of being found in a picture, of damage whose boxes have these sides.

    A quality that was not measured counts as the worst that was.
    """
    rates = np.array(errors.hit_rates_by_size(class_code, quality=quality))
    bins = np.searchsorted(errors.size_edges_px[1:-1], sides_px, side="right")
    return np.where(sides_px < SMALLEST_SIDE_PX, 0.0, rates[bins])


def _spread(values: Floats, count: int) -> Floats:
    """So many of them, evenly picked from least to most."""
    if not len(values):
        return np.full(count, TOLD_FROM)
    return values[np.linspace(0, len(values) - 1, count).round().astype(np.int64)]
