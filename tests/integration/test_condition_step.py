"""From stored messages to the condition of segments."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from cloud.condition.evidence import read_network
from cloud.condition.passes import note_passes
from cloud.condition.requeue import requeue
from cloud.condition.rules import load_rules
from cloud.condition.step import update_conditions
from cloud.db.pool import connect
from cloud.roads.imports import import_roads
from cloud.roads.model import Road
from cloud.roads.segments import join_roads
from cloud.work.roads import look_after_roads
from tests.integration.town import Town
from tests.unit.cloud.findings.builders import place
from tests.unit.cloud.ingest.messages import AT, Outbox
from tests.waiting import wait_until
from wire.messages import Kind

RULES = load_rules()


def road(name: str, *places_m: tuple[float, float]) -> Road:
    return Road(id=name, name=name, kind="residential", line=tuple(place(*spot) for spot in places_m), width_m=7.0)


MAIN = road("main", (0.0, -100.0), (0.0, 0.0), (0.0, 100.0))
SIDE = road("side", (0.0, 0.0), (100.0, 0.0))


@pytest.fixture
def town(database: str) -> Town:
    with connect(database) as connection:
        import_roads(connection, join_roads([MAIN, SIDE]), at=AT)
    return Town(url=database)


def update(town: Town, *, days: float = 0.0) -> int:
    with connect(town.url, autocommit=True) as connection:
        return update_conditions(connection, rules=RULES, now=lambda: AT + timedelta(days=days))


def conditions(town: Town) -> dict[tuple[str, float], dict[str, Any]]:
    """By road and by the north of the segment's middle."""
    rows = town.rows(
        "SELECT s.road_id, s.min_lat + s.max_lat AS twice_lat, c.* FROM segment_conditions c"
        " JOIN segments s ON s.id = c.segment_id ORDER BY 1, 2"
    )
    return {(row["road_id"], round(row["twice_lat"] / 2 - place(0, 0)[1], 4)): row for row in rows}


def drive_north(town: Town, *, bus: str = "bus-1", minutes: float = 0.0, **changes: object) -> None:
    """Look at the whole of the main road in one direction."""
    line = tuple((1.7, north_m) for north_m in np.arange(-100.0, 1.0, 20.0).tolist())
    town.looks(bus=bus, minutes=minutes, line_m=line, **changes)
    town.looks(bus=bus, minutes=minutes + 0.2, line_m=tuple((1.7, spot[1] + 100) for spot in line), **changes)


def test_segment_that_was_seen_has_an_estimate_with_an_interval(town: Town) -> None:
    drive_north(town, left_m=6.0, right_m=3.0)
    town.store()
    assert update(town) > 0

    found = conditions(town)
    assert {road for road, _ in found} == {"main"}
    for row in found.values():
        assert 0.9 < row["surveyed_share"] <= 1
        assert 0 < row["pci_low"] < row["pci_estimate"] <= row["pci_high"] <= 100
        assert row["last_looked_at"] is not None


def test_damage_makes_its_segment_worse_and_no_other(town: Town) -> None:
    for minutes in (0, 10, 20, 30):
        drive_north(town, minutes=minutes, left_m=6.0, right_m=3.0)
        town.sees(minutes=minutes, north_m=50, class_code="D20", area_m2=12.0, confidence=0.9)
    town.store()
    town.work()
    update(town)

    south, north = conditions(town).values()
    assert (south["findings"], north["findings"]) == (0, 1)
    assert north["pci_estimate"] < south["pci_estimate"] - 10


def test_only_damage_that_is_open_is_counted(town: Town) -> None:
    for minutes in (0, 10, 20, 30):
        drive_north(town, minutes=minutes, left_m=6.0, right_m=3.0)
        town.sees(minutes=minutes, north_m=50, class_code="D20", area_m2=12.0, confidence=0.9)
    town.store()
    town.work()
    for state, counted in (("open", 1), ("candidate", 0), ("gone", 0)):
        town.change("UPDATE findings SET state = %s", state)
        update(town)
        assert sum(row["findings"] for row in conditions(town).values()) == counted


def test_nothing_new_is_no_work(town: Town) -> None:
    drive_north(town)
    town.store()
    update(town)
    assert update(town) == 0


def test_late_and_early_evidence_give_the_same_condition(town: Town) -> None:
    drive_north(town)
    town.sees(north_m=50)
    town.sees(minutes=10, north_m=50, bus="bus-2")
    messages = list(town.messages)
    town.store(messages[:1])
    town.work()
    update(town)
    town.store(messages[1:])
    town.work()
    update(town)
    one_by_one = conditions(town)
    with connect(town.url) as connection:
        requeue(connection, rules=RULES, at=AT)
    update(town)

    assert conditions(town) == one_by_one


