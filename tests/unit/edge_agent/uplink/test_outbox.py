import errno
import os
import resource
import shutil
import sqlite3
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from benchmarks.outbox import message
from edge_agent.errors import OutboxError
from edge_agent.uplink import outbox as outbox_module
from edge_agent.uplink import sending
from edge_agent.uplink.outbox import HEAL_EVERY_S, Outbox
from edge_agent.uplink.room import RESERVE_BYTES
from edge_agent.uplink.salvage import salvage
from edge_agent.uplink.sending import Waiting
from wire.codec import decode_envelope
from wire.messages import (
    Clip,
    Coverage,
    Detection,
    Driving,
    DrivingKind,
    Fix,
    GivenUp,
    Health,
    Kind,
    Measured,
    Measurement,
    Message,
    OutboxState,
    Presence,
    Quantity,
    Sighting,
    State,
    Stored,
    TagHeard,
    Track,
    TrackPoint,
)

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
SOURCE = "/testcity/bus-1"
TRACK = Track(points=(TrackPoint(at=NOW, lon=120.4, lat=27.5, accuracy_m=3, fix=Fix.GNSS),))


def health(given_up: tuple[GivenUp, ...] = ()) -> Health:
    return replace(cast("Health", message(Kind.HEALTH, 0, NOW)), given_up=given_up)


def coverage() -> Coverage:
    return cast("Coverage", message(Kind.COVERAGE, 0, NOW))


def sighting() -> Sighting:
    """One of about 25 kB."""
    tag = TagHeard(rotating_id="0" * 16, first_at=NOW, last_at=NOW, heard=1, rssi_median_dbm=-60, rssi_max_dbm=-50)
    return Sighting(lon=120.4, lat=27.5, accuracy_m=3, tags=(tag,) * 150)


def detection(picture_sha256: str | None = None, *, size_bytes: int = 1000) -> Detection:
    shown = cast("Detection", message(Kind.DETECTION, 0, NOW))
    if picture_sha256 is None or shown.picture is None:
        return replace(shown, picture=None)
    return replace(shown, picture=replace(shown.picture, sha256=picture_sha256, size_bytes=size_bytes))


class Clock:
    """Monotonic seconds that a test sets."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def open_outbox(
    folder: Path,
    *,
    max_bytes: int = 10_000_000,
    monotonic: Clock | None = None,
    disk_free: Callable[[], int | None] = lambda: None,
    boot: str = "first",
) -> Outbox:
    return Outbox(
        folder / "outbox.db",
        source=SOURCE,
        max_bytes=max_bytes,
        now=lambda: NOW,
        monotonic=monotonic or Clock(),
        disk_free=disk_free,
        boot=boot,
    )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outbox(tmp_path: Path, clock: Clock) -> Iterator[Outbox]:
    box = open_outbox(tmp_path, monotonic=clock)
    yield box
    box.close()


@contextmanager
def failing_disk() -> Generator[None]:
    """Let every write to a file of this process fail."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def put(outbox: Outbox, *messages: Message) -> list[int]:
    return [outbox.put(message, observed_at=NOW).sequence or 0 for message in messages]


def waiting(outbox: Outbox) -> list[Waiting]:
    """Everything that is kept and was not sent yet."""
    outbox.begin_session()
    return outbox.next_to_send(100_000)


def numbers(messages: Sequence[Waiting], kind: Kind) -> list[int]:
    return sorted(message.sequence for message in messages if message.kind is kind)


def send(outbox: Outbox, limit: int = 100) -> list[int]:
    """Send what is due and have it acknowledged; its numbers."""
    messages = outbox.next_to_send(limit)
    outbox.mark_sent([message.number for message in messages])
    return [message.sequence for message in messages]


def receipt(outbox: Outbox, kind: Kind, up_to: int, *missing: tuple[int, int]) -> Stored:
    return Stored(stream=outbox.stream_of(kind), up_to=up_to, missing=missing)


def test_each_kind_is_numbered_from_one_without_gaps(outbox: Outbox) -> None:
    assert put(outbox, TRACK, TRACK, health(), coverage(), TRACK, detection()) == [1, 2, 1, 1, 3, 1]
    envelopes = [decode_envelope(message.payload) for message in waiting(outbox)]
    assert {(each.kind, each.stream) for each in envelopes} == {
        (kind, outbox.stream_of(kind)) for kind in (Kind.TRACK, Kind.HEALTH, Kind.COVERAGE, Kind.DETECTION)
    }
    assert len({each.stream for each in envelopes}) == 4
    assert {each.source for each in envelopes} == {SOURCE}
    assert outbox.numbered == 6


