"""A scenario: which county, which season, what goes wrong. A TOML file, checked, with its schema beside it."""

import json
import tomllib
from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from simulator.errors import ScenarioError
from wire.toml_lines import line_of

SCHEMA_FILE: Final = Path(__file__).with_name("scenario.schema.json")
MAX_BYTES: Final = 1_000_000

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,40}$")]
ByMonth = Annotated[list[NotNegative], Field(min_length=12, max_length=12)]
ByHour = Annotated[list[Annotated[float, Field(ge=0.1, le=2)]], Field(min_length=24, max_length=24)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CountyPart(_Part):
    """Which county. Without a file its roads are invented from the seed."""

    name: Slug = "county"
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    roads: Annotated[str | None, Field(description="OpenStreetMap extract, seen from the scenario's folder")] = None
    timetable: Annotated[str | None, Field(description="GTFS, a folder or zip, seen from the same folder")] = None
    lines: Annotated[int, Field(ge=1, le=500, description="with a timetable, at most so many of its lines")] = 10
    buses: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    first_day: date = date(2027, 1, 1)
    days: Annotated[int, Field(ge=1, le=3660)] = 365
    time_zone: str = "Asia/Shanghai"

    @model_validator(mode="after")
    def _known_zone(self) -> Self:
        try:
            ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"time_zone {self.time_zone!r} is not known") from error
        return self

    def device(self, number: int) -> str:
        """Name of a bus; they are counted from 0."""
        return f"{self.name}-{number + 1:05d}"

    @property
    def midnight(self) -> datetime:
        """The first local one."""
        return datetime.combine(self.first_day, time(), tzinfo=ZoneInfo(self.time_zone))


class Traffic(_Part):
    """How buses get on."""

    pace: Annotated[ByHour, Field(description="of free driving, by hour of the day")] = [
        *[1.0] * 6, 0.9, 0.65, 0.6, 0.75, 0.85, 0.8, 0.8, 0.85, 0.85, 0.8, 0.7, 0.55, 0.6, 0.75, 0.85, 0.95, 1.0, 1.0,
    ]  # fmt: skip
    breakdowns_per_bus_day: NotNegative = 0.01
    breakdown_s: tuple[Positive, Positive] = (1800.0, 7200.0)


class Damage(_Part):
    """How much damage there is, of 1 km of lane."""

    at_first_per_km: NotNegative = 4.0
    born_per_km_year: NotNegative = 8.0
    lookalikes_per_km: NotNegative = 0.3  # manholes, patches, shadows of masts


class Season(_Part):
    """The weather of each month, January first."""

    # As on the coast of southern Zhejiang (unconfirmed).
    rain_days: ByMonth = [11, 12, 17, 16, 16, 17, 13, 15, 12, 8, 8, 8]
    rain_mm: Annotated[ByMonth, Field(description="of a rainy day")] = [5, 6, 8, 9, 12, 15, 14, 18, 15, 9, 7, 5]
    fog_mornings: ByMonth = [4, 4, 5, 5, 3, 1, 0, 0, 1, 2, 3, 4]


class Receiver(_Part):
    """How far off the buses' positions are, one sigma of each axis."""

    wander_m: Positive = 2.0
    forgets_s: Positive = 60.0
    jitter_m: NotNegative = 0.3


class Repairs(_Part):
    """What crews do."""

    jobs_a_day: Annotated[int, Field(ge=0)] = 6
    bad_share: Share = 0.2


class Fault(_Part):
    """What goes wrong, from when to when, with what share of the buses."""

    kind: Literal["breakdown", "dirty_pane", "bad_receiver", "offline"]
    from_day: NotNegative = Field(description="days since the first midnight, such as 3.5 for noon of the fourth")
    to_day: Positive
    share: Share = 1.0
    strength: Annotated[
        float, Field(ge=0, le=100, description="dirty_pane: share of frames spoiled; bad_receiver: times as far off")
    ] = 0.6

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.to_day <= self.from_day:
            raise ValueError("to_day must be after from_day")
        if self.kind == "dirty_pane" and self.strength > 1:
            raise ValueError("strength of a dirty pane is a share, at most 1")
        return self


class Scenario(_Part):
    """The whole file; everything may be left out."""

    county: CountyPart = CountyPart()
    traffic: Traffic = Traffic()
    damage: Damage = Damage()
    season: Season = Season()
    receiver: Receiver = Receiver()
    repairs: Repairs = Repairs()
    fault: list[Fault] = []


def load_scenario(path: Path) -> Scenario:
    """Read a scenario file.

    Raises:
        ScenarioError: it cannot be read, or is wrong: names line and key.
    """
    text = _read(path)
    try:
        return Scenario.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{path}: {error}") from error
    except ValidationError as error:
        raise ScenarioError("\n".join(_explained(error, path=path, text=text))) from error


def _read(path: Path) -> str:
    try:
        return path.read_bytes()[:MAX_BYTES].decode()
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: {error}") from error


def _explained(error: ValidationError, *, path: Path, text: str) -> list[str]:
    lines: list[str] = []
    for problem in error.errors(include_url=False):
        keys = [str(part) for part in problem["loc"]]
        lines.append(f"{path}, line {line_of(text, keys)}: {'.'.join(keys) or 'file'}: {problem['msg']}")
    return lines


def schema_text() -> str:
    """JSON Schema of the file, for editors."""
    schema: dict[str, Any] = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Scenario.model_json_schema()}
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text())
