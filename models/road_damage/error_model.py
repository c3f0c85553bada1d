"""What fusion and simulator must know about the detector, counted from its boxes: see `wire.error_model`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from edge_agent.vision.detections import overlaps
from models.road_damage.drawn_set import CLASSES
from models.road_damage.sample import Sample
from models.road_damage.score import SIZE_EDGES_PX, Outcome, sides_of, sizes_of
from wire.error_model import FORMAT, TENTHS, Beta, Confidence, ErrorModel, FalseAlarms, Hit, MeasuredOn, Quality
from wire.messages import ModelVersion

FOUND_IOU = 0.3  # enough to lead to the right place on the road
STRAY_IOU = 0.1  # a box that overlaps no damage more than this invents something
WEIGHT = 10.0  # how many sightings the mean of a class counts where few were seen
ROUNDS = 300
NOTE = (
    f"Hit: IoU {FOUND_IOU} or more with damage of its class; false alarm: {STRAY_IOU} or less with any. Other "
    "qualities than good: its rates times what altering the same photos leaves of hits and false alarms. Counted are "
    "photos that the gate calls so, seeing one frame (wet, glare: good); too few: those it lets through (usable), or "
    "all. Intervals resample scenes."
)
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sums:
    """Counts by scene."""

    found: Floats  # (scenes, sizes, classes)
    shown: Floats  # (scenes, sizes, classes)
    strays: Floats  # (scenes, classes)
    pictures: Floats  # (scenes, classes), those in which the class was labelled

    def of_scenes(self, places: NDArray[np.int64]) -> "Sums":
        return Sums(
            found=self.found[places],
            shown=self.shown[places],
            strays=self.strays[places],
            pictures=self.pictures[places],
        )

    def hit_rates(self) -> Floats:
        """(sizes, classes), drawn to the mean of the class where few were shown, that to the mean of all."""
        found, shown = self.found.sum(axis=0), self.shown.sum(axis=0)
        return _by_class(found, shown, found.sum() / max(shown.sum(), 1.0))

    def alarm_rates(self) -> Floats:
        """Per picture (classes,)."""
        strays, pictures = self.strays.sum(axis=0), self.pictures.sum(axis=0)
        return _shrunk(strays, pictures, strays.sum() / max(pictures.sum(), 1.0))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Compared:
    """A quality's pictures beside the same pictures as they were, and all good ones; scenes have the same places."""

    good: Sums
    altered: Sums
    unaltered: Sums

    def drawn(self, rng: np.random.Generator) -> "Compared":
        """As many scenes, drawn with replacement."""
        scenes = len(self.good.found)
        places = rng.integers(0, scenes, scenes)
        good, altered, unaltered = (one.of_scenes(places) for one in (self.good, self.altered, self.unaltered))
        return Compared(good=good, altered=altered, unaltered=unaltered)

    def hit_rates(self) -> Floats:
        """Those of good pictures (sizes, classes) times what is left of the hits; without hits all is left."""
        left, before = self.altered.found.sum(axis=0), self.unaltered.found.sum(axis=0)
        return np.minimum(self.good.hit_rates() * _by_class(left, before, _shrunk(left.sum(), before.sum(), 1.0)), 1.0)

    def alarm_rates(self) -> Floats:
        """The same of false alarms per picture (classes,)."""
        left, before = self.altered.strays.sum(axis=0), self.unaltered.strays.sum(axis=0)
        return self.good.alarm_rates() * _shrunk(left, before, _shrunk(left.sum(), before.sum(), 1.0))


