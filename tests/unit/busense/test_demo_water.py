"""The stop's file in the demo is one that the agent takes."""

import tomllib
from pathlib import Path

from busense.demo_water import RULES, SENSOR, station_config
from cloud.scenarios.stop_water.rules import load_water_rules
from edge_agent.config import load_config


def test_the_stops_file_and_its_thresholds_are_taken(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    identity = {"city": "demo", "device": "stop-1", "secret_file": str(tmp_path / "secret")}
    file = tmp_path / "station.toml"
    urls = {"broker_url": "mqtt://127.0.0.1:1883", "cloud_url": "http://127.0.0.1:8080"}
    file.write_text(station_config(identity, **urls, port=Path("/dev/pts/9"), lon=120.4, lat=27.5))
    config = load_config(file)
    assert config.camera is None
    assert config.sensors is not None
    assert [register.sensor for line in config.sensors.modbus for register in line.registers] == [SENSOR]
    (tmp_path / "water.toml").write_text(RULES)
    assert load_water_rules(tmp_path / "water.toml").usual.hold_s == tomllib.loads(RULES)["usual"]["hold_s"]
