"""What a county sets about safe driving: a data file, checked when it is read."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field

from cloud.data_file import Entry, load_data_file
from cloud.scenarios.safe_driving.speeding import Tolerance

NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Speeding(Entry):
    tolerance_mps: NotNegative
    tolerance_share: Annotated[float, Field(ge=0, le=1)]
    min_s: NotNegative
    rest_s: NotNegative

    @property
    def tolerance(self) -> Tolerance:
        return Tolerance(mps=self.tolerance_mps, share=self.tolerance_share, min_s=self.min_s)

    @property
    def rest(self) -> timedelta:
        return timedelta(seconds=self.rest_s)


class Scoring(Entry):
    days: Annotated[int, Field(ge=1, le=366)]
    min_km: NotNegative


class DrivingRules(Entry):
    """The whole file."""

    speeding: Speeding
    score: Scoring


def load_driving_rules(path: Path | None = None) -> DrivingRules:
    """Read a file; without a path the one shipped.

    Raises:
        ConfigError: names file, line and key.
    """
    return load_data_file(DrivingRules, path, shipped=("cloud.driving", "driving.toml"))
