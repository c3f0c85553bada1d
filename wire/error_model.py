"""How often a detector is right and wrong, measured: `error_model.json`, read by fusion and by the simulator."""

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Final, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, ValidationError, model_validator

from wire.errors import ErrorModelError
from wire.messages import ModelVersion
from wire.units import ClassCode, Count, Pixel, Share, Text

FORMAT: Final = "busense.error-model.v1"
CERTAIN: Final = 0.01, 0.99  # no single picture is more certain than this
MOST_GAIN: Final = 3.0  # of a log likelihood ratio
_HALVINGS: Final = 40
TENTHS: Final = 11  # least, nine tenths between, largest

Quality = Literal["good", "dark", "blurred", "wet", "glare"]
"""Of a picture: `good`, or a word of the quality gate."""
Rate = Annotated[float, Field(ge=0, le=10_000, allow_inf_nan=False)]
Beta = tuple[PositiveFloat, PositiveFloat]


class _Part(BaseModel, frozen=True):
    model_config = ConfigDict(strict=True, extra="forbid")


class MeasuredOn(_Part, frozen=True):
    """The photos behind the rates."""

    pictures: Count
    scenes: Count
    note: Text = ""


class Hit(_Part, frozen=True):
    """Share of the damage of one class and size that is found in one picture, with its 95 % interval."""

    class_code: ClassCode = Field(alias="class")
    size: Annotated[int, Field(ge=0, le=63)]  # index of the bin between `size_edges_px`
    quality: Quality
    rate: Share
    low: Share
    high: Share
    of: Count  # how many pieces of damage the rate comes from


class FalseAlarms(_Part, frozen=True):
    """Boxes of one class in one picture that show no such damage, with the 95 % interval."""

    class_code: ClassCode = Field(alias="class")
    quality: Quality
    per_picture: Rate
    low: Rate
    high: Rate
    pictures: Count