def test_only_counted_messages_go_through_it(outbox: Outbox) -> None:
    with pytest.raises(ValueError, match="no counted message"):
        outbox.put(State(presence=Presence.ONLINE, since=NOW), observed_at=NOW)


def test_a_sent_message_stays_until_its_receipt(outbox: Outbox) -> None:
    put(outbox, TRACK, TRACK)
    assert sorted(send(outbox)) == [1, 2]
    assert send(outbox) == []
    assert outbox.depth().messages == 2
    assert outbox.apply_receipt(receipt(outbox, Kind.TRACK, 1)) == 1
    assert outbox.depth().messages == 1


def test_a_message_without_a_receipt_is_sent_again_after_a_while_and_then_less_often(
    outbox: Outbox, clock: Clock
) -> None:
    put(outbox, TRACK)
    send(outbox)
    gaps_s: list[float] = []
    last_s = clock.now_s
    while len(gaps_s) < 8:
        clock.now_s += 5
        if send(outbox):
            gaps_s.append(clock.now_s - last_s)
            last_s = clock.now_s
    assert gaps_s == [30, 60, 120, 240, 480, 960, 1800, 1800]


def test_what_a_receipt_misses_is_sent_again_at_once(outbox: Outbox, clock: Clock) -> None:
    put(outbox, *[TRACK] * 6)
    send(outbox)
    clock.now_s += 10
    assert outbox.apply_receipt(receipt(outbox, Kind.TRACK, 6, (2, 2), (4, 5))) == 3
    assert sorted(send(outbox)) == [2, 4, 5]


def test_what_was_on_its_way_when_the_receipt_was_written_is_not_sent_twice(outbox: Outbox, clock: Clock) -> None:
    put(outbox, TRACK, TRACK)
    send(outbox)
    clock.now_s += 1
    outbox.apply_receipt(receipt(outbox, Kind.TRACK, 2, (1, 1)))
    clock.now_s += 2
    assert send(outbox) == []


def test_the_receipt_of_another_stream_deletes_nothing(outbox: Outbox, tmp_path: Path) -> None:
    put(outbox, TRACK)
    other = open_outbox(tmp_path / "other")
    put(other, TRACK)
    assert outbox.apply_receipt(receipt(other, Kind.TRACK, 1)) == 0
    other.close()
    assert outbox.depth().messages == 1


def test_a_receipt_for_more_than_was_ever_numbered_deletes_nothing(outbox: Outbox) -> None:
    put(outbox, TRACK)
    assert outbox.apply_receipt(receipt(outbox, Kind.TRACK, 2)) == 0
    assert outbox.depth().messages == 1


def test_numbers_go_on_after_everything_was_stored_and_the_file_opened_again(tmp_path: Path) -> None:
    first = open_outbox(tmp_path)
    put(first, TRACK, TRACK)
    first.apply_receipt(receipt(first, Kind.TRACK, 2))
    stream = first.stream_of(Kind.TRACK)
    first.close()
    again = open_outbox(tmp_path)
    assert again.stream_of(Kind.TRACK) == stream
    assert put(again, TRACK) == [3]
    again.close()


def test_a_card_that_forgot_what_it_had_confirmed_costs_nothing_that_comes_after(tmp_path: Path) -> None:
    """The power goes, the card is as it was before the last messages, which the cloud already has."""
    before = open_outbox(tmp_path)
    put(before, TRACK, TRACK)
    before.close()
    earlier = (tmp_path / "outbox.db").read_bytes()
    lost = open_outbox(tmp_path)
    put(lost, TRACK, TRACK, TRACK)
    late = receipt(lost, Kind.TRACK, 5)
    lost.close()
    (tmp_path / "outbox.db").write_bytes(earlier)

    again = open_outbox(tmp_path, boot="second")
    assert put(again, TRACK, TRACK, TRACK) == [1, 2, 3], "in a stream of its own"
    again.apply_receipt(late)
    new_stream = again.stream_of(Kind.TRACK)
    assert {each.sequence for each in waiting(again) if each.stream == new_stream} == {1, 2, 3}
    assert len(waiting(again)) == 3, "the two before are stored: the receipt was of their stream"
    assert again.numbered == 5
    again.close()


def test_streams_of_earlier_boots_are_told_to_their_end_and_then_forgotten(tmp_path: Path) -> None:
    first = open_outbox(tmp_path)
    put(first, TRACK, TRACK, coverage())
    first_streams = {kind: first.stream_of(kind) for kind in (Kind.TRACK, Kind.COVERAGE)}
    done = receipt(first, Kind.COVERAGE, 1)
    first.apply_receipt(done)
    first.close()
    second = open_outbox(tmp_path, boot="second")
    assert {each.stream for each in waiting(second)} == {first_streams[Kind.TRACK]}
    assert second.stream_of(Kind.COVERAGE) != first_streams[Kind.COVERAGE]
    assert second.apply_receipt(done) == 0, "of a stream that is forgotten"
    second.apply_receipt(Stored(stream=first_streams[Kind.TRACK], up_to=2, missing=()))
    assert waiting(second) == []
    assert second.numbered == 3
    second.close()


