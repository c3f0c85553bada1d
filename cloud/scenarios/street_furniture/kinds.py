"""Kinds of street furniture and how they are judged: a data file that a county changes, checked when it is read."""

from functools import cached_property
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from cloud.data_file import Entry, load_data_file
from cloud.findings.catalogue import (
    Association,
    Catalogue,
    DamageClass,
    Filing,
    Group,
    LocalName,
    Policy,
    Probability,
    SeverityScale,
    Unit,
)
from cloud.findings.model import Severity
from wire.units import ClassCode

Hours = Annotated[float, Field(ge=0, le=10_000)]

_NEVER_FILED: Final = Filing(
    existence=0.999, min_passes=100, by_itself=False, time_limit_h=dict.fromkeys(Severity, 100_000)
)
_ONE_SIZE: Final = SeverityScale(measure="area_m2", medium_from=1e6, heavy_from=1e7, unmeasured=Severity.LIGHT)


class Kind(Entry):
    """One kind of thing, with how a detector does on it."""

    name: LocalName
    hit_rate: Probability
    false_alarm_rate: Probability
    prior: Probability
    usual_confidence: Probability


class Rules(Entry):
    """When a thing that is not seen any more is missing or hidden."""

    lost_below: Probability
    min_misses: Annotated[int, Field(ge=1, le=100)]
    apart_h: Hours
    alone_factor: Annotated[float, Field(ge=1, le=100)]
    good_view: Probability
    passes: Annotated[int, Field(ge=5, le=200)]


class Changes(Entry):
    """What can happen between one pass and the next."""

    goes: Probability
    is_hidden: Probability
    shows_again: Probability
    comes_back: Probability


class Blocking(Entry):
    """What stands in the way, for a moment or for long."""

    in_passing: Probability
    of_neighbours: Probability
    missed_anyway: Probability
    glimpse: Probability
    hard_to_see: Probability
    hidden_with_it: Probability

    @model_validator(mode="after")
    def _informative(self) -> Self:
        if self.missed_anyway >= self.of_neighbours:
            raise ValueError("missed_anyway must be smaller than of_neighbours")
        return self


class Pictures(Entry):
    """When a thing looks different from before."""

    differs_from: Probability
    false_rate: Probability
    hit_rate: Probability
    prior: Probability
    damaged_above: Probability
    min_differing: Annotated[int, Field(ge=1, le=100)]

    @model_validator(mode="after")
    def _informative(self) -> Self:
        if self.false_rate >= self.hit_rate:
            raise ValueError("false_rate must be smaller than hit_rate")
        return self


class Kinds(Entry):
    """All that a county sets."""

    policy: Policy
    association: Association
    rules: Rules
    changes: Changes
    blocking: Blocking
    pictures: Pictures | None = None  # without it nothing is said to be damaged
    kinds: Annotated[dict[ClassCode, Kind], Field(min_length=1, max_length=64)]

    @cached_property
    def catalogue(self) -> Catalogue:
        """The kinds as classes of the core's fusion: no two of them may be one thing, and none is filed."""
        return Catalogue(
            policy=self.policy,
            association=self.association,
            groups={code.lower(): Group(name=kind.name) for code, kind in self.kinds.items()},
            units={"nobody": Unit(name=LocalName(zh="无", en="Nobody"))},
            classes={code: _class_of(code, kind) for code, kind in self.kinds.items()},
        )


def _class_of(code: str, kind: Kind) -> DamageClass:
    return DamageClass(
        name=kind.name,
        colour="#808080",
        group=code.lower(),
        family=code.lower(),
        code="0000",
        hit_rate=kind.hit_rate,
        false_alarm_rate=kind.false_alarm_rate,
        prior=kind.prior,
        usual_confidence=kind.usual_confidence,
        unit="nobody",
        severity=_ONE_SIZE,
        filing=_NEVER_FILED,
    )


def load_kinds(path: Path | None = None) -> Kinds:
    """Read a file of kinds; without a path the shipped one.

    Raises:
        ConfigError: names file, line and key.
    """
    return load_data_file(Kinds, path, shipped=("cloud.scenarios.street_furniture", "kinds.toml"))