def error_model(
    samples: Mapping[Quality, Sample], *, model: ModelVersion, threshold: float, input_px: float
) -> ErrorModel:
    """Count the outcomes of each quality, judged at FOUND_IOU; pictures without damage may be among them."""
    rng = np.random.default_rng(1)
    good = samples["good"].outcomes
    scenes = places_of([outcome for sample in samples.values() for outcome in sample.outcomes])
    good_sums = sums_of(good, scenes=scenes, input_px=input_px)
    hits: list[Hit] = []
    alarms: list[FalseAlarms] = []
    for quality, sample in samples.items():
        compared = Compared(
            good=good_sums,
            altered=sums_of(sample.outcomes, scenes=scenes, input_px=input_px),
            unaltered=sums_of(sample.unaltered, scenes=scenes, input_px=input_px),
        )
        draws = [compared.drawn(rng) for _ in range(ROUNDS)]
        hits += _hits(quality, compared, draws)
        alarms += _false_alarms(quality, compared, draws)
    return ErrorModel(
        format=FORMAT,
        model=model,
        threshold=threshold,
        measured_on=MeasuredOn(pictures=len(good), scenes=len(places_of(good)), note=note_of(samples)),
        size_edges_px=tuple(float(edge) for edge in SIZE_EDGES_PX),
        hit=tuple(hits),
        false_alarms=tuple(alarms),
        confidence=_confidences(good),
        box_sigma_share=_box_sigmas(good),
        false_alarm_sides_px=false_alarm_sides(good, input_px=input_px),
    )


def note_of(samples: Mapping[Quality, Sample]) -> str:
    return f"{NOTE} Pictures: {', '.join(f'{quality} {sample.words}' for quality, sample in samples.items())}."


def false_alarm_sides(outcomes: Sequence[Outcome], *, input_px: float) -> dict[str, tuple[float, ...]]:
    """Tenths of the root of the area of false alarms by class, drawn to those of all where there are few."""
    sides = np.concatenate(
        [sides_of(one.boxes[is_stray(one)], one.truth, input_px=input_px) for one in outcomes]
    ).astype(np.float64)
    labels = np.concatenate([one.labels[is_stray(one)] for one in outcomes])
    if not len(sides):
        return {}
    order = np.argsort(sides)
    return {
        code: _tenths(sides[order], (labels[order] == index) + WEIGHT / len(sides))
        for index, code in enumerate(CLASSES)
    }


def _tenths(ordered: Floats, weights: Floats) -> tuple[float, ...]:
    ranks = (np.cumsum(weights) - weights / 2) / weights.sum()
    return tuple(round(float(side), 1) for side in np.interp(np.linspace(0, 1, TENTHS), ranks, ordered))


def places_of(outcomes: Sequence[Outcome]) -> dict[tuple[str, str], int]:
    """A row for each scene."""
    return {scene: place for place, scene in enumerate(dict.fromkeys(outcome.scene for outcome in outcomes))}


def sums_of(outcomes: Sequence[Outcome], *, scenes: Mapping[tuple[str, str], int], input_px: float) -> Sums:
    shape = len(scenes), len(SIZE_EDGES_PX) - 1, len(CLASSES)
    found, shown = np.zeros(shape), np.zeros(shape)
    strays, pictures = np.zeros((len(scenes), len(CLASSES))), np.zeros((len(scenes), len(CLASSES)))
    for outcome in outcomes:
        scene = scenes[outcome.scene]
        sizes = sizes_of(outcome.truth.boxes, outcome.truth, input_px=input_px)
        is_found = np.isin(np.arange(len(sizes)), outcome.match)
        np.add.at(shown[scene], (sizes, outcome.truth.labels), 1)
        np.add.at(found[scene], (sizes[is_found], outcome.truth.labels[is_found]), 1)
        np.add.at(strays[scene], outcome.labels[is_stray(outcome)], 1)
        pictures[scene] += outcome.truth.is_labelled
    return Sums(found=found, shown=shown, strays=strays, pictures=pictures)


def is_stray(outcome: Outcome) -> NDArray[np.bool_]:
    """Boxes (n,) that lie on no damage at all; a badly placed box is neither a hit nor a false alarm."""
    overlap, _ = overlaps(outcome.boxes, outcome.truth.boxes)
    return ~outcome.is_hit & (overlap.max(axis=1, initial=0.0) <= STRAY_IOU)


def beta_of(values: Floats, *, mean: float, variance: float) -> Beta:
    """Beta distribution by moments, drawn to a given mean and variance where there are few values."""
    share = len(values) / (len(values) + WEIGHT)
    own_mean = float(values.mean()) if len(values) else mean
    own_variance = float(values.var()) if len(values) > 1 else variance
    m = min(max(share * own_mean + (1 - share) * mean, 0.01), 0.99)
    v = min(max(share * own_variance + (1 - share) * variance, 1e-4), 0.9 * m * (1 - m))
    size = m * (1 - m) / v - 1
    return round(m * size, 3), round((1 - m) * size, 3)


