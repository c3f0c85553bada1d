"""How often one pass reports damage that is there, and damage that is not: from the model's measured error per picture.

What a pass tells of a thing and how sure it is comes from `told`, by class, by the quality of its pictures and by how
large the thing is in them. False alarms are told per metre of road; at one place they count as far as a sighting there
would be taken for this finding.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from cloud.findings.catalogue import Catalogue, DamageClass
from cloud.findings.model import Look, Observation
from cloud.findings.told import FAR_M, NEAR_M, PICTURES, USUAL_FALSE_RATES, told_of_damage, told_of_nothing
from wire.error_model import ErrorModel
from wire.looks import logit

USUAL_SIDE_PX, USUAL_DISTANCE_M = 64.0, 8.0  # of a box, where an observation does not tell its own
USUAL_QUALITY: Final = "good"  # where a bus does not tell it
SMALLEST_SIDE_PX: Final = 8.0  # no detector finds less, and no labelled damage is smaller
_SHRINK: Final = (
    1.5  # a thing on the road is 1/d wide and 1/d^2 high in the picture: the root of its area goes as d^-1.5
)
_STEP: Final = 1.1  # of sizes that are told apart
_LEAST, _MOST = 0.001, 0.98
_MOST_SURE: Final = 4.0  # of a log ratio: no confidence alone says more
_MAX_PLACE_M: Final = 40.0

ModelKey = tuple[str, str]  # name, version


@dataclass(frozen=True, slots=True, kw_only=True)
class PassRates:
    """Of one class, for one pass by one place."""

    hit: float
    false_alarm: float
    surer: float  # log of how much more usual its confidence is of damage than of nothing; 0 for a look
    is_measured: bool  # by the model's error model; else what the county's catalogue assumes

    @property
    def log_ratio_seen(self) -> float:
        """Logarithm of how much more likely this sighting is if the damage exists.

        If it does, a pass tells it, or misses it and takes something near for it; if not, only the latter. The surer
        it is, the more it counts; no sighting counts against.
        """
        return max(0.0, math.log(1 - self.hit + self.hit / self.false_alarm * math.exp(self.surer)))

    def log_ratio_missed(self, share: float = 1.0) -> float:
        """The same of a pass that saw nothing, though it looked so far."""
        return math.log(1 - self.hit * share)


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
            return _assumed(catalogue.classes[class_code], of)
        said = of.class_code if isinstance(of, Observation) and of.class_code in model.classes else class_code
        quality = of.quality or USUAL_QUALITY
        on_the_way = _rates_on_the_way(model, class_code, size, quality=quality)
        damage = told_of_damage(on_the_way, model.confidence[class_code])
        false_alarms = _false_alarms(model, said, quality=quality)
        nothing = told_of_nothing(false_alarms, model.confidence[said], _rates_as_large(model, said, quality=quality))
        surer = 0.0
        if isinstance(of, Observation):
            surer = math.log(damage.density(of.confidence) / nothing.density(of.confidence))
        return PassRates(
            hit=min(max(damage.often * catalogue.confusion(class_code, said), _LEAST), _MOST),
            false_alarm=min(max(nothing.often * min(reach_m, _MAX_PLACE_M), _LEAST), _MOST),
            surer=min(max(surer, -_MOST_SURE), _MOST_SURE),
            is_measured=True,
        )


ASSUMED: Final = RateBook()


def size_of(observations: Iterable[Observation]) -> float:
    """Median of how large a thing is in the picture, by `_SHRINK` at one metre."""
    sizes = sorted(
        item.box_side_px * item.distance_m**_SHRINK
        for item in observations
        if item.box_side_px is not None and item.distance_m is not None
    )
    return sizes[len(sizes) // 2] if sizes else USUAL_SIDE_PX * USUAL_DISTANCE_M**_SHRINK


def assumed_surer(confidence: float, entry: DamageClass) -> float:
    """Log of how much more usual a confidence is of damage than of nothing, as the county's catalogue assumes it."""
    return logit(min(max(confidence, 1 - _MOST), _MOST)) - logit(entry.usual_confidence)


def _assumed(entry: DamageClass, of: Observation | Look) -> PassRates:
    surer = 0.0
    if isinstance(of, Observation):
        surer = assumed_surer(of.confidence, entry)
    return PassRates(hit=entry.hit_rate, false_alarm=entry.false_alarm_rate, surer=surer, is_measured=False)


def _rates_on_the_way(model: ErrorModel, class_code: str, size: float, *, quality: str) -> tuple[float, ...]:
    rounded = round(math.log(max(size, 1.0), _STEP))
    by_size = model.hit_rates_by_size(class_code, quality=quality)
    return _rates_of_sizes(by_size, tuple(model.size_edges_px[1:-1]), rounded)


def _false_alarms(model: ErrorModel, class_code: str, *, quality: str) -> float:
    """Per picture, between the measured rate and the upper end of its interval: few pictures, less weight.

    A quality that was not measured counts as the worst that was.
    """
    rows = [row for row in model.false_alarms if row.class_code == class_code]
    of_quality = [row for row in rows if row.quality == quality] or rows
    return max((row.per_picture + row.high) / 2 for row in of_quality)


def _rates_as_large(model: ErrorModel, class_code: str, *, quality: str) -> tuple[float, ...]:
    """How often damage as large as the false alarms of a class is found, of each tenth of them."""
    sides = model.false_alarm_middles_px(class_code)
    rates = (model.hit_rate(class_code, width_px=side, height_px=side, quality=quality) for side in sides)
    return tuple(rates) or USUAL_FALSE_RATES


@lru_cache(maxsize=4096)
def _rates_of_sizes(rates: tuple[float, ...], edges_px: Sequence[float], rounded: int) -> tuple[float, ...]:
    step_m = (FAR_M - NEAR_M) / PICTURES
    sides = [_STEP**rounded / (FAR_M - number * step_m) ** _SHRINK for number in range(PICTURES)]
    return tuple(rates[sum(side >= edge for edge in edges_px)] if side >= SMALLEST_SIDE_PX else 0.0 for side in sides)
