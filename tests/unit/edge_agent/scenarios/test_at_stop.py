from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_agent.config import AgentConfig
from edge_agent.ego import EgoTrack
from edge_agent.readings import AdvertisementReading, GnssReading, Reading
from edge_agent.scenarios import make_scenarios
from wire.messages import Sighting, Track

START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def ignore(*_: object) -> None:
    """A stop without a camera has no frames."""


def stop(folder: Path, **sections: object) -> AgentConfig:
    (folder / "secret").write_text("hush")
    return AgentConfig.model_validate(
        {
            "identity": {"city": "c", "device": "stop-1", "secret_file": folder / "secret"},
            "broker": {"url": "mqtt://127.0.0.1"},
            "cloud": {"url": "http://127.0.0.1"},
            "outbox": {"path": folder / "outbox.db"},
            "place": {"lon": 120.4, "lat": 27.5},
            **sections,
        }
    )


@pytest.mark.parametrize(
    ("sections", "expected_s"),
    [({}, [0, 600, 1200]), ({"ble": {}}, list(range(0, 1260, 30)))],
    ids=["measures", "hears tags: with each report of its radio"],
)
def test_a_stop_tells_where_it_is_as_often_as_it_takes(
    tmp_path: Path, sections: dict[str, object], expected_s: list[int]
) -> None:
    scenarios = make_scenarios(stop(tmp_path, **sections), detector=None, camera=None, on_frame=ignore)
    told: list[float] = []
    for second in range(1260):
        fix = GnssReading(
            at=START + timedelta(seconds=second), lon=120.4, lat=27.5, speed_mps=0.0, heading_deg=0.0, accuracy_m=3.0
        )
        for outcome in (outcome for scenario in scenarios for outcome in scenario.take(fix, None)):
            assert isinstance(outcome.message, Track)
            told += [(point.at - START).total_seconds() for point in outcome.message.points]
    assert told == expected_s


def test_a_stop_tells_the_tags_that_it_hears(tmp_path: Path) -> None:
    scenarios = make_scenarios(stop(tmp_path, ble={}), detector=None, camera=None, on_frame=ignore)
    tag = bytes([0x30, 0xF0]) + bytes(8)
    ego, said = EgoTrack(), list[Sighting]()
    for second in range(60):
        at = START + timedelta(seconds=second)
        fix = GnssReading(at=at, lon=120.4, lat=27.5, speed_mps=0.0, heading_deg=0.0, accuracy_m=3.0)
        ego.add(fix)
        readings: list[Reading] = [fix, AdvertisementReading(at=at, rssi_dbm=-70, service_data={0xFEAA: tag})]
        outcomes = [o for reading in readings for each in scenarios for o in each.take(reading, ego.state_at(at))]
        said += [outcome.message for outcome in outcomes if isinstance(outcome.message, Sighting)]
    said += [o.message for each in scenarios for o in each.end() if isinstance(o.message, Sighting)]
    assert sum(heard.heard for sighting in said for heard in sighting.tags) == 60
    assert {(sighting.lon, sighting.lat) for sighting in said} == {(120.4, 27.5)}
    assert max(sighting.accuracy_m for sighting in said) < 10
