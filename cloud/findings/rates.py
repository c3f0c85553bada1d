"""How often one pass reports damage that is there, and damage that is not: from the model's measured error per picture.

A pass is many pictures of one thing, and their mistakes hang together: a faint crack in bad light is faint in all of
them. Each picture follows the luck of the pass with probability sqrt(r) and its own otherwise, so that two pictures are
correlated by r. Of a thing that grows in the picture from `FAR_M` to `NEAR_M`, with rate p_i in picture i, a pass hits
nothing with probability  integral over u in 0..1 of product over i of (sqrt(r) [u >= p_i] + (1 - sqrt(r)) (1 - p_i)),
and likewise for one hit. The tracker reports two hits, and most lone ones.

False alarms: `REPORTED_PER_M` of the boxes that a picture holds without reason come through the tracker per metre of
road (`python -m benchmarks.fusion` measures it with the tracker's own sums). At one place they count as far as a
sighting there would be taken for this finding.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Final

from cloud.findings.catalogue import Catalogue, DamageClass
from cloud.findings.model import Look, Observation
from wire.error_model import ErrorModel

FAR_M, NEAR_M = 18.0, 4.0
PICTURES: Final = 8  # of a thing in one pass: five a second at a bus's pace
CORRELATION: Final = 0.25  # of the mistakes of two pictures of one pass; the tracker on the bus assumes the same
LONE_HIT_TOLD: Final = 0.8  # share of passes with a single hit that the tracker on the bus reports all the same
REPORTED_PER_M: Final = 0.075
USUAL_SIDE_PX, USUAL_DISTANCE_M = 64.0, 8.0  # of a box, where an observation does not tell its own
USUAL_CONFIDENCE: Final = 0.73  # of an observation: halfway between the mean log odds of right and of wrong ones
_SHRINK: Final = (
    1.5  # a thing on the road is 1/d wide and 1/d^2 high in the picture: the root of its area goes as d^-1.5
)
_LEAST, _MOST = 0.001, 0.98
_MAX_PLACE_M: Final = 40.0

ModelKey = tuple[str, str]  # name, version


@dataclass(frozen=True, slots=True, kw_only=True)
class PassRates:
    """Of one class, for one pass by one place."""

    hit: float
    false_alarm: float
    usual_confidence: float
    is_measured: bool  # by the model's error model; else what the county's catalogue assumes


@dataclass(frozen=True, slots=True, kw_only=True)
class RateBook:
    """Error models by name and version; without one for a model the catalogue's assumptions count."""

    models: Mapping[ModelKey, ErrorModel] = field(default_factory=dict[ModelKey, ErrorModel])

    def rates(
        self, catalogue: Catalogue, class_code: str, of: Observation | Look, *, reach_m: float, size: float
    ) -> PassRates:
        """Rates of a pass.

        Args:
            catalogue: of the county.
            class_code: of the finding.
            of: what the pass said; it names its model.
            reach_m: length of road on which a sighting would be taken for this finding.
            size: side of its box in pixels times distance to the power of 1.5, as sightings showed it.
        """
        model = self.models.get((of.model_name or "", of.model_version or ""))
        if model is None or class_code not in model.classes:
            return _assumed(catalogue.classes[class_code])
        said = of.class_code if isinstance(of, Observation) and of.class_code in model.classes else class_code
        false_alarm = _false_alarms(model, said) * REPORTED_PER_M * min(reach_m, _MAX_PLACE_M)
        hit = hit_rate_of_pass(_rates_on_the_way(model, class_code, round(size))) * catalogue.confusion(
            class_code, said
        )
        return PassRates(
            hit=min(max(hit, 2 * _LEAST), _MOST),
            false_alarm=min(max(false_alarm, _LEAST), 0.9 * max(hit, 2 * _LEAST)),
            usual_confidence=USUAL_CONFIDENCE,
            is_measured=True,
        )


ASSUMED: Final = RateBook()


def hit_rate_of_pass(rates: Sequence[float], *, correlation: float = CORRELATION) -> float:
    """Chance that a pass reports a thing that is there; `rates` are those of its pictures.

    Two hits make an observation, a lone one does in `LONE_HIT_TOLD` of the passes.
    """
    follows = math.sqrt(correlation)
    edges = sorted({0.0, 1.0, *rates})
    none = one = 0.0
    for low, high in pairwise(edges):
        chances = [follows * (low < rate) + (1 - follows) * rate for rate in rates]
        misses, lone = _none_and_one(chances)
        none += (high - low) * misses
        one += (high - low) * lone
    return 1 - none - (1 - LONE_HIT_TOLD) * one


def _none_and_one(chances: Sequence[float]) -> tuple[float, float]:
    """Chances that none and that exactly one of independent events happens."""
    none, one = 1.0, 0.0
    for chance in chances:
        none, one = none * (1 - chance), one * (1 - chance) + none * chance
    return none, one


def size_of(observations: Iterable[Observation]) -> float:
    """Median of how large a thing is in the picture, by `_SHRINK` at one metre."""
    sizes = sorted(
        item.box_side_px * item.distance_m**_SHRINK
        for item in observations
        if item.box_side_px is not None and item.distance_m is not None
    )
    return sizes[len(sizes) // 2] if sizes else USUAL_SIDE_PX * USUAL_DISTANCE_M**_SHRINK


def _assumed(entry: DamageClass) -> PassRates:
    return PassRates(
        hit=entry.hit_rate,
        false_alarm=entry.false_alarm_rate,
        usual_confidence=entry.usual_confidence,
        is_measured=False,
    )


def _rates_on_the_way(model: ErrorModel, class_code: str, size: float) -> tuple[float, ...]:
    return _rates_of_sizes(_by_size(model, class_code), tuple(model.size_edges_px[1:-1]), size)


def _false_alarms(model: ErrorModel, class_code: str) -> float:
    """Per picture, between the measured rate and the upper end of its interval: few pictures, less weight."""
    rows = [row for row in model.false_alarms if row.class_code == class_code and row.quality == "good"]
    return max((row.per_picture + row.high) / 2 for row in rows)


def _by_size(model: ErrorModel, class_code: str) -> tuple[float, ...]:
    rows = [row for row in model.hit if row.class_code == class_code and row.quality == "good"]
    return tuple(row.rate for row in sorted(rows, key=lambda row: row.size))


@lru_cache(maxsize=4096)
def _rates_of_sizes(rates: tuple[float, ...], edges_px: tuple[float, ...], size: float) -> tuple[float, ...]:
    step_m = (FAR_M - NEAR_M) / (PICTURES - 1)
    sides = [size / (FAR_M - number * step_m) ** _SHRINK for number in range(PICTURES)]
    return tuple(rates[sum(side >= edge for edge in edges_px)] for side in sides)