def test_looks_that_are_too_old_count_no_longer(town: Town) -> None:
    drive_north(town)
    town.store()
    update(town)
    assert update(town, days=RULES.survey.window_days + 1) > 0

    for row in conditions(town).values():
        assert (row["surveyed_share"], row["pci_estimate"]) == (0, None)
        assert row["last_looked_at"] is not None


def test_history_keeps_a_line_for_each_local_day(town: Town) -> None:
    drive_north(town)
    town.store()
    update(town)
    update(town, days=RULES.survey.window_days + 1)

    days = town.rows("SELECT DISTINCT day FROM segment_history ORDER BY day")
    assert len(days) == 2


def test_segment_redrawn_a_little_keeps_its_history(town: Town) -> None:
    drive_north(town)
    town.store()
    update(town)
    before = conditions(town)
    moved = road("main", (2.0, -100.0), (2.0, 0.0), (2.0, 100.0))
    with connect(town.url) as connection:
        done = import_roads(connection, join_roads([moved]), at=AT)

    assert (done.added, done.redrawn, done.retired) == (0, 2, 0)
    assert len(conditions(town)) == len(before)


def test_passes_of_a_track_are_counted_by_hour_of_the_week(town: Town) -> None:
    points: list[dict[str, object]] = [
        {"at": (AT + timedelta(seconds=number)).isoformat(), "lon": lon, "lat": lat, "accuracy_m": 3.0, "fix": "gnss"}
        for number in range(40)
        for lon, lat in [place(1.7, -100.0 + 5.0 * number)]
    ]
    town.messages.append(Outbox(device="bus-1").message(Kind.TRACK, points=points))
    town.store()
    with connect(town.url, autocommit=True) as connection:
        assert note_passes(connection, rules=RULES, now=lambda: AT + timedelta(hours=1)) == 1
        assert note_passes(connection, rules=RULES, now=lambda: AT + timedelta(hours=1)) == 0

    rows = town.rows("SELECT segment_id, passes, hour FROM segment_passes")
    assert [row["passes"] for row in rows] == [1, 1]


def test_roads_between_a_bus_and_a_stray_position_are_not_read(town: Town) -> None:
    lon, lat = place(0.0, 0.0)
    between = Road(id="between", name=None, kind="residential", line=((lon / 2, lat / 2), (lon / 2, lat / 2 + 0.001)))
    track = [place(0.0, -90.0), (0.0, 0.0), place(0.0, 0.0), (179.9, lat), place(0.0, 90.0)]
    with connect(town.url) as connection:
        import_roads(connection, join_roads([MAIN, SIDE, between]), at=AT)
        network = read_network(connection, np.array(track))

    assert len(network.segments) == 3
    assert not any(segment.line[0][0] == lon / 2 for segment in network.segments)


def test_what_a_bus_drove_while_it_had_no_network_is_counted_though_it_began_without_a_fix(town: Town) -> None:
    """The worker looks when only the points in the garage have come; the way of the day comes afterwards."""
    outbox, (lon, lat) = Outbox(device="bus-1"), place(1.7, -100.0)
    garage = {"at": AT.isoformat(), "lon": lon, "lat": lat, "accuracy_m": 3.0, "fix": "none"}
    town.messages.append(outbox.message(Kind.TRACK, points=[garage]))
    town.store()
    with connect(town.url, autocommit=True) as connection:
        note_passes(connection, rules=RULES, now=lambda: AT + timedelta(hours=5))
        points: list[dict[str, object]] = []
        for second in range(40):
            at, (lon, lat) = AT + timedelta(minutes=5, seconds=second), place(1.7, -100.0 + 5.0 * second)
            points.append({"at": at.isoformat(), "lon": lon, "lat": lat, "accuracy_m": 3.0, "fix": "gnss"})
        town.messages.append(outbox.message(Kind.TRACK, points=points))
        town.store()
        note_passes(connection, rules=RULES, now=lambda: AT + timedelta(hours=5))
    assert [row["passes"] for row in town.rows("SELECT passes FROM segment_passes")] == [1, 1]


def test_workers_second_hand_updates_by_itself_until_told(town: Town) -> None:
    stop = threading.Event()
    with ThreadPoolExecutor(max_workers=1) as executor:
        done = executor.submit(look_after_roads, town.url, RULES, stop)
        drive_north(town)
        town.store()
        wait_until(lambda: conditions(town), timeout_s=30)
        stop.set()
    assert done.exception() is None


def test_two_workers_at_once_give_the_conditions_of_one(town: Town) -> None:
    for minutes in range(0, 60, 10):
        drive_north(town, minutes=minutes)
    town.store()
    with ThreadPoolExecutor(max_workers=2) as executor:
        for each in [executor.submit(update, town) for _ in range(2)]:
            each.result()
    update(town)
    together = conditions(town)
    with connect(town.url) as connection:
        requeue(connection, rules=RULES, at=AT)
    update(town)

    assert conditions(town) == together