def test_an_agent_that_is_started_again_goes_on_with_its_numbers(tmp_path: Path) -> None:
    first = open_outbox(tmp_path)
    put(first, TRACK)
    stream = first.stream_of(Kind.TRACK)
    first.close()
    again = open_outbox(tmp_path)
    assert put(again, TRACK) == [2]
    assert again.stream_of(Kind.TRACK) == stream
    again.close()


def test_ids_are_in_order_over_restarts_and_clocks_that_are_set_back(tmp_path: Path) -> None:
    ids: list[str] = []
    for days in (0, -9000, 4000, -20_000):
        at = NOW + timedelta(days=days)
        box = Outbox(tmp_path / "outbox.db", source=SOURCE, max_bytes=10**7, now=lambda at=at: at)
        ids += [box.put(message, observed_at=at).id for message in (TRACK, health(), TRACK)]
        box.close()
    assert ids == sorted(set(ids))


def test_times_of_an_unsure_clock_are_corrected_if_nobody_was_told(outbox: Outbox) -> None:
    outbox.put(health(), observed_at=NOW, is_time_sure=False)
    assert [message.sequence for message in outbox.next_to_send(1)] == [1]
    outbox.put(health(), observed_at=NOW, is_time_sure=False)
    outbox.put(detection(), observed_at=NOW, is_time_sure=False)  # its time is the receiver's
    outbox.put(health(), observed_at=NOW)
    assert outbox.correct_times(3600.0) == 1
    times = {(each.kind, each.sequence): decode_envelope(each.payload).time for each in outbox.next_to_send(9)}
    assert times == {
        (Kind.HEALTH, 2): NOW + timedelta(hours=1),
        (Kind.HEALTH, 3): NOW,
        (Kind.DETECTION, 1): NOW,
    }
    assert outbox.correct_times(3600.0) == 0


def test_times_that_the_machine_gave_to_what_was_measured_and_heard_are_corrected_with_the_message(
    outbox: Outbox,
) -> None:
    value = Measured(sensor="gauge", quantity=Quantity.WATER_LEVEL, at=NOW, value=0.2, over_s=60.0, readings=12)
    measured, heard = Measurement(lon=120.4, lat=27.5, values=(value, value)), sighting()
    for told in (measured, heard, TRACK):
        outbox.put(told, observed_at=NOW, is_time_sure=False)
    assert outbox.correct_times(3600.0) == 2
    later, messages = NOW + timedelta(hours=1), [decode_envelope(each.payload) for each in waiting(outbox)]
    assert {each.kind: each.time for each in messages} == {
        Kind.MEASUREMENT: later,
        Kind.SIGHTING: later,
        Kind.TRACK: NOW,
    }
    by_kind = {each.kind: each.data for each in messages}
    assert by_kind[Kind.MEASUREMENT] == replace(measured, values=(replace(value, at=later),) * 2)
    assert by_kind[Kind.SIGHTING] == replace(
        heard, tags=tuple(replace(tag, first_at=later, last_at=later) for tag in heard.tags)
    )


def test_a_second_agent_on_the_same_outbox_is_refused(outbox: Outbox, tmp_path: Path) -> None:
    put(outbox, TRACK)
    with pytest.raises(OutboxError, match="another agent"):
        open_outbox(tmp_path)


def test_live_messages_go_first_then_the_rest_by_value_and_the_newest_first(outbox: Outbox) -> None:
    put(outbox, *[TRACK] * 3, *[detection()] * 3, coverage(), health())
    outbox.begin_session()
    put(outbox, TRACK, detection())
    told = [(message.kind, message.sequence) for message in outbox.next_to_send(100)]
    live = [(Kind.DETECTION, 4), (Kind.TRACK, 4)]
    backlog = [(Kind.DETECTION, number) for number in (3, 2, 1)]
    backlog += [(Kind.HEALTH, 1), (Kind.COVERAGE, 1), *((Kind.TRACK, number) for number in (3, 2, 1))]
    assert told == live + backlog


def test_a_long_backlog_does_not_hold_up_what_is_live(outbox: Outbox) -> None:
    put(outbox, *[detection()] * 50)
    outbox.begin_session()
    for number in range(1, 6):
        put(outbox, TRACK)
        first = outbox.next_to_send(4)[0]
        assert (first.kind, first.sequence) == (Kind.TRACK, number)


