"""The catalogue of classes: a data file that a county changes, checked when it is read."""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cloud.data_file import Entry, load_data_file
from cloud.findings.model import Severity
from wire.units import ClassCode

Probability = Annotated[float, Field(gt=0, lt=1)]
Name = Annotated[str, Field(min_length=1, max_length=64)]
Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class LocalName(Entry):
    """What people read."""

    zh: Name
    en: Name


class Policy(Entry):
    """When a finding is believed."""

    open_above: Probability
    open_passes: Annotated[int, Field(ge=1, le=100)] = 2
    doubt_below: Probability = 0.5
    gone_below: Probability

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.gone_below >= self.open_above:
            raise ValueError("gone_below must be smaller than open_above")
        if not self.gone_below <= self.doubt_below <= self.open_above:
            raise ValueError("doubt_below must lie between gone_below and open_above")
        return self


class Association(Entry):
    """When two sightings are of one thing."""

    gate: Positive
    gate_opposite: Positive
    other_class_penalty: Annotated[float, Field(ge=0)]
    other_family_penalty: Annotated[float, Field(ge=0)]
    other_class_share: Probability = 0.3
    other_family_share: Probability = 0.1
    same_pass_m: Positive


class Group(Entry):
    """Classes that may be one damage."""

    name: LocalName


class Unit(Entry):
    """Who repairs."""

    name: LocalName


class SeverityScale(Entry):
    """From size to severity."""

    measure: Literal["length_m", "width_m", "area_m2"]
    medium_from: Positive
    heavy_from: Positive
    unmeasured: Severity

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.medium_from >= self.heavy_from:
            raise ValueError("medium_from must be smaller than heavy_from")
        return self

    def severity_of(self, size: float | None) -> Severity:
        """Place a size on the scale."""
        if size is None:
            return self.unmeasured
        if size >= self.heavy_from:
            return Severity.HEAVY
        return Severity.MEDIUM if size >= self.medium_from else Severity.LIGHT

    def share_of(self, severity: Severity, *, size: float, sigma: float) -> float:
        """Probability that the true size lies where this severity does."""
        from_medium, from_heavy = (_share_above(edge, size, sigma) for edge in (self.medium_from, self.heavy_from))
        match severity:
            case Severity.LIGHT:
                return 1 - from_medium
            case Severity.MEDIUM:
                return from_medium - from_heavy
            case Severity.HEAVY:
                return from_heavy


def _share_above(edge: float, size: float, sigma: float) -> float:
    if sigma == 0:
        return float(size >= edge)
    return math.erfc((edge - size) / sigma / math.sqrt(2)) / 2


class Filing(Entry):
    """When a finding becomes a case, and until when it is due."""

    existence: Probability
    min_passes: Annotated[int, Field(ge=1, le=100)]
    by_itself: bool
    time_limit_h: dict[Severity, Annotated[int, Field(ge=1, le=100_000)]]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if missing := [severity.value for severity in Severity if severity not in self.time_limit_h]:
            raise ValueError(f"time_limit_h needs {', '.join(missing)}")
        return self


class DamageClass(Entry):
    """One class of damage."""

    name: LocalName
    colour: Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]
    group: Slug
    family: Slug
    code: Annotated[str, Field(pattern=r"^\d{4}$")]
    hit_rate: Probability
    false_alarm_rate: Probability
    prior: Probability
    usual_confidence: Probability
    unit: Slug
    severity: SeverityScale
    filing: Filing

    @model_validator(mode="after")
    def _informative(self) -> Self:
        if self.false_alarm_rate >= self.hit_rate:
            raise ValueError("false_alarm_rate must be smaller than hit_rate")
        return self


class Catalogue(Entry):
    """All that a county sets."""

    policy: Policy
    association: Association
    groups: dict[Slug, Group]
    units: dict[Slug, Unit]
    classes: Annotated[dict[ClassCode, DamageClass], Field(min_length=1, max_length=200)]

    @model_validator(mode="after")
    def _known_names(self) -> Self:
        for code, entry in self.classes.items():
            _check_known(entry.group, "group", self.groups, code)
            _check_known(entry.unit, "unit", self.units, code)
        return self

    def name_of(self, class_code: str) -> LocalName:
        """Name of a class; its code when the county took it out of the catalogue."""
        entry = self.classes.get(class_code)
        return entry.name if entry else LocalName(zh=class_code, en=class_code)

    def group_of(self, class_code: str) -> str | None:
        """Group of a class; none for a class that this county does not know."""
        entry = self.classes.get(class_code)
        return entry.group if entry else None

    def class_penalty(self, first_code: str, second_code: str) -> float:
        """How much farther apart two sightings are for being of different classes."""
        if first_code == second_code:
            return 0.0
        is_kin = self.classes[first_code].family == self.classes[second_code].family
        return self.association.other_class_penalty if is_kin else self.association.other_family_penalty

    def confusion(self, true_code: str, said_code: str) -> float:
        """Share of the sightings of one class that the detector takes for the other, against its own."""
        if true_code == said_code:
            return 1.0
        is_kin = self.classes[true_code].family == self.classes[said_code].family
        return self.association.other_class_share if is_kin else self.association.other_family_share


def _check_known(name: str, kind: str, known: Iterable[str], class_code: str) -> None:
    if name not in known:
        raise ValueError(f"class {class_code}: {kind} {name!r} is not one of {', '.join(known)}")


def load_catalogue(path: Path | None = None) -> Catalogue:
    """Read a catalogue file; without a path the shipped one.

    Raises:
        ConfigError: names file, line and key.
    """
    return load_data_file(Catalogue, path, shipped=("cloud.findings", "catalogue.toml"))
