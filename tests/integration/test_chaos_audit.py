"""The audit of `busense chaos` sees each sort of loss and doubling: otherwise its zeros would prove nothing."""

import asyncio
import hashlib
import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import LiteralString
from uuid import UUID

import psycopg
import pytest

from busense.chaos.audit import Audit, audit
from busense.chaos.ledger import Kept, Key, begin_ledger, read_ledgers, read_pictures, read_waiting
from cloud.ingest.handler import open_handler
from cloud.ingest.subscriber import Delivery
from edge_agent.uplink.database import TABLE_OF_KIND
from tests.integration import test_notify
from tests.integration.test_notify import Receiver, notify, webhooks
from tests.integration.town import Town
from wire.messages import Kind

receiver = test_notify.receiver  # a fixture


def kept_of(messages: Sequence[Delivery]) -> list[Kept]:
    documents = [json.loads(message.payload) for message in messages]
    return [
        Kept(
            device=document["source"].rpartition("/")[2],
            id=document["id"],
            stream=document["stream"],
            sequence=document["sequence"],
            type=document["type"],
        )
        for document in documents
    ]


class Story:
    """A small town whose messages went all their way."""

    def __init__(self, url: str, receiver: Receiver, folder: Path) -> None:
        self.town = Town(url=url)
        messages = [self.town.sees(bus="bus-1"), self.town.sees(bus="bus-2", minutes=10), self.town.looks(minutes=20)]
        messages.append(self.town.outboxes["bus-1"].message(Kind.TRACK))
        self.town.store(messages)
        self.town.work()
        self.kept = kept_of(messages)
        self.torn: set[Key] = set()
        actions = ["open", "file", "dispatch", "add_sighting"]
        notify(self.town, webhooks(receiver, folder, actions=actions))
        self.change("UPDATE pictures SET received_at = now()")
        self.heard = [UUID(headers["webhook-id"]) for headers, _ in receiver.got]

    def change(self, statement: LiteralString, *values: object) -> None:
        with psycopg.connect(self.town.url) as connection:
            connection.execute(statement, values)

    def audit(self, *, poison: Sequence[bytes] = ()) -> Audit:
        return audit(self.town.url, self.kept, torn=self.torn, heard=self.heard, poison=poison)


def store_what_can_be(url: str, *messages: Delivery) -> None:
    async def run() -> None:
        async with open_handler(url) as handler:
            await handler.store(messages)

    asyncio.run(run())


@pytest.fixture
def story(database: str, receiver: Receiver, tmp_path: Path) -> Story:
    return Story(database, receiver, tmp_path)


def test_all_is_well(story: Story) -> None:
    found = story.audit()
    assert found.is_good, found
    assert (found.messages, found.lost, found.doubled, found.cases, found.deliveries) == (4, 0, 0, 1, 2)


@pytest.mark.parametrize(
    ("statement", "lost"),
    [
        pytest.param("DELETE FROM observations", 2, id="observations"),
        pytest.param("DELETE FROM coverages", 1, id="coverage"),
        pytest.param("DELETE FROM track_points", 1, id="track"),
    ],
)
def test_row_that_is_not_there_is_lost(story: Story, statement: LiteralString, lost: int) -> None:
    story.change(statement)
    assert story.audit().lost_messages == lost


def test_observation_without_a_finding_is_lost(story: Story) -> None:
    story.change("DELETE FROM finding_observations WHERE device = 'bus-1'")
    assert story.audit().lost == 1


def test_picture_that_never_came_is_lost(story: Story) -> None:
    story.change("UPDATE pictures SET received_at = NULL")
    assert story.audit().lost == story.audit().lost_pictures == 1


def test_line_of_history_that_nobody_heard_of_is_lost(story: Story) -> None:
    story.heard.pop()
    assert story.audit().lost_deliveries == 1