def test_what_is_sent_and_not_stored_is_bounded_but_live_messages_still_go(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "MAX_UNRECEIPTED", 10)
    put(outbox, *[TRACK] * 30)
    outbox.begin_session()
    assert len(send(outbox, 8)) == 8
    assert len(send(outbox, 8)) == 8
    assert send(outbox, 8) == []
    assert put(outbox, TRACK) == [31]
    assert send(outbox, 8) == [31]
    outbox.apply_receipt(receipt(outbox, Kind.TRACK, 31, (1, 14)))
    assert send(outbox, 8) == [14, 13, 12, 11, 10, 9, 8, 7]


def test_a_new_connection_tells_again_what_has_no_receipt(outbox: Outbox, clock: Clock) -> None:
    put(outbox, TRACK, TRACK)
    outbox.begin_session()
    send(outbox, 1)
    outbox.next_to_send(1)  # under way when the connection is lost: nobody knows
    clock.now_s += 2
    outbox.begin_session()
    assert send(outbox) == [1]
    clock.now_s += 3
    assert send(outbox) == [2]


@pytest.mark.parametrize("damage", ["no database", "torn pages", "other version"])
def test_a_damaged_file_is_set_aside_and_what_can_be_read_is_taken_in(tmp_path: Path, damage: str) -> None:
    first = open_outbox(tmp_path)
    put(first, *[detection(f"{number:064x}") for number in range(200)], *[TRACK] * 20, coverage())
    first.apply_receipt(receipt(first, Kind.DETECTION, 10))
    kept, old_stream = waiting(first), first.stream_of(Kind.DETECTION)
    first.close()
    spoil(tmp_path / "outbox.db", damage)
    again = open_outbox(tmp_path)
    assert again.stream_of(Kind.DETECTION) != old_stream
    assert put(again, TRACK) == [1]
    assert not again.is_whole
    (aside,) = tmp_path.glob("outbox.db.damaged-*")
    content = aside.read_bytes()

    again.salvage(threading.Event())

    found = {(each.stream, each.kind, each.sequence, each.payload) for each in waiting(again)}
    wanted = {(each.stream, each.kind, each.sequence, each.payload) for each in kept}
    lost = wanted - found
    assert len(lost) <= (0 if damage == "other version" else 40)
    given_up = {(told.stream, number) for told in again.ranges_to_tell() for number in range(told.first, told.last + 1)}
    assert {(stream, sequence) for stream, _, sequence, _ in lost} <= given_up
    assert not {(stream, sequence) for stream, _, sequence, _ in found} & given_up
    assert again.depth().pictures == len(numbers(waiting(again), Kind.DETECTION))
    assert again.damages == 1
    assert again.is_whole
    (done,) = tmp_path.glob("outbox.db.salvaged-*")
    assert done.read_bytes() == content
    again.close()


def spoil(path: Path, damage: str) -> None:
    content = bytearray(path.read_bytes())
    if damage == "no database":
        content[:64] = b"x" * 64
    elif damage == "torn pages":
        content[4096 * 20 : 4096 * 28] = b"\xff" * (4096 * 8)
    else:
        content[60:64] = (9).to_bytes(4, "big")  # user_version
    path.write_bytes(bytes(content))


def test_a_sector_that_cannot_be_read_costs_only_what_lay_in_it(
    outbox: Outbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(outbox, *[detection()] * 4)
    payloads = [message.payload for message in waiting(outbox)]
    content = bytearray(2 * 1024 * 1024)
    bad = 1024 * 1024 + 4096
    for offset, payload in zip((100, 1024 * 1024 - 200, bad + 10, bad + 8192), payloads, strict=True):
        content[offset : offset + len(payload)] = payload
    path = tmp_path / "outbox.db.damaged-20261124T080000"
    path.write_bytes(bytes(content))
    monkeypatch.setattr(os, "pread", reading_but_not(bad, os.pread))

    assert [payload for _, payload in salvage(path)] == [payloads[0], payloads[1], payloads[3]]


def reading_but_not(bad: int, pread: Callable[[int, int, int], bytes]) -> Callable[[int, int, int], bytes]:
    """Read as Linux does of a disk with a bad sector: what lies before it, then an error."""

    def read(file: int, size: int, offset: int) -> bytes:
        if bad <= offset < bad + 4096:
            raise OSError(errno.EIO, "Input/output error")
        return pread(file, min(size, bad - offset) if offset < bad else size, offset)

    return read


def test_a_file_whose_first_sector_cannot_be_read_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "outbox.db").symlink_to("/proc/self/mem")  # Linux answers EIO: nothing is mapped at its beginning
    outbox = open_outbox(tmp_path)
    assert put(outbox, detection()) == [1]
    assert (outbox.state, outbox.damages, outbox.is_whole) == (OutboxState.DISK, 1, False)
    outbox.salvage(threading.Event())
    assert outbox.is_whole
    outbox.close()


