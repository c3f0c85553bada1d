"""From where on water is a flood: a data file of the county."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from cloud.data_file import Entry, load_data_file

Height = Annotated[float, Field(gt=0, le=20, allow_inf_nan=False)]


class GaugeRules(Entry):
    """The thresholds of a gauge, over the road's surface."""

    flooded_from_m: Height
    dry_below_m: Height
    heavy_from_m: Height
    hold_s: Annotated[float, Field(ge=0, le=86_400)]
    """So long a level must hold."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.dry_below_m < self.flooded_from_m <= self.heavy_from_m:
            raise ValueError("dry_below_m must be smaller than flooded_from_m, and that not larger than heavy_from_m")
        return self


class WaterRules(Entry):
    """Of all gauges, and of those that are not as all are, by STOP/SENSOR."""

    usual: GaugeRules
    gauges: dict[str, GaugeRules] = {}

    def of(self, *, device: str, sensor: str) -> GaugeRules:
        """The thresholds of one gauge."""
        return self.gauges.get(f"{device}/{sensor}", self.usual)


def load_water_rules(path: Path | None) -> WaterRules:
    """Read the rules; without a path those shipped in the package.

    Raises:
        ConfigError: names file, line and key.
    """
    return load_data_file(WaterRules, path, shipped=("cloud.scenarios.stop_water", "water.toml"))
