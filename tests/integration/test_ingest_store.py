"""What a batch of messages becomes in the database."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql

from cloud.errors import UnavailableError
from cloud.ingest.batch import Outcome
from cloud.ingest.handler import open_handler
from cloud.ingest.subscriber import Delivery
from tests.conftest import PLAIN, TIMESCALE
from tests.integration.ingest_database import handler_with, query, value
from tests.unit.cloud.ingest.messages import AT, Outbox, golden_data
from wire.envelope import make_id
from wire.messages import COUNTED_KINDS, Kind

pytestmark = [pytest.mark.asyncio, pytest.mark.kinds_of_database(PLAIN, TIMESCALE)]
plain_only = pytest.mark.kinds_of_database(PLAIN)

LATER = timedelta(minutes=6)
TOLD = ["class_code", "confidence", "device", "id", "lat", "lon", "observed_at", "received_at"]
DEEP: object = json.loads("[" * 20 + "]" * 20)


async def store(url: str, *deliveries: Delivery) -> Outcome:
    async with handler_with(url) as handler:
        return await handler.store(deliveries)


def reasons(url: str) -> list[str]:
    return [reason for (reason,) in query(url, "SELECT reason FROM quarantine ORDER BY id")]


async def test_every_counted_kind_is_stored(database: str) -> None:
    outbox = Outbox()
    outcome = await store(database, *[outbox.message(kind) for kind in sorted(COUNTED_KINDS)])
    counts = query(
        database,
        """SELECT (SELECT count(*) FROM observations), (SELECT count(*) FROM coverages),
        (SELECT count(*) FROM track_points), (SELECT count(*) FROM driving_events),
        (SELECT count(*) FROM tag_sightings), (SELECT count(*) FROM health_reports),
        (SELECT count(*) FROM measurements)""",
    )
    points, values = len(golden_data(Kind.TRACK)["points"]), len(golden_data(Kind.MEASUREMENT)["values"])
    assert counts == [(1, 1, points, 1, 1, 1, values)]
    assert list(outcome.rejected) == []
    assert outcome.settled[0].ranges == ((1, len(COUNTED_KINDS)),)


async def test_observation_keeps_what_the_bus_said(database: str) -> None:
    sent = golden_data(Kind.DETECTION)
    await store(database, Outbox().message())
    row = query(
        database,
        """SELECT class_code, confidence, lon, lat, along_m, across_m, heading_deg, frames, box_xyxy_px, camera_id,
        model_name, model_sha256, distance_m, area_m2, picture_sha256, city, device, sequence, clock_mark
        FROM observations""",
    )[0]
    names = ["class_code", "confidence", "lon", "lat", "along_m", "across_m", "heading_deg", "frames"]
    names += ["box_xyxy_px", "camera_id"]
    expected: list[Any] = [sent[name] for name in names]
    expected += [sent["model"]["name"], sent["model"]["sha256"], sent["distance_m"], sent["area_m2"]]
    assert list(row) == [*expected, sent["picture"]["sha256"], "testcity", "bus-1", 1, None]


async def test_same_message_again_changes_nothing_but_is_counted(database: str) -> None:
    outbox = Outbox()
    messages = [outbox.message(kind) for kind in sorted(COUNTED_KINDS)]
    await store(database, *messages, messages[0])
    await store(database, *messages)
    effects = query(
        database,
        """SELECT (SELECT count(*) FROM observations), (SELECT count(*) FROM coverages),
        (SELECT count(*) FROM fusion_queue), (SELECT count(*) FROM changes WHERE kind = 'observation')""",
    )
    assert effects == [(1, 1, 2, 1)]
    assert value(database, "SELECT redelivered FROM device_streams") == 1 + len(COUNTED_KINDS)


async def test_new_observation_and_coverage_wait_for_the_worker_and_viewers_are_told(database: str) -> None:
    outbox = Outbox()
    await store(database, outbox.message(Kind.DETECTION), outbox.message(Kind.COVERAGE))
    queued = query(database, "SELECT kind, device, cell <> '' FROM fusion_queue ORDER BY kind")
    assert queued == [("coverage", "bus-1", True), ("observation", "bus-1", True)]
    told = value(database, "SELECT payload FROM changes WHERE kind = 'observation'")
    assert sorted(told) == TOLD


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"specversion": "2.0"}, "bad_envelope", id="other CloudEvents"),
        pytest.param({"type": "busense.rumour.v1"}, "unknown_type", id="unknown type"),
        pytest.param({"type": 7}, "bad_envelope", id="type is no text"),
        pytest.param({"source": "/testcity/bus-2"}, "wrong_topic", id="speaks for another device"),
        pytest.param({"id": "7"}, "bad_envelope", id="id is no UUIDv7"),
        pytest.param({"id": "ffffffff-ffff-7000-8000-000000000000"}, "bad_envelope", id="id beyond the calendar"),
        pytest.param({"sequence": None}, "bad_envelope", id="no number"),
        pytest.param({"data": {}}, "bad_data", id="empty data"),
        pytest.param({"data": golden_data(Kind.DETECTION) | {"lat": 91}}, "bad_data", id="latitude out of bounds"),
        pytest.param({"data": golden_data(Kind.DETECTION) | {"lat": "27"}}, "bad_data", id="latitude is text"),
        pytest.param({"data": golden_data(Kind.DETECTION) | {"camera_id": "\0"}}, "bad_data", id="control character"),
        pytest.param({"extra": DEEP}, "too_deep", id="nested too deep"),
    ],
)
async def test_malformed_message_goes_to_quarantine_and_its_neighbours_are_stored(
    database: str, changes: dict[str, object], reason: str
) -> None:
    outbox = Outbox()
    before, bad, after = outbox.message(), outbox.envelope(Kind.DETECTION, changes), outbox.message()
    outcome = await store(database, before, bad, after)
    assert reasons(database) == [reason]
    assert value(database, "SELECT count(*) FROM observations") == 2
    has_label = changes.keys().isdisjoint({"sequence", "extra"})
    assert outcome.settled[0].ranges == (((1, 3),) if has_label else ((1, 1), (3, 3)))


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        pytest.param(b"", "not_json", id="nothing"),
        pytest.param(b"\x00\xff\xfe", "not_json", id="no text"),
        pytest.param(b'{"a": NaN}', "not_json", id="not finite"),
        pytest.param(b"[]", "not_json", id="no object"),
        pytest.param(b'{"a": "' + b"x" * 70_000 + b'"}', "too_large", id="more than 64 KiB"),
        pytest.param(b"[" * 60_000, "too_deep", id="very deep"),
    ],
)
async def test_bytes_that_are_no_message_are_kept_as_they_are(database: str, payload: bytes, reason: str) -> None:
    await store(database, Outbox().delivery(Kind.DETECTION, payload))
    assert query(database, "SELECT reason, payload, device FROM quarantine") == [(reason, payload, "bus-1")]


async def test_strange_topic_is_kept_too(database: str) -> None:
    message = Outbox().message()
    topics = ["busense/v1/testcity/bus-1/rumour", "busense/v1/Test City/x\ud800\n/state", "busense/v1"]
    await store(database, *[Delivery(topic=topic, payload=message.payload, received_at=AT) for topic in topics])
    rows = query(database, "SELECT reason, device FROM quarantine")
    assert sorted(rows, key=str) == [("wrong_topic", "bus-1"), ("wrong_topic", None), ("wrong_topic", None)]


async def test_same_bad_message_lies_in_quarantine_once(database: str) -> None:
    bad = Outbox().delivery(Kind.STATE, b"bad")
    await store(database, bad, bad)
    await store(database, bad)
    assert reasons(database) == ["not_json"]


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        pytest.param(Kind.DETECTION, {"box_xyxy_px": [9.0, 0.0, 1.0, 5.0]}, id="box inside out"),
        pytest.param(Kind.DETECTION, {"last_seen_at": "2026-01-01T00:00:00Z"}, id="seen last before first"),
        pytest.param(Kind.COVERAGE, {"to_at": "2026-01-01T00:00:00Z"}, id="coverage ends before it begins"),
        pytest.param(Kind.COVERAGE, {"near_m": 90.0, "far_m": 10.0}, id="near is farther than far"),
    ],
)
async def test_row_that_breaks_a_constraint_never_costs_its_batch(
    database: str, kind: Kind, changes: dict[str, object]
) -> None:
    outbox = Outbox()
    good = [outbox.message() for _ in range(5)]
    bad = outbox.message(kind, **changes)
    more = [outbox.message() for _ in range(5)]
    outcome = await store(database, *good, bad, *more)
    assert query(database, "SELECT reason, detail LIKE '%%violates check constraint%%', sequence FROM quarantine") == [
        ("constraint", True, 6)
    ]
    assert value(database, "SELECT count(*) FROM observations") == 10
    assert outcome.settled[-1].ranges == ((1, 11),)


def make_refusing(url: str, code: str) -> None:
    """Let the database refuse observations of the camera `poison` with an SQLSTATE."""
    with psycopg.connect(url) as connection:
        connection.execute(
            sql.SQL(
                """
                CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = {}; END $$;
                CREATE TRIGGER refuse BEFORE INSERT ON observations
                FOR EACH ROW WHEN (NEW.camera_id = 'poison') EXECUTE FUNCTION refuse();
                """
            ).format(sql.Literal(code))
        )


@plain_only  # the trigger would outlive the test
async def test_row_that_can_never_fit_costs_only_itself(database: str) -> None:
    make_refusing(database, "54000")  # program_limit_exceeded: PostgreSQL counts it among what may pass by itself
    outbox = Outbox()
    await store(database, outbox.message(), outbox.message(camera_id="poison"), outbox.message())
    assert query(database, "SELECT reason, sequence FROM quarantine") == [("constraint", 2)]
    assert value(database, "SELECT count(*) FROM observations") == 2


@plain_only  # the trigger is dropped by a second connection
async def test_full_disk_of_the_database_is_waited_for_and_costs_nothing(database: str) -> None:
    make_refusing(database, "53100")  # disk_full
    outbox = Outbox()
    batch = [outbox.message(), outbox.message(camera_id="poison")]
    async with handler_with(database) as handler:
        with pytest.raises(UnavailableError):
            await handler.store(batch)
        with psycopg.connect(database) as connection:
            connection.execute("DROP TRIGGER refuse ON observations")
        await handler.store(batch)
    assert value(database, "SELECT count(*) FROM observations") == 2
    assert reasons(database) == []


async def test_message_that_our_own_code_stumbles_over_costs_only_itself(database: str) -> None:
    outbox = Outbox()
    stumbling = replace(outbox.message(), received_at=datetime(2026, 11, 24))  # noqa: DTZ001 - without a zone, on purpose
    outcome = await store(database, outbox.message(), stumbling, outbox.message())
    assert query(database, "SELECT reason, detail LIKE 'TypeError%%', sequence FROM quarantine") == [
        ("stumbled", True, 1)
    ]
    assert value(database, "SELECT count(*) FROM observations") == 2
    assert outcome.settled[-1].ranges == ((1, 3),)


async def test_message_of_a_device_that_is_not_enrolled_waits_in_quarantine(database: str) -> None:
    outbox = Outbox(device="bus-9")
    outcome = await store(database, outbox.message(), Outbox().message())
    rows = query(database, "SELECT reason, device, detail LIKE '%%fleet enrol testcity/bus-9%%' FROM quarantine")
    assert rows == [("unknown_device", "bus-9", True)]
    assert {item.device for item in outcome.settled} == {"bus-1", "bus-9"}


@pytest.mark.parametrize(
    ("seen_at", "mark"),
    [
        pytest.param(AT + LATER, "future", id="after it came"),
        pytest.param(AT - LATER, "ancient", id="before the bus was enrolled"),
        pytest.param(datetime(1980, 1, 6, tzinfo=UTC), "ancient", id="begin of GPS time"),
        pytest.param(AT + timedelta(minutes=4), None, id="a little fast"),
    ],
)
async def test_implausible_time_is_marked_and_stored(database: str, seen_at: datetime, mark: str | None) -> None:
    at = seen_at.isoformat()
    message = Outbox().envelope(
        Kind.DETECTION, {"id": make_id(seen_at)}, observed_at=at, first_seen_at=at, last_seen_at=at
    )
    await store(database, message)
    assert query(database, "SELECT clock_mark FROM observations") == [(mark,)]


async def test_position_is_the_newest_of_all_tracks_in_any_order(database: str) -> None:
    outbox = Outbox()
    old, new = outbox.message(Kind.TRACK), outbox.message(Kind.TRACK, points=[point(AT + LATER / 2, lon=120.5)])
    await store(database, new, old)
    await store(database, old)
    assert query(database, "SELECT lon, position_at FROM devices") == [(120.5, AT + LATER / 2)]


async def test_position_of_the_future_is_not_believed(database: str) -> None:
    outbox = Outbox()
    await store(database, outbox.message(Kind.TRACK, points=[point(AT + LATER, lon=1.0), point(AT, lon=2.0)]))
    assert query(database, "SELECT lon FROM devices") == [(2.0,)]


async def test_presence_follows_the_order_in_which_the_broker_took_it(database: str) -> None:
    """A last will was written when the bus connected: its own time is older than the `online` after it."""
    outbox = Outbox()
    will, online = outbox.message(Kind.STATE, presence="offline"), outbox.message(Kind.STATE, presence="online")
    will_later = Delivery(topic=will.topic, payload=will.payload, received_at=online.received_at + LATER)
    await store(database, will_later, online)
    await store(database, online)
    assert query(database, "SELECT presence, presence_since FROM devices") == [("offline", will_later.received_at)]


async def test_health_updates_the_device_and_its_given_up_numbers_are_settled(database: str) -> None:
    outbox = Outbox(sequence=5)
    outcome = await store(database, outbox.message(Kind.HEALTH))
    assert outcome.settled[0].ranges == ((3, 6),)
    assert query(database, "SELECT stored::text, given_up::text FROM device_streams") == [("{[6,7)}", "{[3,6)}")]
    assert value(database, "SELECT health ->> 'outbox_depth' FROM devices") == "12"


async def test_what_arrived_is_not_given_up_whichever_was_told_first(database: str) -> None:
    outbox, health = Outbox(), Outbox(sequence=20)
    first, second = outbox.message(), outbox.message()
    await store(database, first)
    await store(
        database,
        health.message(Kind.HEALTH, given_up=[{"kind": "detection", "first": 1, "last": 3, "stream": outbox.stream}]),
    )
    await store(database, second)
    counted = query(database, "SELECT stored::text, given_up::text FROM device_streams WHERE given_up <> '{}'")
    assert counted == [("{[1,3)}", "{[3,4)}")]


async def test_viewers_get_new_points_of_a_bus_once(database: str) -> None:
    message = Outbox().message(Kind.TRACK)
    await store(database, message)
    await store(database, message)
    told = [payload for (payload,) in query(database, "SELECT payload FROM changes WHERE kind = 'bus'")]
    assert [(payload["device"], len(payload["points"])) for payload in told] == [("bus-1", 2)]


async def test_picture_is_announced_with_its_detection(database: str) -> None:
    await store(database, Outbox().message())
    picture = golden_data(Kind.DETECTION)["picture"]
    assert query(database, "SELECT sha256, device, size_bytes, received_at FROM pictures") == [
        (picture["sha256"], "bus-1", picture["size_bytes"], None)
    ]


async def test_streams_of_two_devices_with_one_id_stay_apart(database: str) -> None:
    mine, other = Outbox(device="bus-1"), Outbox(device="bus-2", sequence=40)
    other.stream = mine.stream
    async with handler_with(database, "bus-1", "bus-2") as handler:
        await handler.store([mine.message(), other.message()])
    assert query(database, "SELECT device, stored::text FROM device_streams ORDER BY device") == [
        ("bus-1", "{[1,2)}"),
        ("bus-2", "{[41,42)}"),
    ]


async def test_messages_to_devices_are_not_ours(database: str) -> None:
    receipt = Outbox().message(Kind.STORED)
    assert await store(database, receipt) == Outcome()
    assert reasons(database) == []


async def test_reported_twin_is_kept_as_the_newest(database: str) -> None:
    await store(database, Outbox().message(Kind.TWIN_REPORTED))
    assert value(database, "SELECT twin_reported ->> 'version' FROM devices") == str(
        golden_data(Kind.TWIN_REPORTED)["version"]
    )


async def test_database_that_is_away_is_told_apart_from_a_bad_message() -> None:
    async with open_handler("postgresql://busense@127.0.0.1:9/none?connect_timeout=1") as handler:
        with pytest.raises(UnavailableError):
            await handler.store([Outbox().message()])


def point(at: datetime, *, lon: float) -> dict[str, object]:
    return {"at": at.isoformat(), "lon": lon, "lat": 27.5, "accuracy_m": 3.0, "fix": "gnss"}
