"""From what a bus heard to what a guardian is told, on a real database."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, time, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any, LiteralString
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner
from cryptography.fernet import Fernet
from psycopg import Connection, sql

from busense.cli import busense
from busense.local.postgres import LocalPostgres
from cloud.cases import audit
from cloud.cases.handling import load_handling
from cloud.db.pool import connect
from cloud.errors import LookError, LookNotFoundError, TravelError, TravellerNotFoundError
from cloud.notify.notifier import Notifier
from cloud.notify.targets import Targets
from cloud.notify.travel import line_of
from cloud.notify.wishes import Wish as MailWish
from cloud.notify.wishes import write_wish
from cloud.people.accounts import Wish
from cloud.people.model import Actor, Role
from cloud.people.vault import Vault
from cloud.scenarios.safe_travel.clock import LOST_S
from cloud.scenarios.safe_travel.rules import load_travel_rules
from cloud.travel.history import lock
from cloud.travel.looks import Looks, looks_of
from cloud.travel.people import Agreed, Desk, NewTag
from cloud.travel.reading import Books
from cloud.travel.search import look_for
from cloud.travel.stops import import_stops
from cloud.work.travel import end_what_is_over, look_after_travel, watch
from tests.conftest import create_database, drop_database
from tests.integration.browser_client import add_people
from tests.integration.ingest_database import query, value
from tests.integration.travel_town import AT, COUNTER_S, KEY, SCHOOL, ZONE, TravelTown, after
from tests.unit.cloud.findings.builders import place
from tests.waiting import wait_until
from wire.tags import beacon_id

CHEN = Actor(name="chen", role=Role.CARE)
LIU = Actor(name="liu", role=Role.CARE)
MOTHER = Actor(name="wangfang", role=Role.GUARDIAN)
WAITING: LiteralString = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
ARRIVED = [("boarded", "bus-1"), ("left_bus", "bus-1"), ("arrived", "bus-1")]


@pytest.fixture(scope="module")
def shared(postgres: LocalPostgres, template_database: str) -> Iterator[str]:
    """One database for all tests of this file, emptied before each."""
    create_database(postgres, "test_travel", template=template_database)
    yield postgres.url("test_travel")
    drop_database(postgres, "test_travel")


@pytest.fixture
def town(shared: str) -> TravelTown:
    with connect(shared) as connection:
        connection.execute("""TRUNCATE travel_people, travel_queue, travel_watch, travel_readers, travel_stops, people,
            devices, device_streams, health_reports, track_points, tag_sightings, changes, audit_seals CASCADE""")
    return TravelTown(url=shared, vault=Vault(Fernet.generate_key()))


def events(town: TravelTown, child: UUID) -> list[tuple[str, str | None]]:
    rows = query(
        town.url,
        """SELECT kind, seen->>'reader' FROM travel_events WHERE traveller = %s AND withdrawn_at IS NULL
        ORDER BY at, kind DESC""",
        child,
    )
    return sorted(rows, key=lambda row: [kind for kind, _ in ARRIVED].index(row[0]) if row in ARRIVED else 9)


def test_a_child_rides_to_school(town: TravelTown) -> None:
    child = town.add_child()
    town.store(town.drive())
    town.work(after(900))
    assert events(town, child) == ARRIVED
    assert value(town.url, "SELECT count(*) FROM travel_news") == 3
    assert value(town.url, "SELECT count(*) FROM travel_queue") == 0
    assert value(town.url, "SELECT name FROM travel_people").startswith("fernet:")
    assert town.vault.unseal(value(town.url, "SELECT name FROM travel_people")) == "小明"


def test_messages_in_any_order_and_twice_lead_to_the_same(town: TravelTown) -> None:
    child = town.add_child()
    messages = town.drive()
    for number, part in enumerate((messages[60:], messages[:40], messages[30:70])):
        town.store(part)
        town.work(after(900 + 30 * number))
    assert events(town, child) == ARRIVED


def test_without_a_listening_reader_nobody_left_and_nobody_is_missing(town: TravelTown) -> None:
    child = town.add_child()
    town.store(town.drive(hears=False))
    town.work(after(900))
    assert events(town, child) == [("boarded", "bus-1")]
    town.work(after(3600))
    assert events(town, child) == [("boarded", "bus-1"), ("arrival_unknown", "bus-1")]


@pytest.mark.parametrize("new", ["journey", "tag"])
def test_nobody_is_missed_on_a_journey_that_began_before_it_was_agreed_or_the_tag_was_there(
    town: TravelTown, new: str
) -> None:
    child = town.add_child(has_journey=new != "journey")
    town.store(town.drive(aboard_s=(0.0, 0.0)))
    with connect(town.url) as connection:
        desk = Desk(connection=connection, vault=town.vault, at=after(3600), actor="chen")
        if new == "journey":
            desk.add_journey(child, SCHOOL)
        else:
            [tag] = Books(connection=connection, vault=town.vault, at=desk.at).tags(child)
            desk.end_tag(child, tag["id"])
            desk.add_tag(child, town.tag())
    town.work(after(3660))
    assert events(town, child) == []
    town.work(after(86_400 + 3660))
    assert [kind for kind, _ in events(town, child)] == ["arrival_unknown"], "the next day's counts"


def test_what_was_concluded_of_a_journey_stays_when_the_journey_ends(town: TravelTown) -> None:
    child = town.add_child()
    town.store(town.drive())
    town.work(after(900))
    with connect(town.url) as connection:
        desk = desk_at(connection, town, after(3600))
        desk.agree(child, Agreed(lon=0.0, lat=0.0, radius_m=20.0, hours_from=time(10), hours_to=time(11)))
        [journey] = Books(connection=connection, vault=town.vault, at=desk.at).journeys(child)
        desk.end_journey(child, journey["id"])
    town.work(after(3660))
    assert events(town, child) == ARRIVED, "neither taken back nor out of the area that is agreed now"
    town.work(after(86_400 + 3660))
    assert events(town, child) == ARRIVED
    with connect(town.url, autocommit=True) as connection:
        assert Books(connection=connection, vault=town.vault, at=AT).journeys(child) == []
        end_what_is_over(connection, town.vault, at=AT + timedelta(days=6))
    assert value(town.url, "SELECT count(*) FROM travel_journeys") == 0


def test_an_alarm_stays_when_another_area_and_other_hours_are_agreed(town: TravelTown) -> None:
    child = town.add_child(has_journey=False)
    far = Agreed(lon=0.0, lat=0.0, radius_m=20.0, hours_from=time(10), hours_to=time(11))
    with connect(town.url) as connection:
        desk_at(connection, town, AT).agree(child, far)
    town.store(town.drive())
    town.work(after(900))
    told = events(town, child)
    assert {("left_area", "bus-1"), ("unusual_hour", "bus-1")} < set(told)
    for seconds, agreed in ((1000, far), (1100, Agreed())):
        with connect(town.url) as connection:
            desk_at(connection, town, after(seconds)).agree(child, agreed)
        town.work(after(seconds + 10))
        assert events(town, child) == told


def test_what_was_concluded_stays_when_the_tag_is_taken_back(town: TravelTown) -> None:
    child = town.add_child()
    with connect(town.url) as connection:
        desk = desk_at(connection, town, AT - timedelta(days=1))
        worn = tag_of(desk, child)
        desk.add_tag(child, town.tag(bytes(16)))
    town.store(town.drive(seconds=1300))
    town.work(after(1300))
    assert events(town, child) == ARRIVED
    with connect(town.url) as connection:
        desk_at(connection, town, after(1400)).end_tag(child, worn)
        connection.execute("UPDATE travel_people SET look_at = %s", (after(1500),))
    town.work(after(1500))
    assert events(town, child) == ARRIVED


def late_home(town: TravelTown) -> UUID:
    """Somebody who is to be home by two minutes to midnight, when it is midnight as the bus leaves."""
    child = town.add_child(has_journey=False)
    with connect(town.url) as connection:
        journey = replace(SCHOOL, leave_at=time(23), arrive_by=time(23, 58))
        desk_at(connection, town, after(-7200)).add_journey(child, journey)
    town.work(after(-60), zone=ZoneInfo("UTC"))
    return child


@pytest.mark.parametrize(
    ("aboard_s", "expected"), [((100.0, 200.0), ARRIVED), ((0.0, 0.0), [("not_arrived", None)])], ids=["rides", "stays"]
)
def test_a_journey_that_ends_with_the_day_is_followed_past_midnight(
    town: TravelTown, aboard_s: tuple[float, float], expected: list[tuple[str, str | None]]
) -> None:
    child = late_home(town)
    town.store(town.drive(seconds=900, aboard_s=aboard_s))
    for seconds in (120, 900):
        town.work(after(seconds), zone=ZoneInfo("UTC"))
    assert events(town, child) == expected


def test_what_ended_while_the_worker_stood_still_is_concluded_after(town: TravelTown) -> None:
    child = town.add_child()
    town.work(after(-3600))
    town.store(town.drive(seconds=1300, aboard_s=(0.0, 0.0)))
    with connect(town.url, autocommit=True) as connection:
        watch(connection, at=after(1300))
    town.work(after(86_400 + 3600))
    assert events(town, child) == [("not_arrived", None), ("arrival_unknown", None)]


def test_who_is_missing_is_told_when_the_bus_tells_later(town: TravelTown) -> None:
    child = town.add_child()
    town.store(town.drive(seconds=1300, aboard_s=(0.0, 0.0), waits_from_s=600))
    town.work(after(2200))
    assert events(town, child) == [("arrival_unknown", None)]
    town.store([town.all_told(2300)])
    town.work(after(2600))
    assert events(town, child) == [("not_arrived", None)]


def test_while_a_bus_has_not_told_all_its_silence_proves_nothing(town: TravelTown) -> None:
    child = town.add_child()
    messages = town.drive(waits_from_s=150)
    late = [message for message in messages if b"sighting" in message.payload][-3:]
    town.store([message for message in messages if message not in late])
    town.work(after(900))
    assert events(town, child) == [("boarded", "bus-1")]
    town.store([*late, town.all_told(960)])
    town.work(after(970))
    assert events(town, child) == ARRIVED


def test_a_child_that_no_listening_bus_heard_has_not_arrived(town: TravelTown) -> None:
    child = town.add_child()
    town.store(town.drive(seconds=1300, aboard_s=(0, 0)))
    town.work(after(1300))
    assert events(town, child) == [("not_arrived", None)]


def test_strangers_are_not_resolved_and_ids_without_consent_mean_nobody(town: TravelTown) -> None:
    child = town.add_child()
    town.store(town.drive(key=bytes(16)))
    town.work(after(900))
    assert value(town.url, "SELECT count(*) FROM travel_heard") == 0
    with connect(town.url) as connection:
        Desk(connection=connection, vault=town.vault, at=AT, actor="chen").withdraw(child)
    town.store(town.drive(bus="bus-2"))
    town.work(after(900))
    assert value(town.url, "SELECT count(*) FROM travel_heard") == 0
    assert value(town.url, "SELECT count(*) FROM tag_sightings") == 20


def desk_at(connection: Connection[Any], town: TravelTown, at: datetime) -> Desk:
    return Desk(connection=connection, vault=town.vault, at=at, actor="chen")


def tag_of(desk: Desk, child: UUID) -> UUID:
    [tag] = Books(connection=desk.connection, vault=desk.vault, at=desk.at).tags(child)
    return tag["id"]


def meanwhile(town: TravelTown, one: Callable[[Connection[Any]], object], other: Callable[[], object]) -> None:
    """Let the other begin before what one does is committed; it waits, and goes on after."""
    with ThreadPoolExecutor(1) as thread:
        with connect(town.url) as connection:
            one(connection)
            later = thread.submit(other)
            wait_until(lambda: value(town.url, WAITING))
        later.result(timeout=20)


def test_what_was_heard_of_a_tag_before_somebody_got_it_is_not_of_them(town: TravelTown) -> None:
    child, other = town.add_child(), town.add_child(key=bytes(16))
    told_late = town.drive()
    with connect(town.url) as connection:
        desk = desk_at(connection, town, after(1000))
        desk.end_tag(child, tag_of(desk, child))
        desk.add_tag(other, replace(town.tag(), counter_s=COUNTER_S + 10 * 86_400 + 1000))
    town.store(told_late)
    town.work(after(1100))
    assert query(town.url, "SELECT traveller FROM travel_heard") == []


def test_a_tag_that_is_taken_back_while_it_is_resolved_is_nobodys(town: TravelTown) -> None:
    child = town.add_child()
    town.store(town.drive())

    def take_back(connection: Connection[Any]) -> None:
        desk = desk_at(connection, town, after(850))
        desk.end_tag(child, tag_of(desk, child))

    meanwhile(town, take_back, lambda: town.work(after(900)))
    assert value(town.url, "SELECT count(*) FROM travel_heard") == 0


def test_a_battery_that_is_renewed_while_the_tag_is_resolved_leaves_its_time_open(town: TravelTown) -> None:
    child = town.add_child()
    town.store(town.drive())

    def renew(connection: Connection[Any]) -> None:
        desk = desk_at(connection, town, after(850))
        desk.renew_battery(child, tag_of(desk, child))

    meanwhile(town, renew, lambda: town.work(after(900)))
    assert value(town.url, "SELECT high_s - low_s FROM travel_tags") > LOST_S
    assert events(town, child) == ARRIVED


def test_a_battery_is_noticed_though_another_was_renewed_by_a_clock_that_is_ahead(town: TravelTown) -> None:
    child, other = town.add_child(), town.add_child(key=bytes(16))
    with connect(town.url) as connection:
        desk = desk_at(connection, town, AT + timedelta(days=1))
        desk.renew_battery(other, tag_of(desk, other))
    town.store(town.drive(seconds=10, aboard_s=(0, 10)))
    town.work(after(20))  # all tags are known by now
    with connect(town.url) as connection:
        desk = desk_at(connection, town, after(50))
        desk.renew_battery(child, tag_of(desk, child))
    town.store(town.drive(counter_lost_s=80_000))
    town.work(after(900))
    assert events(town, child) == ARRIVED


def test_a_tag_that_is_given_out_is_not_given_again(town: TravelTown) -> None:
    child, other = town.add_child(), town.add_child(key=bytes(16))
    with connect(town.url) as connection:
        desk = desk_at(connection, town, AT)
        for wearer in (child, other):
            with pytest.raises(TravelError, match="given out already"):
                desk.add_tag(wearer, replace(town.tag(), secret=KEY.hex().upper()))
        desk.end_tag(child, tag_of(desk, child))
        desk.add_tag(child, town.tag())


DEEDS: dict[str, Callable[[Desk, UUID], object]] = {
    "journey": lambda desk, child: desk.add_journey(child, SCHOOL),
    "tag": lambda desk, child: desk.add_tag(
        child, NewTag(kind="eid", secret="0" * 32, exponent=10, counter_s=1, battery_days=400)
    ),
    "area": lambda desk, child: desk.agree(child, Agreed(lon=120.0, lat=27.0, radius_m=500.0)),
    "consent": lambda desk, child: desk.consent(
        child, given_by="王芳", covers=("search",), from_at=desk.at, until_at=desk.at + timedelta(days=9)
    ),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_nothing_is_written_of_somebody_who_is_deleted_meanwhile(town: TravelTown, deed: str) -> None:
    child = town.add_child()

    def write() -> None:
        with connect(town.url) as connection:
            DEEDS[deed](desk_at(connection, town, after(60)), child)

    with pytest.raises(TravellerNotFoundError):
        meanwhile(town, lambda connection: desk_at(connection, town, AT).withdraw(child), write)


def test_a_consent_is_withdrawn_while_somebody_looks(town: TravelTown) -> None:
    child = town.add_child()
    with connect(town.url) as connection:
        search = Looks(connection=connection, at=AT, actor=CHEN).ask(
            child, kind="search", purpose="not at home", minutes=60
        )
        Looks(connection=connection, at=AT, actor=LIU).approve(search)

    def look_on() -> None:
        with connect(town.url) as connection:
            Looks(connection=connection, at=after(60), actor=CHEN).look(search)

    with ThreadPoolExecutor(1) as thread, connect(town.url) as connection:
        lock(connection, child)
        later = thread.submit(look_on)
        wait_until(lambda: value(town.url, WAITING))
        desk_at(connection, town, after(60)).withdraw(child)
        connection.commit()
        with pytest.raises(LookError):
            later.result(timeout=20)


def test_nobody_asks_for_a_look_at_somebody_who_is_deleted_meanwhile(town: TravelTown) -> None:
    child = town.add_child()

    def ask() -> None:
        with connect(town.url) as connection:
            looks = Looks(connection=connection, at=after(60), actor=MOTHER)
            looks.ask(child, kind="search", purpose="not at home", minutes=60)

    with pytest.raises(LookError, match="consent"):
        meanwhile(town, lambda connection: desk_at(connection, town, AT).withdraw(child), ask)


def test_whose_consent_begins_when_another_ends_is_heard_from_then_on(town: TravelTown) -> None:
    one, other = town.add_child(), town.add_child(key=bytes(16))
    with connect(town.url) as connection:
        connection.execute("UPDATE travel_consents SET until_at = %s WHERE traveller = %s", (after(850), one))
        connection.execute("UPDATE travel_consents SET from_at = %s WHERE traveller = %s", (after(850), other))
    town.store(town.drive(seconds=200))
    town.work(after(800))
    town.store([*town.drive(bus="bus-2"), *town.drive(bus="bus-2", key=bytes(16))])
    town.work(after(900))
    heard = query(town.url, "SELECT traveller, device FROM travel_heard GROUP BY traveller, device")
    assert set(heard) == {(one, "bus-1"), (other, "bus-2")}


def test_withdrawal_deletes_all_but_who_looked(town: TravelTown) -> None:
    child = town.add_child()
    town.store(town.drive())
    town.work(after(900))
    with connect(town.url) as connection:
        Desk(connection=connection, vault=town.vault, at=after(1000), actor="chen").withdraw(child)
    for table in ("travel_heard", "travel_events", "travel_tags", "travel_journeys", "travel_news"):
        assert query(town.url, f"SELECT count(*) FROM {table}") == [(0,)], table  # noqa: S608 # pyright: ignore[reportArgumentType]
    assert query(town.url, "SELECT name, area_lon, look_at FROM travel_people") == [("", None, None)]
    assert value(town.url, "SELECT count(*) FROM travel_history") >= 5
    with connect(town.url) as connection, pytest.raises(TravellerNotFoundError):
        Desk(connection=connection, vault=town.vault, at=AT, actor="chen").require(child)


def rows_with(database: str, *words: str) -> dict[str, int]:
    """In which tables of the whole database rows hold one of these words."""
    found: dict[str, int] = {}
    with connect(database) as connection:
        tables = connection.execute(
            "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        ).fetchall()
        for (table,) in tables:
            count = sql.SQL("SELECT count(*) FROM {} t WHERE t::text LIKE ANY(%s)").format(sql.Identifier(table))
            row = connection.execute(count, ([f"%{word}%" for word in words],)).fetchone()
            if row is not None and row[0]:
                found[table] = row[0]
    return found


def test_after_a_withdrawal_no_table_has_a_trace_but_the_record_of_who_looked(town: TravelTown) -> None:
    town = TravelTown(url=town.url)  # nothing is sealed, so that all words can be found
    child = town.add_child()
    beacon = beacon_id(uuid=bytes(16), major=1, minor=2)
    with connect(town.url) as connection:
        desk = Desk(connection=connection, vault=town.vault, at=AT, actor="chen")
        desk.add_tag(child, NewTag(kind="ibeacon", secret=beacon, exponent=None, counter_s=None, battery_days=100))
        desk.agree(child, Agreed(lon=120.4258, lat=27.5184, radius_m=812.5))
        search = Looks(connection=connection, at=AT, actor=CHEN).ask(
            child, kind="search", purpose="not at home", minutes=60
        )
        Looks(connection=connection, at=AT, actor=LIU).approve(search)
        Looks(connection=connection, at=after(60), actor=CHEN).close(search, outcome="asleep behind the market")
    town.store(town.drive())
    town.store(town.drive(bus="bus-2", beacon=beacon))
    town.work(after(900))
    words = ("小明", "王芳", "school", bytes(range(16)).hex(), beacon, "behind the market", "812.5")
    before = rows_with(town.url, *words)
    assert before.keys() >= {"travel_people", "travel_consents", "travel_tags", "travel_journeys", "travel_looks"}
    assert any(table.startswith("tag_sightings") for table in before)
    assert rows_with(town.url, str(child)).keys() >= {"travel_heard", "travel_events"}
    with connect(town.url) as connection:
        Desk(connection=connection, vault=town.vault, at=after(1000), actor="wangfang").withdraw(child)
    assert rows_with(town.url, *words) == {}
    assert rows_with(town.url, str(child)).keys() == {
        "travel_people",
        "travel_consents",
        "travel_looks",
        "travel_history",
        "changes",
    }
    assert query(town.url, "SELECT DISTINCT kind, payload FROM changes WHERE subject = %s", str(child)) == [
        ("ward", {"ward": str(child)})
    ], "that there was something new, never what"


def test_of_whom_no_consent_comes_the_name_goes_too(town: TravelTown) -> None:
    with connect(town.url) as connection:
        Desk(connection=connection, vault=town.vault, at=AT, actor="chen").add("小明", "child")
    with connect(town.url, autocommit=True) as connection:
        end_what_is_over(connection, town.vault, at=AT + timedelta(days=29))
        assert value(town.url, "SELECT erased_at FROM travel_people") is None
        end_what_is_over(connection, town.vault, at=AT + timedelta(days=31))
    assert query(town.url, "SELECT name, erased_at IS NULL FROM travel_people") == [("", False)]


def test_what_is_known_goes_when_the_consent_runs_out(town: TravelTown) -> None:
    town.add_child()
    with connect(town.url, autocommit=True) as connection:
        end_what_is_over(connection, town.vault, at=AT + timedelta(days=299))
        assert value(town.url, "SELECT count(*) FROM travel_tags") == 1
        end_what_is_over(connection, town.vault, at=AT + timedelta(days=301))
    assert value(town.url, "SELECT count(*) FROM travel_tags") == 0


def test_who_consented_to_a_search_only_is_looked_for_and_nothing_else_is_concluded(town: TravelTown) -> None:
    child = town.add_child(covers=("search",), has_journey=False)
    town.store(town.drive())
    with connect(town.url) as connection:
        looks = Looks(connection=connection, at=AT, actor=CHEN)
        search = looks.ask(child, kind="search", purpose="not at home", minutes=60)
        Looks(connection=connection, at=AT, actor=LIU).approve(search)
        with pytest.raises(LookError, match="consent"):
            looks.ask(child, kind="history", purpose="a quarrel about yesterday", minutes=10)
    town.work(after(900))
    assert query(town.url, "SELECT kind FROM travel_events") == []
    assert query(town.url, "SELECT kind, subject FROM changes WHERE kind = 'travel'") == [("travel", str(search))]
    with connect(town.url) as connection:
        found = look_for(connection, child, at=after(900), rules=load_travel_rules())
    assert found.last is not None


def test_what_was_concluded_goes_with_the_consent_to_it_though_that_to_a_search_stands(town: TravelTown) -> None:
    child = town.add_child()
    with connect(town.url) as connection:
        desk = Desk(connection=connection, vault=town.vault, at=AT, actor="chen")
        desk.consent(child, given_by="王芳", covers=("search",), from_at=AT, until_at=AT + timedelta(days=600))
    town.store(town.drive())
    town.work(after(900))
    with connect(town.url, autocommit=True) as connection:
        end_what_is_over(connection, town.vault, at=AT + timedelta(days=299))
        assert events(town, child) == ARRIVED
        end_what_is_over(connection, town.vault, at=AT + timedelta(days=301))
    assert events(town, child) == []
    assert value(town.url, "SELECT count(*) FROM travel_journeys") == 0
    assert value(town.url, "SELECT count(*) FROM travel_tags") == 1


def test_all_consents_that_stand_are_shown_not_the_longest_alone(town: TravelTown) -> None:
    child = town.add_child(covers=("journeys",), has_journey=False)
    until = AT + timedelta(days=600)
    with connect(town.url) as connection:
        desk = Desk(connection=connection, vault=town.vault, at=AT, actor="chen")
        desk.consent(child, given_by="王芳", covers=("search",), from_at=AT, until_at=until)
        shown = {
            days: Books(connection=connection, vault=town.vault, at=AT + timedelta(days=days)).person(child)
            for days in (1, 599, 601)
        }
    assert {days: row["covers"] for days, row in shown.items()} == {1: ["journeys", "search"], 599: ["search"], 601: []}
    assert {days: row["consent_until"] for days, row in shown.items()} == {1: until, 599: until, 601: None}


def test_a_look_needs_two_persons_and_ends_by_itself(town: TravelTown) -> None:
    child = town.add_child()
    with connect(town.url) as connection:
        asked = Looks(connection=connection, at=AT, actor=CHEN)
        number = asked.ask(child, kind="search", purpose="missing since breakfast", minutes=30)
        for refused in (asked.approve, asked.look):
            with pytest.raises(LookError):
                refused(number)
        second = Looks(connection=connection, at=AT, actor=LIU)
        second.approve(number)
        with pytest.raises(LookError):
            second.approve(number)
        assert asked.look(number).traveller == child
        late = Looks(connection=connection, at=AT + timedelta(minutes=31), actor=CHEN)
        with pytest.raises(LookError):
            late.look(number)
        assert late.end_those_over() == 1
        (look,) = looks_of(connection, child)
        assert (look.state(late.at), look.closed_by) == ("closed", "chen")
    actions = query(town.url, "SELECT action, actor, reason->>'zh' FROM travel_history ORDER BY serial OFFSET 4")
    assert actions == [
        ("ask_to_look", "chen", "missing since breakfast"),
        ("approve_look", "liu", "missing since breakfast"),
        ("look", "chen", "missing since breakfast"),
        ("close_look", "chen", "missing since breakfast"),
    ]


def test_a_guardian_asks_for_a_search_and_the_desk_approves_it(town: TravelTown) -> None:
    child, other = town.add_child(), town.add_child(key=bytes(range(1, 17)))
    with connect(town.url) as connection:
        Desk(connection=connection, vault=town.vault, at=AT, actor="chen").add_guardian(child, "wangfang", address="")
        looks = Looks(connection=connection, at=AT, actor=MOTHER)
        number = looks.ask(child, kind="search", purpose="not at home", minutes=60)
        with pytest.raises(LookError):
            looks.approve(number)
        Looks(connection=connection, at=AT, actor=CHEN).approve(number)
        assert looks.look(number).traveller == child
        strange = Looks(connection=connection, at=AT, actor=CHEN).ask(
            other, kind="search", purpose="missing", minutes=60
        )
        Looks(connection=connection, at=AT, actor=LIU).approve(strange)
        with pytest.raises(LookNotFoundError):
            looks.look(strange)


def test_a_look_without_a_consent_is_refused(town: TravelTown) -> None:
    child = town.add_child()
    with connect(town.url) as connection:
        late = Looks(connection=connection, at=AT + timedelta(days=301), actor=CHEN)
        with pytest.raises(LookError, match="consent"):
            late.ask(child, kind="history", purpose="a quarrel about yesterday", minutes=10)


def test_the_history_is_sealed_with_that_of_the_cases(town: TravelTown) -> None:
    town.add_child()
    with connect(town.url) as connection:
        assert audit.seal(connection, at=AT) == 4
    with connect(town.url) as connection:
        assert audit.verify(connection, at=AT).faults == ()
        connection.execute("UPDATE travel_history SET actor = 'nobody' WHERE serial = 2")
        assert any("traveller" in fault for fault in audit.verify(connection, at=AT).faults)


def test_a_search_tells_the_last_place_where_the_person_may_be_and_which_buses_come(town: TravelTown) -> None:
    child = town.add_child(has_journey=False)
    town.store(town.drive())
    town.work(after(900))
    with connect(town.url) as connection:
        connection.execute(
            """INSERT INTO travel_watch (city, device, from_at, to_at, is_listening, cells, moments)
            SELECT city, device, from_at - n * interval '1 day' + interval '20 min',
                to_at - n * interval '1 day' + interval '20 min', TRUE, cells, moments
            FROM travel_watch, generate_series(1, 3) n"""
        )
        found = look_for(connection, child, at=after(900), rules=load_travel_rules())
    assert found.last is not None
    assert (found.last.reader, found.last.to_at) == ("bus-1", after(199))
    assert sum(chance.probability for chance in found.chances) == pytest.approx(1.0, abs=0.06)
    assert [(one.reader, one.share) for one in found.passes] == [("bus-1", 1.0)]
    assert found.passes[0].at - after(900) < timedelta(minutes=10)


def test_nothing_is_said_of_somebody_who_was_never_heard(town: TravelTown) -> None:
    child = town.add_child()
    with connect(town.url) as connection:
        assert look_for(connection, child, at=AT, rules=load_travel_rules()).last is None


def test_an_account_of_another_kind_is_no_guardian(town: TravelTown) -> None:
    child = town.add_child()
    add_people(town.url, Wish(name="liu", role=Role.CARE))
    with connect(town.url) as connection, pytest.raises(Exception, match="account of another kind"):
        Desk(connection=connection, vault=town.vault, at=AT, actor="chen").add_guardian(child, "liu", address="")


def test_a_vault_that_comes_later_seals_what_lay_open(town: TravelTown) -> None:
    database = town.url
    TravelTown(url=database).add_child()
    assert value(database, "SELECT name FROM travel_people") == "小明"
    vault = Vault(Fernet.generate_key())
    with connect(database) as connection:
        vault.seal_all(connection)
    assert vault.unseal(value(database, "SELECT secret FROM travel_tags")) == bytes(range(16)).hex()
    assert vault.unseal(value(database, "SELECT name FROM travel_journeys")) == "school"


def test_guardians_are_told_at_once_of_an_alarm_and_of_nothing_that_names_anybody(
    town: TravelTown,
) -> None:
    child = town.add_child()
    with connect(town.url) as connection:
        for name in ("wangfang", "granny"):
            Desk(connection=connection, vault=town.vault, at=AT, actor="chen").add_guardian(child, name, address="")
        wish = MailWish(address="w@mail.example", classes=[], quiet_from=time(0), quiet_to=time(23, 59), digest_min=0)
        write_wish(connection, "wangfang", wish)
    town.store(town.drive(seconds=1300, aboard_s=(600, 700)))
    town.work(after(1300))
    with connect(town.url, autocommit=True) as connection:
        notifier = Notifier(
            connection=connection,
            targets=Targets(page="https://ops"),
            handling=load_handling(),
            now=lambda: after(1300),
        )
        notifier.run()
    rows = query(town.url, "SELECT target, payload->>'type', attempts > 0 FROM deliveries ORDER BY 2")
    assert rows == [
        ("@wangfang", "travel.boarded", False),
        ("@wangfang", "travel.left_bus", False),
        ("@wangfang", "travel.not_arrived", True),
    ]
    assert "小明" not in str(query(town.url, "SELECT payload FROM deliveries"))
    payload = value(town.url, "SELECT payload FROM deliveries WHERE payload->>'type' = 'travel.not_arrived'")
    told = line_of(payload, "https://ops")
    assert "未按约定到达 / has not arrived as agreed https://ops/guardian" in told


def stops_file(folder: Path, *features: dict[str, object]) -> Path:
    file = folder / "stops.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return file


def stop_at(east_m: float, name: str) -> dict[str, object]:
    geometry = {"type": "Point", "coordinates": [*place(east_m, 0.0), 12.5]}
    return {"type": "Feature", "id": int(east_m), "geometry": geometry, "properties": {"name": name}}


def test_events_tell_the_stops_that_a_file_named(town: TravelTown, tmp_path: Path) -> None:
    file = stops_file(tmp_path, stop_at(1050, "market"), stop_at(2000, "school"))
    config = tmp_path / "cloud.toml"
    config.write_text(f'city = "testcity"\n[database]\nurl = "{town.url}"\n')
    result = CliRunner().invoke(busense, ["travel", "stops", str(file), "--config", str(config)])
    assert result.output == "2 stops\n"
    child = town.add_child(has_journey=False)
    town.store(town.drive())
    town.work(after(900))
    rows = query(town.url, "SELECT kind, stop FROM travel_events WHERE traveller = %s ORDER BY at", child)
    assert rows == [("boarded", "market"), ("left_bus", "school")]


@pytest.mark.parametrize("text", ["[]", '{"type": "FeatureCollection", "features": [{"type": "Feature"}]}'])
def test_a_file_that_names_no_stops_is_refused(town: TravelTown, tmp_path: Path, text: str) -> None:
    file = tmp_path / "stops.geojson"
    file.write_text(text)
    with connect(town.url) as connection, pytest.raises(TravelError):
        import_stops(connection, file)


def test_the_worker_waits_for_the_key_and_goes_on_with_it(
    town: TravelTown, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    town.add_child()
    town.store(town.drive())
    key = tmp_path / "vault.key"
    stop = Event()
    worker = Thread(target=look_after_travel, args=(town.url, key, load_travel_rules(), ZONE, stop))
    worker.start()
    try:
        wait_until(lambda: "travel_waits" in caplog.text)
        assert value(town.url, "SELECT count(*) FROM travel_queue") > 0
    finally:
        stop.set()
        worker.join(timeout=20)
    assert not worker.is_alive()
    assert not key.exists()


def test_hours_later_too_nobody_is_missing_while_a_bus_of_the_week_has_not_told(town: TravelTown) -> None:
    child = town.add_child()
    town.store(town.drive(bus="bus-2", seconds=300, aboard_s=(0, 0)))
    with connect(town.url, autocommit=True) as connection:
        watch(connection, at=after(300))
    town.store(town.drive(seconds=1300, aboard_s=(0, 0)))
    for seconds in (1300, 3600, 8 * 3600):
        town.work(after(seconds))
        with connect(town.url) as connection:
            connection.execute("UPDATE travel_people SET look_at = %s", (after(seconds),))
    assert events(town, child) == [("arrival_unknown", None)]
