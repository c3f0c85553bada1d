"""Street furniture in the demo: the county's list, and what the cloud made of what befell, against the truth."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from statistics import median
from typing import Any, Final

import psycopg
from psycopg import Connection
from psycopg.rows import class_row

from cloud.findings.geometry import distance_m
from cloud.furniture.features import read_features
from cloud.furniture.imports import import_features
from cloud.scenarios.street_furniture.kinds import load_kinds
from simulator.furniture import Fixture, fixtures_geojson

NEAR_M: Final = 8.0
ENOUGH_S: Final = 75.0  # in which half a dozen buses pass and their stretches are told

_KNOWN: Final = """
SELECT t.kind, f.lon, f.lat, t.source AS problem, 0 AS passes_seen FROM inventory.things t
JOIN inventory.findings f ON f.id = t.id
"""
_TOLD: Final = """
SELECT t.kind, f.lon, f.lat, p.problem, g.passes_seen FROM inventory.problems p
JOIN inventory.things t ON t.id = p.thing_id JOIN inventory.findings f ON f.id = t.id
JOIN public.findings g ON g.id = p.finding_id ORDER BY g.first_seen_at
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A thing of the inventory with what is said of it."""

    kind: str
    lon: float
    lat: float
    problem: str  # or where the thing is known from
    passes_seen: int

    def means(self, thing: Mapping[str, Any]) -> bool:
        """Whether it is this one."""
        away_m = distance_m(lon=self.lon, lat=self.lat, other_lon=thing["lon"], other_lat=thing["lat"])
        return self.kind == thing["kind"] and away_m <= NEAR_M


def write_rules(path: Path) -> None:
    """The shipped rules for a town whose hours pass in seconds and whose drawn pictures show no furniture."""
    shipped = files("cloud.scenarios.street_furniture").joinpath("kinds.toml").read_text(encoding="utf-8")
    rules, _, rest = shipped.partition("[pictures]")
    kinds = rest[rest.index("[kinds.") :]
    path.write_text(re.sub(r"^apart_h = .*$", "apart_h = 0.0", rules, flags=re.MULTILINE) + kinds, encoding="utf-8")


def take_in_list(
    connection: Connection[Any], fixtures: Sequence[Fixture], *, city: str, rules: Path, at: datetime
) -> None:
    """Import the county's list."""
    kinds = load_kinds(rules)
    content = json.dumps(fixtures_geojson(fixtures)).encode()
    features = list(read_features(content, kinds=kinds, what="the demo's list"))
    import_features(connection, features, city=city, file="demo.geojson", kinds=kinds, at=at)


def read_furniture(database_url: str) -> tuple[list[Told], list[Told]]:
    """All things, and what was ever said of some of them."""
    with psycopg.connect(database_url) as connection, connection.cursor(row_factory=class_row(Told)) as cursor:
        return cursor.execute(_KNOWN).fetchall(), cursor.execute(_TOLD).fetchall()


def score_furniture(
    truth: Sequence[Mapping[str, Any]], known: Sequence[Told], told: Sequence[Told], *, driven_s: float
) -> dict[str, object]:
    """What went wrong long enough ago, and whether it was noticed and called by its name; what was said of nothing."""
    wrong = [thing for thing in truth if thing["problem"] is not None]
    due = [thing for thing in wrong if thing["from_s"] + ENOUGH_S <= driven_s]
    found = [[each for each in told if each.means(thing)] for thing in due]
    passes = [min(each.passes_seen for each in some) for some in found if some]
    invented = sum(not any(each.means(thing) for thing in wrong) for each in told)
    learned = [thing for thing in truth if not thing["is_listed"]]
    return {
        "things": len(truth),
        "learned": sum(any(each.means(thing) for each in known) for thing in learned),
        "to_learn": len(learned),
        "went_wrong": len(due),
        "found": len(passes),
        "named_right": sum(
            any(each.problem == thing["problem"] for each in some) for thing, some in zip(due, found, strict=True)
        ),
        "invented": invented,
        "invented_per_100_things": round(100 * invented / len(truth), 1) if truth else 0.0,
        "median_passes": median(passes) if passes else None,
        "rates": "assumed",
    }
