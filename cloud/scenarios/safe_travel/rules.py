"""What a county sets about tags, readers and people who are looked for: a data file, checked when it is read."""

import math
from pathlib import Path
from typing import Annotated

from pydantic import Field

from cloud.data_file import Entry, load_data_file

Power = Annotated[float, Field(ge=-127, le=20, allow_inf_nan=False)]
Loss = Annotated[float, Field(ge=0, le=60, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, lt=1)]


class Radio(Entry):
    """How calls of tags fade: they order readers and give a zone, no metres."""

    at_1m_dbm: Power
    per_decade_db: Annotated[float, Field(ge=15, le=60, allow_inf_nan=False)]
    body_db: Loss
    lift_db: Loss
    floor_dbm: Power
    cabin_m: Annotated[float, Field(ge=1, le=30, allow_inf_nan=False)]

    @property
    def reach_m(self) -> float:
        """A reader hears a tag from so far, when nobody stands in between."""
        return 10 ** ((self.at_1m_dbm + self.lift_db - self.floor_dbm) / self.per_decade_db)

    @property
    def aboard_dbm(self) -> float:
        """Who sits in the bus is heard at least so well now and then, whoever stands in between."""
        return self.at_1m_dbm - self.per_decade_db * math.log10(self.cabin_m) - self.body_db


class Hearing(Entry):
    silence_s: Annotated[float, Field(ge=1, le=3600, allow_inf_nan=False)]
    passing: Share


class Searching(Entry):
    walk_mps: Annotated[float, Field(gt=0, le=5, allow_inf_nan=False)]
    stayed: Share
    farthest_m: Annotated[float, Field(ge=100, le=50_000, allow_inf_nan=False)]
    by_bus: Share
    still_aboard: Share
    forgotten_s: Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]


class TravelRules(Entry):
    """The whole file."""

    radio: Radio
    hearing: Hearing
    search: Searching


def load_travel_rules(path: Path | None = None) -> TravelRules:
    """Read a file; without a path the one shipped.

    Raises:
        ConfigError: names file, line and key.
    """
    return load_data_file(TravelRules, path, shipped=("cloud.scenarios.safe_travel", "travel.toml"))
