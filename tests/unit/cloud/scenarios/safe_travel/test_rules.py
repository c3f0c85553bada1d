from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest

from cloud.errors import ConfigError
from cloud.scenarios.safe_travel.assess import assess
from cloud.scenarios.safe_travel.model import EventKind
from cloud.scenarios.safe_travel.rides import rides_of
from cloud.scenarios.safe_travel.rules import TravelRules, load_travel_rules
from tests.unit.cloud.scenarios.safe_travel.scenes import JOURNEY, day, drive, ride

SHIPPED = load_travel_rules()


def with_radio(**changed: float) -> TravelRules:
    return SHIPPED.model_copy(update={"radio": SHIPPED.radio.model_copy(update=changed)})


def test_the_reach_is_where_a_call_falls_under_what_readers_hear() -> None:
    assert SHIPPED.radio.reach_m == pytest.approx(79, abs=1)
    assert with_radio(per_decade_db=40.0).radio.reach_m == pytest.approx(79**0.5, abs=0.1)
    assert with_radio(floor_dbm=-75.0).radio.reach_m == pytest.approx(7.9, abs=0.1)


def test_who_sits_in_the_bus_is_heard_through_a_body() -> None:
    assert SHIPPED.radio.aboard_dbm == pytest.approx(-85, abs=0.1)
    assert with_radio(body_db=20.0).radio.aboard_dbm == pytest.approx(-93, abs=0.1)


def test_what_is_aboard_is_as_the_county_sets_it() -> None:
    weak = [replace(one, rssi_dbm=-90) for one in ride(from_stop=1, to_stop=4)]
    watch = {"bus-1": drive()}
    assert rides_of(weak, watch, SHIPPED) == []
    assert len(rides_of(weak, watch, with_radio(body_db=20.0))) == 1


def test_a_reader_that_does_not_reach_the_destination_proves_no_absence() -> None:
    beside = [moment._replace(lat=moment.lat + 0.0014) for moment in drive(end_s=1600)]  # 155 m, 75 m off the school
    known = day([], {"bus-1": beside}, journeys=[JOURNEY])
    deaf = replace(known, rules=with_radio(floor_dbm=-90.0))
    assert [event.kind for event in assess(known)] == [EventKind.NOT_ARRIVED]
    assert [event.kind for event in assess(deaf)] == [EventKind.ARRIVAL_UNKNOWN]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("body_db = 12.0", "body_db = -3.0", r"line 9.*radio\.body_db"),
        ("walk_mps = 1.4", "walk_mps = 14", r"search\.walk_mps"),
        ("passing = 0.6", "passing = 1.0", r"hearing\.passing"),
        ("[hearing]", "[hearig]", "hearig"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = (files("cloud.scenarios.safe_travel") / "travel.toml").read_text(encoding="utf-8")
    file = tmp_path / "travel.toml"
    file.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError, match=said):
        load_travel_rules(file)
