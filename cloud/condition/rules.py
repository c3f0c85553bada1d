"""What a county sets about the condition of its roads: a data file, checked when it is read."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from cloud.data_file import Entry, load_data_file
from cloud.findings.model import Severity
from wire.units import ClassCode

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, lt=1)]
Days = Annotated[int, Field(ge=1, le=3650)]


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"{name!r} is not a time zone such as Asia/Shanghai") from error
    return name


class Survey(Entry):
    """When a look counts."""

    window_days: Days
    stale_after_days: Days
    min_share: Share
    min_look_share: Share

    @model_validator(mode="after")
    def _estimate_has_a_time(self) -> Self:
        if self.min_look_share > self.min_share:
            raise ValueError("min_look_share may not be above min_share: an estimate would have no time")
        return self

    @property
    def window(self) -> timedelta:
        return timedelta(days=self.window_days)

    @property
    def stale_after(self) -> timedelta:
        return timedelta(days=self.stale_after_days)


class Roadway(Entry):
    """How wide a road is."""

    lane_width_m: Positive
    default_width_m: Positive
    width_m_of_kind: dict[str, Positive]

    def width_m(self, *, kind: str, lanes: int | None, measured_m: float | None) -> float:
        """Width as measured, else by lanes, else as usual for this kind of road."""
        if measured_m is not None:
            return measured_m
        return lanes * self.lane_width_m if lanes else self.width_m_of_kind.get(kind, self.default_width_m)


class Doubt(Entry):
    """How sure an estimate is."""

    draws: Annotated[int, Field(ge=50, le=10_000)]
    tail: Annotated[float, Field(gt=0, lt=0.5)]
    severity_share: Share
    measured_sigma: Positive
    assumed_sigma: Positive
    hit_rate: Share
    usual_ratio_percent: Positive
    usual_area_m2: Positive
    usual_damage_m2: Positive


class DamageRule(Entry):
    """What a class of damage counts."""

    measure: Literal["length", "area"]
    strip_m: Positive | None = None  # a crack counts its length times this
    weights: dict[Severity, Annotated[float, Field(ge=0, le=1)]]
    assumed: Positive  # m or m2 where nobody measured

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if missing := [severity.value for severity in Severity if severity not in self.weights]:
            raise ValueError(f"weights needs {', '.join(missing)}")
        if (self.measure == "length") is not (self.strip_m is not None):
            raise ValueError("strip_m belongs to what is measured by its length, and only there")
        return self


Item = Literal["rails", "fences", "signs", "marking", "greenery"]


class FacilityRule(Entry):
    """What a class of finding takes off the index of facilities."""

    item: Item
    deduct: dict[Severity, Annotated[float, Field(ge=0, le=100)]]
    per_m: Positive | None = None  # for each started stretch of this length; without it for each place

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if missing := [severity.value for severity in Severity if severity not in self.deduct]:
            raise ValueError(f"deduct needs {', '.join(missing)}")
        return self


class Facilities(Entry):
    """How the index of facilities is added up."""

    weights: dict[Item, Share]
    believed_from: Share
    suspected_from: Share
    classes: dict[ClassCode, FacilityRule]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if abs(sum(self.weights.values()) - 1.0) > 1e-6:  # noqa: PLR2004 - as exact as people write shares
            raise ValueError("weights must add up to 1")
        if strange := sorted({rule.item for rule in self.classes.values()} - self.weights.keys()):
            raise ValueError(f"weights needs {', '.join(strange)}")
        return self


class ConditionRules(Entry):
    """All that a county sets."""

    timezone: Annotated[str, AfterValidator(_known_zone)]
    drives_on: Literal["right", "left"]
    survey: Survey
    road: Roadway
    doubt: Doubt
    classes: Annotated[dict[ClassCode, DamageRule], Field(min_length=1, max_length=200)]
    facilities: Facilities | None = None  # without it there is no index of facilities

    def local(self, at: datetime) -> datetime:
        """The same instant on the county's clocks."""
        return at.astimezone(ZoneInfo(self.timezone))


def load_rules(path: Path | None = None) -> ConditionRules:
    """Read a file of rules; without a path the shipped one.

    Raises:
        ConfigError: names file, line and key.
    """
    return load_data_file(ConditionRules, path, shipped=("cloud.condition", "condition.toml"))