def _by_class(events: Floats, of: Floats, mean: Floats | float) -> Floats:
    """Ratios (sizes, classes), drawn to that of the class, that to a mean of all."""
    return _shrunk(events, of, _shrunk(events.sum(axis=0), of.sum(axis=0), mean))


def _shrunk(events: Floats, of: Floats, mean: Floats | float) -> Floats:
    return (events + WEIGHT * np.asarray(mean)) / (of + WEIGHT)


def _hits(quality: Quality, compared: Compared, draws: Sequence[Compared]) -> list[Hit]:
    rates = compared.hit_rates()
    low, high = np.percentile([draw.hit_rates() for draw in draws], [2.5, 97.5], axis=0)
    shown = compared.altered.shown.sum(axis=0)
    return [
        Hit.model_validate(
            {
                "class": code,
                "size": size,
                "quality": quality,
                "rate": _rounded(rates[size, index]),
                "low": _rounded(low[size, index]),
                "high": _rounded(high[size, index]),
                "of": int(shown[size, index]),
            }
        )
        for (index, code), size in product(enumerate(CLASSES), range(len(SIZE_EDGES_PX) - 1))
    ]


def _false_alarms(quality: Quality, compared: Compared, draws: Sequence[Compared]) -> list[FalseAlarms]:
    rates = compared.alarm_rates()
    low, high = np.percentile([draw.alarm_rates() for draw in draws], [2.5, 97.5], axis=0)
    pictures = compared.altered.pictures.sum(axis=0)
    return [
        FalseAlarms.model_validate(
            {
                "class": code,
                "quality": quality,
                "per_picture": _rounded(rates[index]),
                "low": _rounded(low[index]),
                "high": _rounded(high[index]),
                "pictures": int(pictures[index]),
            }
        )
        for index, code in enumerate(CLASSES)
    ]


def _confidences(outcomes: Sequence[Outcome]) -> dict[str, Confidence]:
    labels = np.concatenate([one.labels for one in outcomes])
    scores = np.concatenate([one.scores for one in outcomes]).astype(np.float64)
    is_hit = np.concatenate([one.is_hit for one in outcomes])
    is_false = np.concatenate([is_stray(one) for one in outcomes])
    return {
        code: Confidence.model_validate(
            {"hit": _beta(scores, is_hit, labels == index), "false": _beta(scores, is_false, labels == index)}
        )
        for index, code in enumerate(CLASSES)
    }


def _beta(scores: Floats, wanted: NDArray[np.bool_], is_of_class: NDArray[np.bool_]) -> Beta:
    everything = scores[wanted] if wanted.any() else np.array([0.5, 0.6])
    return beta_of(scores[wanted & is_of_class], mean=float(everything.mean()), variance=float(everything.var()))


def _box_sigmas(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Root of the mean square distance of an edge from the truth's, as a share of the side."""
    squares = np.concatenate([(_edge_errors(one) ** 2).mean(axis=1) for one in outcomes])
    labels = np.concatenate([one.labels[one.is_hit] for one in outcomes])
    overall = float(squares.mean()) if len(squares) else 0.01
    of_class = [squares[labels == index] for index in range(len(CLASSES))]
    sigmas = [np.sqrt((own.sum() + WEIGHT * overall) / (len(own) + WEIGHT)) for own in of_class]
    return {code: min(_rounded(sigma), 1.0) for code, sigma in zip(CLASSES, sigmas, strict=True)}


def _edge_errors(outcome: Outcome) -> Floats:
    """(hits, 4), x by the truth's width, y by its height."""
    truth = outcome.truth.boxes[outcome.match[outcome.is_hit]].astype(np.float64)
    sides = np.tile(np.maximum(truth[:, 2:] - truth[:, :2], 1.0), 2)
    return (outcome.boxes[outcome.is_hit] - truth) / sides


def _rounded(value: float | np.floating) -> float:
    return round(float(value), 4)
