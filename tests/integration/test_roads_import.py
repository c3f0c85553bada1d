"""Road networks into the database, again and changed."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cloud.cli import roads
from cloud.condition.requeue import requeue
from cloud.condition.rules import load_rules
from cloud.db.pool import connect
from cloud.roads.imports import Imported, import_roads
from cloud.roads.model import Road
from cloud.roads.segments import join_roads
from tests.integration.town import Town
from tests.unit.cloud.findings.builders import place
from tests.unit.cloud.ingest.messages import AT


def road(road_id: str, *spots_m: tuple[float, float], name: str | None = None) -> Road:
    return Road(id=road_id, name=name, kind="residential", line=tuple(place(*spot) for spot in spots_m))


@pytest.fixture
def town(database: str) -> Town:
    return Town(url=database)


def bring(town: Town, *found: Road) -> Imported:
    with connect(town.url) as connection:
        return import_roads(connection, join_roads(found), at=AT)


def segment_ids(town: Town, *, are_present: bool = True) -> set[str]:
    return {row["id"] for row in town.rows("SELECT id FROM segments WHERE (retired_at IS NULL) = %s", are_present)}


MAIN = road("main", (0, 0), (0, 300))


def test_first_import_is_all_new(town: Town) -> None:
    assert bring(town, MAIN) == Imported(roads=1, segments=3, added=3, redrawn=0, retired=0)


def test_same_import_again_changes_nothing(town: Town) -> None:
    bring(town, MAIN)
    before = segment_ids(town)
    assert not bring(town, MAIN).is_change
    assert segment_ids(town) == before


def test_new_name_is_no_new_road(town: Town) -> None:
    bring(town, MAIN)
    assert not bring(town, road("main", (0, 0), (0, 300), name="Ring")).is_change
    assert town.rows("SELECT name FROM roads") == [{"name": "Ring"}]


def test_road_that_was_split_in_two_ways_keeps_its_segments(town: Town) -> None:
    """OpenStreetMap gives the second half a new id; a junction in the middle cuts where the road was cut before."""
    bring(town, road("a", (0, 0), (0, 200)))
    before = segment_ids(town)
    done = bring(town, road("a", (0, 0), (0, 100)), road("b", (0, 100), (0, 200)))
    assert (done.added, done.redrawn + done.retired) in {(0, 1), (0, 2)}
    assert segment_ids(town) == before


def test_road_that_went_elsewhere_is_retired_and_comes_back(town: Town) -> None:
    bring(town, MAIN)
    before = segment_ids(town)
    done = bring(town, road("main", (500, 0), (500, 300)))
    assert (done.added, done.retired) == (3, 3)
    assert segment_ids(town, are_present=False) == before

    bring(town, MAIN)
    assert segment_ids(town) == before


def test_road_that_crept_away_and_lies_again_where_it_was_is_imported(town: Town) -> None:
    for east_m in (0, 10, 20, 0):  # a step keeps the segments, both together do not
        bring(town, road("main", (east_m, 0), (east_m, 300)))

    assert len(segment_ids(town)) == 3
    assert len(segment_ids(town, are_present=False)) == 3


def test_other_roads_stay(town: Town) -> None:
    bring(town, MAIN)
    bring(town, road("other", (500, 0), (500, 100)))
    assert len(segment_ids(town)) == 4


def test_changed_network_queues_what_was_seen(town: Town) -> None:
    town.sees()
    town.looks()
    town.store()
    town.work()
    town.change("DELETE FROM condition_queue")
    with connect(town.url) as connection:
        assert requeue(connection, rules=load_rules(), at=AT) == 2


def test_command_imports_a_file(town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = {"type": "LineString", "coordinates": [place(0, 0), place(0, 300)]}
    feature = {"type": "Feature", "id": "main", "properties": {"lanes": 4, "width_m": 14}, "geometry": line}
    path = tmp_path / "roads.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    monkeypatch.setenv("BUSENSE_DATABASE__URL", town.url)
    monkeypatch.setenv("BUSENSE_CITY", "testcity")

    result = CliRunner().invoke(roads, ["import", str(path)], catch_exceptions=False)

    assert "imported 1 roads in 3 segments: 3 new, 0 redrawn, 0 retired" in result.output
    assert town.rows("SELECT lanes, width_m FROM roads") == [{"lanes": 4, "width_m": 14.0}]
