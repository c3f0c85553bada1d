"""A county from its scenario: roads, lines, weather, damage and what buses tell, all from one seed."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from simulator.city import make_town
from simulator.county.damage import Damages, make_damages
from simulator.county.gtfs import read_gtfs
from simulator.county.lines import Lines, make_county_lines
from simulator.county.looks import Eyes, make_ways
from simulator.county.network import network_of_town, read_network
from simulator.county.scenario import Scenario
from simulator.county.told import ToldTables
from simulator.county.weather import Weather
from simulator.frames import DRAWN_CAMERA
from wire.error_model import ErrorModel, load_error_model

SHIPPED_ERRORS: Final = Path(__file__).parents[2] / "models" / "road_damage" / "error_model.json"


@dataclass(frozen=True, kw_only=True, eq=False)
class County:
    """All that does not move."""

    scenario: Scenario
    lines: Lines
    weather: Weather
    damages: Damages
    eyes: Eyes

    @property
    def errors(self) -> ErrorModel:
        return self.eyes.tables.errors


@cache
def shipped_tables() -> ToldTables:
    """Of the detector that comes with the program; made once, in a second or two."""
    return ToldTables(load_error_model(SHIPPED_ERRORS), camera=DRAWN_CAMERA)


def make_county(scenario: Scenario, *, folder: Path, errors: ErrorModel | None = None) -> County:
    """Build it; files that the scenario names are looked for in `folder`.

    Raises:
        NetworkError: roads or timetable cannot be used.
    """
    part = scenario.county
    lines = _lines(scenario, folder)
    weather = Weather(
        scenario.season,
        first_day=part.midnight,
        days=part.days,
        lon=lines.plane.origin_lon,
        lat=lines.plane.origin_lat,
        seed=part.seed,
    )
    damages = make_damages(lines, weather, scenario.damage, seed=part.seed)
    tables = ToldTables(errors, camera=DRAWN_CAMERA) if errors else shipped_tables()
    eyes = Eyes(ways=make_ways(lines, damages), damages=damages, weather=weather, tables=tables)
    return County(scenario=scenario, lines=lines, weather=weather, damages=damages, eyes=eyes)


def _lines(scenario: Scenario, folder: Path) -> Lines:
    """With a timetable its lines, on the scenario's roads if it has any; else lines that the seed lays out."""
    part = scenario.county
    roads = read_network(folder / part.roads) if part.roads is not None else None
    if part.timetable is not None:
        return read_gtfs(folder / part.timetable, network=roads, day=part.first_day, most=part.lines)
    network = roads or network_of_town(make_town(part.seed))
    return make_county_lines(network, part.lines, buses=part.buses, seed=part.seed)