class Confidence(_Part, frozen=True):
    """Beta(a, b) of the calibrated confidence of the boxes that were returned."""

    hit: Beta
    false_alarm: Beta = Field(alias="false")

    def gain(self, confidence: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Log of how much more usual a confidence is of damage than of nothing; none says more than twenty to one."""
        return np.clip(self._log_ratio(np.clip(confidence, *CERTAIN)), -MOST_GAIN, MOST_GAIN)

    @cached_property
    def neutral(self) -> float:
        """Confidence between the two means that says nothing; a calibrated one is the share of right boxes.

        Where false alarms are as sure as hits there is none, and it is half.
        """
        low, high = (a / (a + b) for a, b in (self.false_alarm, self.hit))
        if not self._log_ratio(low) < 0 < self._log_ratio(high):
            return 0.5
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if self._log_ratio(middle) < 0 else (low, middle)
        return (low + high) / 2

    def _log_ratio(self, confidence: NDArray[np.float64] | float) -> NDArray[np.float64]:
        (a, b), (c, d) = self.hit, self.false_alarm
        constant = _log_beta(c, d) - _log_beta(a, b)
        return (a - c) * np.log(confidence) + (b - d) * np.log1p(np.negative(confidence)) + constant


class ErrorModel(_Part, frozen=True):
    """The whole file. Each class has a rate for every size and every quality that was measured."""

    format: Literal["busense.error-model.v1"]
    model: ModelVersion
    threshold: Share
    measured_on: MeasuredOn
    size_edges_px: Annotated[tuple[Pixel, ...], Field(min_length=2, max_length=64)]
    hit: tuple[Hit, ...]
    false_alarms: tuple[FalseAlarms, ...]
    confidence: Annotated[dict[ClassCode, Confidence], Field(min_length=1)]
    box_sigma_share: dict[ClassCode, Share]  # one sigma of a box's edge, as a share of its side
    # Square root of the area of false alarms: least, tenths, largest. Empty in files that were measured before.
    false_alarm_sides_px: dict[ClassCode, tuple[Pixel, ...]] = {}

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if any(low >= high for low, high in itertools.pairwise(self.size_edges_px)):
            raise ValueError("size_edges_px must rise")
        sizes = range(len(self.size_edges_px) - 1)
        wanted_hits = itertools.product(self.classes, sizes, self.qualities)
        _must_be_each_once("hit", [(row.class_code, row.size, row.quality) for row in self.hit], list(wanted_hits))
        wanted_alarms = itertools.product(self.classes, self.qualities)
        _must_be_each_once(
            "false_alarms", [(row.class_code, row.quality) for row in self.false_alarms], list(wanted_alarms)
        )
        if set(self.box_sigma_share) != set(self.classes):
            raise ValueError(f"box_sigma_share must hold {', '.join(self.classes)}")
        if self.false_alarm_sides_px:
            self._check_sides()
        return self

    def _check_sides(self) -> None:
        if set(self.false_alarm_sides_px) != set(self.classes):
            raise ValueError(f"false_alarm_sides_px must hold {', '.join(self.classes)}, or nothing")
        for sides in self.false_alarm_sides_px.values():
            if len(sides) != TENTHS or any(low > high for low, high in itertools.pairwise(sides)):
                raise ValueError(f"false_alarm_sides_px: {TENTHS} numbers that do not fall are expected")

    @property
    def classes(self) -> tuple[ClassCode, ...]:
        return tuple(self.confidence)

    @property
    def qualities(self) -> tuple[Quality, ...]:
        """Those that were measured, in the order of the file."""
        return tuple(dict.fromkeys(row.quality for row in self.false_alarms))

    def size_of(self, *, width_px: float, height_px: float) -> int:
        """Bin of a box, by the square root of its area; beyond the last edge it is the last bin's."""
        side = math.sqrt(max(width_px, 0.0) * max(height_px, 0.0))
        inner = self.size_edges_px[1:-1]
        return sum(side >= edge for edge in inner)

    def hit_rate(self, class_code: str, *, width_px: float, height_px: float, quality: str = "good") -> float:
        """Chance that one picture shows a piece of damage to the detector; sides in pixels of the model's input.

        A quality that was not measured counts as the worst that was.

        Raises:
            ErrorModelError: the model has no such class.
        """
        rates = self.hit_rates.get((class_code, self.size_of(width_px=width_px, height_px=height_px)), {})
        return _of_quality(rates, quality, class_code=class_code, worst=min)

    def hit_rates_by_size(self, class_code: str, *, quality: str = "good") -> tuple[float, ...]:
        """The same for each bin of size, smallest first."""
        sizes = range(len(self.size_edges_px) - 1)
        return tuple(
            _of_quality(self.hit_rates.get((class_code, size), {}), quality, class_code=class_code, worst=min)
            for size in sizes
        )

    @cached_property
    def hit_rates(self) -> Mapping[tuple[str, int], Mapping[str, float]]:
        """Rate of each quality, by class and bin of size."""
        rates: dict[tuple[str, int], dict[str, float]] = {}
        for row in self.hit:
            rates.setdefault((row.class_code, row.size), {})[row.quality] = row.rate
        return rates

    def false_alarms_per_picture(self, class_code: str, *, quality: str = "good") -> float:
        """Boxes per picture that show no damage of the class.

        A quality that was not measured counts as the worst that was.

        Raises:
            ErrorModelError: the model has no such class.
        """
        rows = [row for row in self.false_alarms if row.class_code == class_code]
        rates = {str(row.quality): row.per_picture for row in rows}
        return _of_quality(rates, quality, class_code=class_code, worst=max)

    def false_alarm_middles_px(self, class_code: str) -> tuple[float, ...]:
        """Sides in the middle of each tenth of the false alarms; empty where they were not measured."""
        return tuple(
            (low + high) / 2 for low, high in itertools.pairwise(self.false_alarm_sides_px.get(class_code, ()))
        )


def load_error_model(path: Path) -> ErrorModel:
    """Read the file.

    Raises:
        ErrorModelError: it cannot be read or is not complete.
    """
    try:
        return ErrorModel.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise ErrorModelError(f"error model {path}: {error}") from error


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _of_quality(
    rates: Mapping[str, float], quality: str, *, class_code: str, worst: Callable[[Iterable[float]], float]
) -> float:
    if not rates:
        raise ErrorModelError(f"the error model has no class {class_code}")
    return rates[quality] if quality in rates else worst(rates.values())


def _must_be_each_once(name: str, found: Sequence[object], wanted: Sequence[object]) -> None:
    if sorted(map(str, found)) != sorted(map(str, wanted)):
        raise ValueError(f"{name} must have each of its classes, sizes and qualities once")