def test_a_disk_that_fails_while_a_file_is_salvaged_costs_nothing_of_it(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = open_outbox(tmp_path)
    put(first, *[detection()] * 250)
    first.close()
    spoil(tmp_path / "outbox.db", "no database")
    again = open_outbox(tmp_path, monotonic=clock)
    monkeypatch.setattr(outbox_module, "MEMORY_BYTES", 5_000)
    with failing_disk():
        again.salvage(threading.Event())
    clock.now_s += HEAL_EVERY_S
    again.heal()
    assert (again.state, again.is_whole) == (OutboxState.DISK, False)
    again.salvage(threading.Event())
    assert numbers(waiting(again), Kind.DETECTION) == list(range(1, 251))
    assert again.ranges_to_tell() == ()
    assert again.is_whole
    again.close()


def test_a_file_set_aside_that_cannot_be_opened_does_not_end_the_bus(tmp_path: Path) -> None:
    (tmp_path / "outbox.db.damaged-20261124T080000").mkdir()
    outbox = open_outbox(tmp_path)
    outbox.salvage(threading.Event())
    assert put(outbox, detection()) == [1]
    assert not outbox.is_whole
    outbox.close()


@pytest.mark.parametrize(
    "lines",
    [
        "UPDATE streams SET kind = 'unheard_of' WHERE kind = 'track'",
        "UPDATE streams SET last_sequence = 'many'",
        "UPDATE streams SET last_sequence = 1 << 50",
        "UPDATE streams SET stream = 'nobody'",
    ],
    ids=["a newer program's kind", "no number", "no such number", "no name"],
)
def test_what_nobody_understands_of_a_file_that_was_set_aside_does_not_end_the_bus(tmp_path: Path, lines: str) -> None:
    first = open_outbox(tmp_path)
    put(first, *[detection()] * 3, TRACK)
    first.close()
    with closing(sqlite3.connect(tmp_path / "outbox.db", isolation_level=None)) as database:
        database.execute(lines)
        database.execute("PRAGMA user_version = 9")
    again = open_outbox(tmp_path)
    again.salvage(threading.Event())
    assert numbers(waiting(again), Kind.DETECTION) == [1, 2, 3]
    again.put(health(again.ranges_to_tell()), observed_at=NOW)
    assert again.is_whole
    again.close()


def test_what_a_newer_program_kept_waits_for_it_and_does_not_end_an_older_one(tmp_path: Path) -> None:
    newer = open_outbox(tmp_path, boot="one")
    put(newer, TRACK, TRACK, detection())
    newer.close()
    kind_of_tracks(tmp_path, "unheard_of")
    older = open_outbox(tmp_path, boot="two")
    put(older, TRACK, health(older.ranges_to_tell()))
    assert [message.kind for message in waiting(older)] == [Kind.DETECTION, Kind.HEALTH, Kind.TRACK]
    assert set(older.depth_by_kind()) == {Kind.DETECTION, Kind.HEALTH, Kind.TRACK}
    older.close()
    kind_of_tracks(tmp_path, "track", was="unheard_of")
    again = open_outbox(tmp_path, boot="three")
    assert numbers(waiting(again), Kind.TRACK) == [1, 1, 2]
    again.close()


def kind_of_tracks(tmp_path: Path, kind: str, *, was: str = "track") -> None:
    with closing(sqlite3.connect(tmp_path / "outbox.db", isolation_level=None)) as database:
        database.execute("UPDATE streams SET kind = ? WHERE kind = ?", (kind, was))
        given_up = "SELECT (number << 40) + 9, (number << 40) + 9, NULL FROM streams WHERE kind = 'unheard_of'"
        database.execute(f"INSERT INTO given_up {given_up}")


def test_a_salvage_that_was_interrupted_begins_again(tmp_path: Path) -> None:
    first = open_outbox(tmp_path)
    put(first, *[detection()] * 5)
    first.close()
    spoil(tmp_path / "outbox.db", "no database")
    again = open_outbox(tmp_path)
    stop = threading.Event()
    stop.set()
    again.salvage(stop)
    assert again.depth().messages == 0
    again.close()
    later = open_outbox(tmp_path)
    assert not later.is_whole
    later.salvage(threading.Event())
    assert numbers(waiting(later), Kind.DETECTION) == [1, 2, 3, 4, 5]
    later.close()


def test_a_file_that_gets_damaged_while_it_is_used_is_replaced_at_once(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    put(outbox, *[detection()] * 20, *[sighting()] * 300)  # more than SQLite keeps in its cache
    path = tmp_path / "outbox.db"
    content = bytearray(path.read_bytes())
    content[8192 * 30 :] = b"\xff" * (len(content) - 8192 * 30)
    path.write_bytes(bytes(content))
    assert waiting(outbox) == []  # of the new file
    assert put(outbox, detection()) == [1]
    assert (outbox.state, outbox.damages, outbox.is_whole) == (OutboxState.DISK, 1, False)
    outbox.salvage(threading.Event())
    of_old_file = [each for each in waiting(outbox) if each.stream != outbox.stream_of(Kind.DETECTION)]
    assert numbers(of_old_file, Kind.DETECTION) == list(range(1, 21))
    assert outbox.is_whole
    outbox.close()


def test_a_disk_that_fails_puts_the_outbox_into_memory_until_it_is_back(outbox: Outbox, clock: Clock) -> None:
    put(outbox, detection())
    disk_stream = outbox.stream_of(Kind.DETECTION)
    with failing_disk():
        assert put(outbox, detection("a" * 64), TRACK) == [1, 1]
        assert (outbox.state, outbox.is_whole) == (OutboxState.DISK_FAILING, False)
        memory_stream = outbox.stream_of(Kind.DETECTION)
        assert {message.stream for message in outbox.next_to_send(9)} == {memory_stream, outbox.stream_of(Kind.TRACK)}
        clock.now_s += HEAL_EVERY_S
        outbox.heal()
        assert outbox.state is OutboxState.DISK_FAILING
    outbox.heal()
    assert outbox.state is OutboxState.DISK_FAILING, "it looks only now and then"
    clock.now_s += HEAL_EVERY_S
    outbox.heal()
    assert (outbox.state, outbox.is_whole) == (OutboxState.DISK, True)
    detections = [(message.stream, message.sequence) for message in waiting(outbox) if message.kind is Kind.DETECTION]
    assert sorted(detections) == sorted([(disk_stream, 1), (memory_stream, 1)])
    assert put(outbox, detection()) == [2]
    assert outbox.stream_of(Kind.DETECTION) == disk_stream
    assert outbox.depth().pictures == 1
    assert outbox.apply_receipt(Stored(stream=memory_stream, up_to=1, missing=())) == 1


def test_memory_is_bounded_and_tells_what_it_gave_up(
    outbox: Outbox, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_module, "MEMORY_BYTES", 5_000)
    with failing_disk():
        put(outbox, *[TRACK] * 20, detection())
        stream = outbox.stream_of(Kind.TRACK)
        assert outbox.depth().bytes <= 5_000
        (told,) = outbox.ranges_to_tell()
    clock.now_s += HEAL_EVERY_S
    outbox.heal()
    assert outbox.ranges_to_tell() == (told,)
    assert (told.stream, told.kind, told.first) == (stream, Kind.TRACK, 1)
    assert outbox.given_up_counts() == {Kind.TRACK: told.last}


def test_an_outbox_that_cannot_be_opened_begins_in_memory(tmp_path: Path, clock: Clock) -> None:
    place = tmp_path / "not mounted yet"
    place.write_text("a file where the folder should be")
    outbox = open_outbox(place, monotonic=clock)
    put(outbox, detection())
    assert outbox.state is OutboxState.DISK_FAILING
    place.unlink()
    clock.now_s += HEAL_EVERY_S
    put(outbox, detection())
    assert outbox.state is OutboxState.DISK
    assert len(waiting(outbox)) == 2
    outbox.close()


def test_the_least_valuable_goes_first_and_a_detection_last(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path, max_bytes=40_000)
    put(outbox, *[TRACK] * 10, *[coverage()] * 10, health(), *[detection()] * 10)
    for number in range(40):
        put(outbox, detection(f"{number:064x}", size_bytes=100))
    assert {message.kind for message in waiting(outbox)} == {Kind.DETECTION}
    assert outbox.depth().bytes <= 40_000
    ranges = outbox.ranges_to_tell()
    assert [(told.kind, told.first, told.last) for told in ranges[:3]] == [
        (Kind.TRACK, 1, 10),
        (Kind.COVERAGE, 1, 10),
        (Kind.HEALTH, 1, 1),
    ]
    assert [told.stream for told in ranges[:3]] == [outbox.stream_of(told.kind) for told in ranges[:3]]
    assert ranges[3].kind is Kind.DETECTION
    assert outbox.given_up_counts() == {
        Kind.TRACK: 10,
        Kind.COVERAGE: 10,
        Kind.HEALTH: 1,
        Kind.DETECTION: ranges[3].last,
    }
    outbox.close()


def test_pictures_go_before_any_detection_and_their_files_with_them(tmp_path: Path) -> None:
    dropped: list[str] = []
    outbox = Outbox(
        tmp_path / "outbox.db", source=SOURCE, max_bytes=20_000, now=lambda: NOW, drop_picture=dropped.append
    )
    put(outbox, *[detection(f"{number:064x}", size_bytes=4000) for number in range(8)])
    depth = outbox.depth()
    assert depth.messages == 8
    assert depth.pictures < 8
    assert dropped == [f"{number:064x}" for number in range(8 - depth.pictures)]
    assert outbox.pictures_given_up == len(dropped)
    assert outbox.ranges_to_tell() == ()
    outbox.close()


def test_a_disk_that_is_nearly_full_is_a_smaller_outbox(tmp_path: Path) -> None:
    free = [RESERVE_BYTES + 1_000_000]
    outbox = open_outbox(tmp_path, disk_free=lambda: free[0])
    put(outbox, *[TRACK] * 400)
    assert outbox.given_up_counts() == {}
    free[0] = RESERVE_BYTES - 40_000
    put(outbox, *[detection()] * 5)  # the pages that were freed once are room enough
    given_up = outbox.given_up_counts()
    assert given_up.keys() == {Kind.TRACK}
    assert 50 < given_up[Kind.TRACK] < 150
    outbox.close()


def test_a_range_is_told_until_the_health_that_told_it_is_stored(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path, max_bytes=5_000)
    put(outbox, *[TRACK] * 15)
    told = outbox.ranges_to_tell()
    (number,) = put(outbox, health(told))
    assert outbox.ranges_to_tell()[0].first == told[0].first
    outbox.apply_receipt(receipt(outbox, Kind.HEALTH, number))
    assert all(each.first > told[-1].last for each in outbox.ranges_to_tell())
    outbox.close()


def test_a_picture_is_due_when_the_cloud_has_its_message(outbox: Outbox) -> None:
    put(outbox, detection("a" * 64), detection("a" * 64))
    assert outbox.pictures_due(9, now=NOW) == []
    outbox.apply_receipt(receipt(outbox, Kind.DETECTION, 1))
    assert [picture.sha256 for picture in outbox.pictures_due(9, now=NOW)] == ["a" * 64]
    outbox.delay_picture("a" * 64, until=NOW + timedelta(seconds=5))
    assert outbox.pictures_due(9, now=NOW) == []
    assert outbox.pictures_due(9, now=NOW + timedelta(seconds=5))[0].tries == 1
    outbox.remove_picture("a" * 64)
    assert outbox.depth().pictures == 0


def test_a_clock_that_is_set_back_delays_no_picture_for_years(outbox: Outbox) -> None:
    put(outbox, detection("a" * 64))
    outbox.apply_receipt(receipt(outbox, Kind.DETECTION, 1))
    outbox.delay_picture("a" * 64, until=NOW + timedelta(days=4000))
    assert [picture.sha256 for picture in outbox.pictures_due(9, now=NOW)] == ["a" * 64]


def test_the_newest_picture_goes_first(outbox: Outbox) -> None:
    put(outbox, *[detection(letter * 64) for letter in "abc"])
    outbox.apply_receipt(receipt(outbox, Kind.DETECTION, 3))
    assert [picture.sha256[0] for picture in outbox.pictures_due(9, now=NOW)] == ["c", "b", "a"]


def test_the_clip_of_an_event_waits_for_its_message_too(outbox: Outbox) -> None:
    sheet = detection("a" * 64).picture
    assert sheet is not None
    event = Driving(
        kind=DrivingKind.HARSH_BRAKING,
        from_at=NOW,
        to_at=NOW,
        lon=120.4,
        lat=27.5,
        peak_mps2=-4.0,
        speed_mps=9.0,
        window=(),
        clip=Clip(sheet=sheet, columns=1, taken_at=(NOW,)),
    )
    (number,) = put(outbox, event)
    assert outbox.pictures_due(9, now=NOW) == []
    outbox.apply_receipt(receipt(outbox, Kind.DRIVING, number))
    assert [picture.sha256 for picture in outbox.pictures_due(9, now=NOW)] == ["a" * 64]


def test_the_sum_of_bytes_is_true(outbox: Outbox) -> None:
    put(outbox, TRACK, detection("a" * 64), detection("a" * 64), coverage())
    for kind, up_to in ((Kind.TRACK, 1), (Kind.DETECTION, 2), (Kind.COVERAGE, 1)):
        outbox.apply_receipt(receipt(outbox, kind, up_to))
    assert outbox.depth().bytes == 1000
    outbox.remove_picture("a" * 64)
    assert outbox.depth().bytes == 0


class OutboxMachine(RuleBasedStateMachine):
    """Whatever happens: no number is used twice, and nothing leaves but by receipt."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(mkdtemp())
        self.clock = Clock()
        self.outbox = open_outbox(self.folder, monotonic=self.clock)
        self.kept: set[int] = set()
        self.last = 0

    @rule(count=st.integers(1, 3))
    def put(self, count: int) -> None:
        for _ in range(count):
            (number,) = put(self.outbox, TRACK)
            assert number == self.last + 1
            self.last = number
            self.kept.add(number)

    @rule(limit=st.integers(1, 5))
    def send(self, limit: int) -> None:
        messages = self.outbox.next_to_send(limit)
        self.outbox.mark_sent([message.number for message in messages])
        stream = self.outbox.stream_of(Kind.TRACK)
        assert {message.sequence for message in messages if message.stream == stream} <= self.kept

    @rule()
    def connect(self) -> None:
        self.outbox.begin_session()

    @rule(data=st.data())
    def receive(self, data: st.DataObject) -> None:
        up_to = data.draw(st.integers(0, self.last))
        missing = data.draw(st.sets(st.integers(1, max(up_to, 1)))) if up_to else set[int]()
        self.outbox.apply_receipt(receipt(self.outbox, Kind.TRACK, up_to, *[(n, n) for n in sorted(missing)]))
        self.kept = {number for number in self.kept if number > up_to or number in missing}

    @rule()
    def restart(self) -> None:
        self.outbox.close()
        self.outbox = open_outbox(self.folder, monotonic=self.clock)
        messages = {message.sequence for message in waiting(self.outbox)}
        assert messages == self.kept

    @rule()
    def lose_the_disk_and_get_it_back(self) -> None:
        """What is kept in memory meanwhile has numbers of its own, and is all there afterwards."""
        with failing_disk():
            put(self.outbox, TRACK, TRACK)
            stream = self.outbox.stream_of(Kind.TRACK)
        self.clock.now_s += HEAL_EVERY_S
        self.outbox.heal()
        assert self.outbox.state is OutboxState.DISK
        moved = [message.sequence for message in waiting(self.outbox) if message.stream == stream]
        assert sorted(moved) == [1, 2]
        self.outbox.apply_receipt(Stored(stream=stream, up_to=2, missing=()))

    @invariant()
    def holds_what_has_no_receipt(self) -> None:
        assert self.outbox.depth().messages == len(self.kept)

    def teardown(self) -> None:
        self.outbox.close()
        shutil.rmtree(self.folder)


TestOutboxMachine = OutboxMachine.TestCase
TestOutboxMachine.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)


@settings(max_examples=20, deadline=None)
@given(messages=st.lists(st.sampled_from([TRACK, coverage(), health(), detection()]), min_size=1, max_size=40))
def test_a_full_outbox_accounts_for_every_number(messages: list[Message]) -> None:
    folder = Path(mkdtemp())
    outbox = open_outbox(folder, max_bytes=8_000)
    numbered = {(outbox.put(each, observed_at=NOW).stream, n) for n, each in enumerate(messages)}
    put_numbers = {
        (stream, number)
        for stream in {s for s, _ in numbered}
        for number in range(1, 1 + sum(s == stream for s, _ in numbered))
    }
    given_up = {(told.stream, n) for told in outbox.ranges_to_tell() for n in range(told.first, told.last + 1)}
    kept = {(message.stream, message.sequence) for message in waiting(outbox)}
    assert kept | given_up == put_numbers
    assert not kept & given_up
    assert sum(outbox.given_up_counts().values()) == len(given_up)
    outbox.close()
    shutil.rmtree(folder)


def test_depth_by_kind_tells_how_much_of_each_waits_and_since_when(outbox: Outbox) -> None:
    for seconds in (5, 3, 9):
        outbox.put(coverage(), observed_at=NOW + timedelta(seconds=seconds))
    outbox.put(health(), observed_at=NOW)
    outbox.apply_receipt(Stored(stream=outbox.stream_of(Kind.HEALTH), up_to=1, missing=()))
    depths = outbox.depth_by_kind()
    assert (depths[Kind.COVERAGE].messages, depths[Kind.COVERAGE].oldest_at) == (3, NOW + timedelta(seconds=5))
    assert (depths[Kind.HEALTH].messages, depths[Kind.HEALTH].oldest_at) == (0, None)