def test_line_told_under_two_ids_is_doubled(story: Story) -> None:
    other = UUID(int=7)
    story.change("ALTER TABLE deliveries DROP CONSTRAINT deliveries_line_key")
    story.change(
        "INSERT INTO deliveries SELECT %s, channel, target, state, case_id, serial, payload, created_at, next_at,"
        " attempts, last_error, sent_at FROM deliveries LIMIT 1",
        other,
    )
    story.heard.append(other)
    assert story.audit().doubled_deliveries == 1


def test_message_stored_under_two_ids_is_doubled(story: Story) -> None:
    story.change(
        "INSERT INTO coverages SELECT (c).* FROM (SELECT jsonb_populate_record(NULL::coverages,"
        " to_jsonb(coverages) || jsonb_build_object('id', gen_random_uuid())) AS c FROM coverages) AS copied"
    )
    assert story.audit().doubled == 1


def test_second_open_case_of_one_thing_is_doubled(story: Story) -> None:
    story.change("ALTER TABLE case_history DISABLE TRIGGER ALL")
    story.change("DROP INDEX IF EXISTS cases_open_finding_id_idx")
    story.change(
        "INSERT INTO cases SELECT (c).* FROM (SELECT jsonb_populate_record(NULL::cases, to_jsonb(cases)"
        " || jsonb_build_object('id', gen_random_uuid(), 'number', number || 'x')) AS c FROM cases) AS copied"
    )
    assert story.audit().cases_doubled == 1


def test_poison_that_is_not_in_the_quarantine_is_lost(story: Story) -> None:
    assert story.audit(poison=[hashlib.sha256(b"poison").digest()]).lost == 1


def test_message_of_a_bus_in_quarantine_is_not_good(story: Story) -> None:
    bad = story.town.outboxes["bus-1"].message(Kind.DETECTION, lat="north")
    store_what_can_be(story.town.url, bad)
    story.kept += kept_of([bad])
    found = story.audit()
    assert (found.lost, found.in_quarantine, found.is_good) == (0, 1, False)


def test_only_what_was_torn_may_be_missing(story: Story) -> None:
    torn = story.town.outboxes["bus-1"].message(Kind.COVERAGE)
    story.kept += kept_of([torn])
    sequence = story.kept[-1].sequence
    assert story.audit().lost == 1
    story.change("UPDATE device_streams SET given_up = %s::int8multirange", f"{{[{sequence},{sequence}]}}")
    assert story.audit().lost == 1, "nothing else may be given up here"
    story.torn.add(story.kept[-1].key)
    assert (story.audit().lost, story.audit().given_up, story.audit().torn_untold) == (0, 1, 0)
    story.change("UPDATE device_streams SET given_up = '{}'")
    assert (story.audit().lost, story.audit().given_up, story.audit().torn_untold) == (0, 0, 1)


def test_ledger_keeps_what_left_the_outbox(tmp_path: Path) -> None:
    outbox = tmp_path / "bus-1" / "outbox.db"
    outbox.parent.mkdir()
    connection = sqlite3.connect(outbox)
    for table in TABLE_OF_KIND.values():
        connection.execute(f"CREATE TABLE {table} (key INTEGER PRIMARY KEY, payload BLOB)")
    connection.execute("CREATE TABLE pictures (sha256 TEXT)")
    connection.execute("INSERT INTO pictures VALUES ('aa')")
    connection.commit()
    begin_ledger(outbox)
    payload = b'{"id": "a", "stream": "s", "sequence": 7, "type": "busense.track.v1"}'
    connection.execute("INSERT INTO events_track (payload) VALUES (?)", (payload,))
    connection.commit()
    assert (read_waiting([outbox]), read_pictures([outbox])) == ({("bus-1", "a")}, {"aa"})
    connection.execute("DELETE FROM events_track")
    connection.execute("DELETE FROM pictures")
    connection.commit()
    connection.close()
    assert (read_waiting([outbox]), read_pictures([outbox])) == (set(), set())
    assert read_ledgers([outbox]) == [Kept(device="bus-1", id="a", stream="s", sequence=7, type="busense.track.v1")]
