"""The stop of the demo measures water, and what was told of it against the truth."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import psycopg

from cloud.db.value import fetch_value
from simulator.gauge import ADDRESS, FLOODED_FROM_M, SCALE, UNIT, Gauge, floods_within

SENSOR: Final = "underpass"
# As shipped, but for the time that a level must hold: a demo does not last long.
RULES: Final = f"""
[usual]
flooded_from_m = {FLOODED_FROM_M}
dry_below_m = 0.08
heavy_from_m = 0.27
hold_s = 4
"""
_VALUES: Final = "SELECT count(*) FROM measurements"
_TOLD: Final = """
SELECT min(p.at) FILTER (WHERE p.kind = 'seen'), max(p.at) FILTER (WHERE p.kind = 'not_seen'),
    (SELECT min(opened_at) FROM cases WHERE class_code = 'FLOOD')
FROM finding_passes p JOIN findings f ON f.id = p.finding_id WHERE f.scenario = 'stop_water'
"""


def station_config(
    identity: Mapping[str, str], *, broker_url: str, cloud_url: str, port: Path, lon: float, lat: float
) -> str:
    """The file of the stop's agent."""
    return f"""
[identity]
city = "{identity["city"]}"
device = "{identity["device"]}"
secret_file = "{identity["secret_file"]}"
[broker]
url = "{broker_url}"
[cloud]
url = "{cloud_url}"
[place]
lon = {lon}
lat = {lat}
[outbox]
path = "station.db"
[sensors]
report_s = 2
[[sensors.modbus]]
port = "{port}"
every_s = 0.5
[[sensors.modbus.registers]]
sensor = "{SENSOR}"
quantity = "water_level_m"
unit = {UNIT}
address = {ADDRESS}
scale = {SCALE}
"""


def score_water(database_url: str, gauge: Gauge, *, ended_at: datetime) -> dict[str, Any]:
    """Floods that there were, the first one's case, and how long after the water it was open."""
    begun_at = gauge.begun_at or ended_at
    floods = floods_within(max(0.0, (ended_at - begun_at).total_seconds()))
    with psycopg.connect(database_url) as connection:
        values = fetch_value(connection, _VALUES)
        seen_at, gone_at, opened_at = connection.execute(_TOLD).fetchone() or (None, None, None)
    after_s = None if opened_at is None or not floods else (opened_at - begun_at).total_seconds() - floods[0][0]
    return {
        "values": values,
        "floods": len(floods),
        "flood_told": seen_at is not None,
        "flood_told_after_s": None if after_s is None else round(after_s, 1),
        "flood_end_told": gone_at is not None,
    }
