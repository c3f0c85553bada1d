# ruff: noqa: ANN401 - JSON is of any type
"""What each bus and stop told, by which way and how late; who is silent, and where nobody passes."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cloud.condition.passes import note_passes
from cloud.condition.rules import load_rules
from cloud.db.pool import connect, open_pool
from cloud.fleet.devices import enrol
from cloud.ingest.batch import write_batch
from cloud.ingest.reading import Readable, read_delivery
from cloud.ingest.subscriber import Delivery
from cloud.observations.staging import create_staging
from cloud.roads.imports import import_roads
from cloud.roads.model import Road
from cloud.roads.segments import join_roads
from tests.integration.ingest_database import enrol_devices
from tests.integration.office import Office, headers_of, open_office
from tests.integration.town import Town
from tests.unit.cloud.findings.builders import place
from tests.unit.cloud.ingest.messages import CITY, Outbox, golden_data
from wire.messages import Kind

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)
TAGS = len(golden_data(Kind.SIGHTING)["tags"])


@pytest.fixture
def town(database: str) -> Town:
    town = Town(url=database)
    with connect(database) as connection:
        enrol(connection, city=CITY, device="stop-1", secret="x" * 32, is_relay=True)
    town.change("UPDATE devices SET enrolled_at = %s", NOON - timedelta(days=30))
    return town


@pytest.fixture
def office(town: Town, tmp_path: Path) -> Iterator[Office]:
    with open_office(town, tmp_path) as office:
        yield office


def came(delivery: Delivery, *, late_s: float = 0.0, stop: str | None = None) -> Readable:
    """A message as it arrived; who signed what a stop brings is checked elsewhere."""
    later = replace(delivery, received_at=delivery.received_at + timedelta(seconds=late_s))
    readable = read_delivery(later)
    assert isinstance(readable, Readable)
    return replace(readable, stop=stop)


def store(town: Town, items: Sequence[Readable]) -> None:
    async def write() -> None:
        async with (
            open_pool(town.url, max_size=1, configure=create_staging) as pool,
            pool.connection() as connection,
            connection.transaction(),
            connection.cursor() as cursor,
        ):
            outcome = await write_batch(cursor, items, is_replay=False)
        assert not outcome.rejected

    asyncio.run(write())


def days_of(town: Town, device: str = "bus-1") -> list[tuple[Any, ...]]:
    rows = town.rows("SELECT way, messages, tags, hours, late FROM heard_days WHERE device = %s ORDER BY way", device)
    return [tuple(row.values()) for row in rows]


def test_messages_count_by_way_lateness_tags_and_hour(town: Town) -> None:
    box = Outbox(device="bus-1", at=NOON)
    first = [came(box.message(Kind.SIGHTING), late_s=2), came(box.message(Kind.TRACK), late_s=30)]
    store(town, first)
    store(town, [came(box.message(Kind.COVERAGE), late_s=2 * 3600, stop="stop-1")])
    store(town, [came(box.message(Kind.COVERAGE), late_s=8 * 3600, stop="stop-1")])
    assert days_of(town) == [
        ("", 2, TAGS, 1 << 12, [1, 1, 0, 0, 0, 0]),
        ("stop-1", 2, 0, 1 << 14 | 1 << 20, [0, 0, 0, 0, 1, 1]),
    ]


def test_what_comes_twice_counts_once_as_it_came_first(town: Town) -> None:
    box = Outbox(device="bus-1", at=NOON)
    one, other = box.message(Kind.SIGHTING), box.message(Kind.TRACK)
    store(town, [came(one), came(one, late_s=20, stop="stop-1")])
    store(town, [came(one, late_s=700, stop="stop-1"), came(other, late_s=700, stop="stop-1"), came(other, late_s=900)])
    assert [(way, messages, tags, late) for way, messages, tags, _, late in days_of(town)] == [
        ("", 1, TAGS, [1, 0, 0, 0, 0, 0]),
        ("stop-1", 1, 0, [0, 0, 0, 1, 0, 0]),
    ]


def test_a_clock_that_is_not_believed_tells_nothing_of_lateness(town: Town) -> None:
    ancient = Outbox(device="bus-1", at=NOON - timedelta(days=400)).message(Kind.TRACK)
    store(town, [came(replace(ancient, received_at=NOON))])
    assert days_of(town) == [("", 1, 0, 1 << 12, [0, 0, 0, 0, 0, 0])]


def ask(office: Office, path: str, who: str = "desk", **question: Any) -> Any:
    response = office.api.get(path, params=question, headers=headers_of(who))
    assert response.status_code == 200, response.text
    return response.json()


def test_network_tells_ways_queue_and_gaps(office: Office) -> None:
    town = office.town
    now = datetime.now(UTC)
    by_network, by_stop = Outbox(device="bus-1", at=NOON), Outbox(device="bus-2", at=now)
    store(town, [came(by_network.message(Kind.TRACK))])
    store(town, [came(by_stop.message(Kind.TRACK), stop="stop-1"), came(by_stop.message(Kind.SIGHTING), stop="stop-1")])
    carrying = {"waiting": 3, "oldest_s": 1.5, "carried": 2, "refused": 1}
    store(town, [came(Outbox(device="stop-1", at=now).message(Kind.STATE, carrying=carrying))])
    town.change("INSERT INTO travel_stops VALUES ('stop-1', '车站', 120.42, 27.51)")
    town.change("UPDATE devices SET last_seen_at = now() - interval '2 days' WHERE device = 'bus-1'")
    enrol_devices(town.url, ("bus-7",))
    town.change("UPDATE devices SET revoked_at = now() WHERE device = 'bus-7'")

    found = ask(office, "/network", days=2)
    stations = {each["device"]: each for each in found["stations"]}
    assert found["stations"][0]["device"] == "stop-1"
    assert {name: each["gap"] for name, each in stations.items()} == {
        "stop-1": None, "bus-1": "silent", "bus-2": "only_by_stops",
        "bus-3": "never", "bus-4": "never", "bus-5": "never", "bus-6": "never",
    }  # fmt: skip
    assert [(way["stop"], way["messages"]) for way in stations["bus-2"]["ways"]] == [("stop-1", 2)]
    assert stations["bus-2"]["tags"] == TAGS
    stop = stations["stop-1"]
    assert (stop["name"], stop["lon"], stop["lat"]) == ("车站", 120.42, 27.51)
    carried = stop["carried"]
    assert (carried["messages"], carried["buses"], carried["waiting"], carried["refused"]) == (2, 1, 3, 1)
    assert [hour["devices"] for hour in found["hours"]] == [1, 1]
    assert found["first_hour"] == found["hours"][0]["at"]
    assert ask(office, "/network", days=1)["first_hour"] == found["first_hour"], "also when it lies before the days"
    assert ask(office, "/network", days=1)["hours"][-1]["devices"] == 1


def test_roads_on_which_nobody_passes_are_told(office: Office) -> None:
    town = office.town
    roads = [
        Road(id=name, name=name, kind="residential", width_m=7.0, line=(place(0.0, north_m), place(200.0, north_m)))
        for name, north_m in (("driven", 0.0), ("left", 500.0), ("lonely", 1000.0))
    ]
    with connect(town.url) as connection:
        import_roads(connection, join_roads(roads), at=NOON)
    town.change(
        "INSERT INTO segment_last_passes SELECT id, now() - CASE road_id WHEN 'left' THEN interval '9 days' ELSE"
        " interval '1 day' END FROM segments WHERE road_id <> 'lonely'"
    )
    told = ask(office, "/network/roads", days=7)
    assert [(road["id"], round(road["silent_km"], 2), round(road["never_km"], 2)) for road in told["items"]] == [
        ("left", 0.2, 0.0),
        ("lonely", 0.0, 0.2),
    ]
    assert (round(told["length_km"], 2), round(told["silent_km"], 2)) == (0.6, 0.2)
    segments = ask(office, "/network/segments", days=7)
    assert segments["is_complete"]
    assert {feature["properties"]["name"] for feature in segments["features"]} == {"left", "lonely"}
    lon, lat = place(0, 1000)
    near = ask(office, "/network/segments", days=7, bbox=f"{lon - 0.01},{lat - 0.001},{lon + 0.01},{lat + 0.001}")
    assert {feature["properties"]["name"] for feature in near["features"]} == {"lonely"}
    assert ask(office, "/network/segments", days=7, limit=1)["is_complete"] is False


def test_a_drive_is_the_last_pass_of_its_segments(town: Town) -> None:
    main = Road(id="main", name="main", kind="residential", width_m=7.0, line=(place(0, -100), place(0, 100)))
    with connect(town.url) as connection:
        import_roads(connection, join_roads([main]), at=NOON)
    points: list[dict[str, object]] = [
        {"at": (NOON + timedelta(seconds=number)).isoformat(), "lon": lon, "lat": lat, "accuracy_m": 3.0, "fix": "gnss"}
        for number in range(40)
        for lon, lat in [place(1.7, -100.0 + 5.0 * number)]
    ]
    store(town, [came(Outbox(device="bus-1", at=NOON).message(Kind.TRACK, points=points), late_s=60)])
    with connect(town.url, autocommit=True) as connection:
        note_passes(connection, rules=load_rules(), now=lambda: NOON + timedelta(hours=1))
    rows = town.rows("SELECT last_at FROM segment_last_passes ORDER BY last_at")
    assert [NOON <= row["last_at"] <= NOON + timedelta(seconds=60) for row in rows] == [True, True]
