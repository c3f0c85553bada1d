import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edge_agent.errors import OutboxError
from edge_agent.uplink.outbox import Outbox
from wire.codec import decode_envelope
from wire.messages import (
    Blur,
    CameraState,
    ClockSource,
    Coverage,
    Detection,
    Fix,
    GivenUp,
    Health,
    Kind,
    Message,
    ModelVersion,
    PictureReference,
    Presence,
    State,
    Stored,
    Track,
    TrackPoint,
)

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=1)
SOURCE = "/testcity/bus-1"
MODEL = ModelVersion(name="invented", version="1", sha256="0" * 64)
TRACK = Track(points=(TrackPoint(at=NOW, lon=120.4, lat=27.5, accuracy_m=3, fix=Fix.GNSS),))


def health(given_up: tuple[GivenUp, ...] = ()) -> Health:
    return Health(
        software="busense",
        models=(),
        outbox_depth=0,
        outbox_bytes=0,
        outbox_oldest_s=0,
        given_up=given_up,
        frames_per_s=1,
        frames_dropped=0,
        pictures_waiting=0,
        camera=CameraState.WORKING,
        clock=ClockSource.NONE,
    )


def coverage() -> Coverage:
    return Coverage(
        from_at=NOW,
        to_at=NOW,
        line=((120.4, 27.5), (120.4, 27.501)),
        heading_deg=0,
        accuracy_m=3,
        frames=10,
        usable_share=1,
        unusable={},
        near_m=3,
        far_m=15,
        left_m=3,
        right_m=3,
        camera_id="front",
        model=MODEL,
    )


def detection(picture_sha256: str | None = None, *, size_bytes: int = 1000) -> Detection:
    picture = None
    if picture_sha256 is not None:
        picture = PictureReference(
            sha256=picture_sha256,
            size_bytes=size_bytes,
            media_type="image/jpeg",
            width_px=640,
            height_px=480,
            blur=Blur(detector="x", version="1", faces=0, plates=0, threshold=0.5),
        )
    return Detection(
        class_code="D40",
        confidence=0.9,
        observed_at=NOW,
        first_seen_at=NOW,
        last_seen_at=NOW,
        lon=120.4,
        lat=27.5,
        along_m=1,
        across_m=1,
        heading_deg=0,
        frames=4,
        box_xyxy_px=(1, 2, 3, 4),
        frame_width_px=640,
        frame_height_px=480,
        camera_id="front",
        model=MODEL,
        distance_m=8,
        picture=picture,
    )


def open_outbox(folder: Path, *, max_bytes: int = 10_000_000, now: datetime = NOW) -> Outbox:
    return Outbox(folder / "outbox.db", source=SOURCE, max_bytes=max_bytes, now=now)


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    box = open_outbox(tmp_path)
    yield box
    box.close()


def put(outbox: Outbox, *messages: Message) -> list[int]:
    return [outbox.put(message, observed_at=NOW).sequence or 0 for message in messages]


def waiting(outbox: Outbox, *, lost_before: datetime = LONG_AGO) -> list[int]:
    return [message.sequence for message in outbox.next_to_send(100_000, lost_before=lost_before)]


def receipt(outbox: Outbox, up_to: int, *missing: tuple[int, int]) -> Stored:
    return Stored(stream=outbox.stream, up_to=up_to, missing=missing)


def test_messages_are_numbered_from_one_without_gaps(outbox: Outbox) -> None:
    assert put(outbox, TRACK, health(), coverage(), detection()) == [1, 2, 3, 4]
    messages = outbox.next_to_send(10, lost_before=LONG_AGO)
    envelopes = [decode_envelope(message.payload) for message in messages]
    assert [envelope.sequence for envelope in envelopes] == [1, 2, 3, 4]
    assert {envelope.stream for envelope in envelopes} == {outbox.stream}
    assert {envelope.source for envelope in envelopes} == {SOURCE}
    assert [message.kind for message in messages] == [Kind.TRACK, Kind.HEALTH, Kind.COVERAGE, Kind.DETECTION]


def test_only_counted_messages_go_through_it(outbox: Outbox) -> None:
    with pytest.raises(ValueError, match="no counted message"):
        outbox.put(State(presence=Presence.ONLINE, since=NOW), observed_at=NOW)


def test_a_sent_message_stays_until_its_receipt(outbox: Outbox) -> None:
    put(outbox, TRACK, TRACK)
    outbox.mark_sent([1, 2], at=NOW)
    assert waiting(outbox) == []
    assert outbox.depth().messages == 2
    assert outbox.apply_receipt(receipt(outbox, 1), now=NOW) == 1
    assert outbox.depth().messages == 1


def test_a_message_without_a_receipt_is_due_again_after_a_while(outbox: Outbox) -> None:
    put(outbox, TRACK, TRACK)
    outbox.mark_sent([1], at=NOW)
    outbox.mark_sent([2], at=NOW + timedelta(seconds=20))
    assert waiting(outbox, lost_before=NOW + timedelta(seconds=10)) == [1]


def test_what_a_receipt_misses_is_sent_again(outbox: Outbox) -> None:
    put(outbox, *[TRACK] * 6)
    outbox.mark_sent(range(1, 7), at=NOW)
    later = NOW + timedelta(seconds=10)
    assert outbox.apply_receipt(receipt(outbox, 6, (2, 2), (4, 5)), now=later) == 3
    assert waiting(outbox) == [2, 4, 5]


def test_what_was_on_its_way_when_the_receipt_was_written_is_not_sent_twice(outbox: Outbox) -> None:
    put(outbox, TRACK, TRACK)
    outbox.mark_sent([1, 2], at=NOW)
    outbox.apply_receipt(receipt(outbox, 2, (1, 1)), now=NOW + timedelta(seconds=1))
    assert waiting(outbox) == []


def test_the_receipt_of_another_stream_deletes_nothing(outbox: Outbox, tmp_path: Path) -> None:
    put(outbox, TRACK)
    other = open_outbox(tmp_path / "other")
    assert outbox.apply_receipt(receipt(other, 1), now=NOW) == 0
    other.close()
    assert outbox.depth().messages == 1


def test_a_receipt_for_more_than_was_ever_numbered_deletes_nothing(outbox: Outbox) -> None:
    put(outbox, TRACK)
    assert outbox.apply_receipt(receipt(outbox, 2), now=NOW) == 0
    assert outbox.depth().messages == 1


def test_numbers_go_on_after_everything_was_stored_and_the_file_opened_again(tmp_path: Path) -> None:
    first = open_outbox(tmp_path)
    put(first, TRACK, TRACK)
    first.apply_receipt(receipt(first, 2), now=NOW)
    stream = first.stream
    first.close()
    again = open_outbox(tmp_path)
    assert again.stream == stream
    assert put(again, TRACK) == [3]
    again.close()


def test_a_second_agent_on_the_same_outbox_is_refused(outbox: Outbox, tmp_path: Path) -> None:
    put(outbox, TRACK)
    with pytest.raises(OutboxError, match="another agent"):
        open_outbox(tmp_path)


@pytest.mark.parametrize("damage", ["no database", "torn page"])
def test_a_damaged_file_is_set_aside_and_a_new_stream_begins(tmp_path: Path, damage: str) -> None:
    first = open_outbox(tmp_path)
    put(first, *[detection()] * 200)
    stream = first.stream
    first.close()
    path = tmp_path / "outbox.db"
    content = bytearray(path.read_bytes())
    if damage == "no database":
        content[:64] = b"x" * 64
    else:
        content[4096 * 4 : 4096 * 12] = b"\xff" * (4096 * 8)
    path.write_bytes(bytes(content))
    again = open_outbox(tmp_path)
    assert again.stream != stream
    assert put(again, TRACK) == [1]
    again.close()
    assert len(list(tmp_path.glob("outbox.db.damaged-*"))) == 1


def test_the_least_valuable_goes_first_and_a_detection_last(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path, max_bytes=40_000)
    put(outbox, *[TRACK] * 10, *[coverage()] * 10, health(), *[detection()] * 10)
    for number in range(40):
        put(outbox, detection(f"{number:064x}", size_bytes=100))
    kinds = [message.kind for message in outbox.next_to_send(1000, lost_before=LONG_AGO)]
    assert set(kinds) == {Kind.DETECTION}
    assert outbox.depth().bytes <= 40_000
    ranges = outbox.ranges_to_tell()
    assert ranges[0] == GivenUp(kind=Kind.TRACK, first=1, last=10)
    assert ranges[1] == GivenUp(kind=Kind.COVERAGE, first=11, last=20)
    assert ranges[2] == GivenUp(kind=Kind.HEALTH, first=21, last=21)
    assert ranges[3].kind is Kind.DETECTION
    outbox.close()


def test_pictures_go_before_any_detection(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path, max_bytes=20_000)
    put(outbox, *[detection(f"{number:064x}", size_bytes=4000) for number in range(8)])
    depth = outbox.depth()
    assert depth.messages == 8
    assert depth.pictures < 8
    assert outbox.ranges_to_tell() == ()
    outbox.close()


def test_a_range_is_told_until_the_health_that_told_it_is_stored(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path, max_bytes=5_000)
    put(outbox, *[TRACK] * 15)
    told = outbox.ranges_to_tell()
    (number,) = put(outbox, health(told))
    assert outbox.ranges_to_tell()[0].first == told[0].first
    outbox.apply_receipt(receipt(outbox, number), now=NOW)
    assert all(each.first > told[-1].last for each in outbox.ranges_to_tell())
    outbox.close()


def test_a_picture_is_due_when_the_cloud_has_its_message(outbox: Outbox) -> None:
    put(outbox, detection("a" * 64), detection("a" * 64))
    assert outbox.pictures_due(9, now=NOW) == []
    outbox.apply_receipt(receipt(outbox, 1), now=NOW)
    assert [picture.sha256 for picture in outbox.pictures_due(9, now=NOW)] == ["a" * 64]
    outbox.delay_picture("a" * 64, until=NOW + timedelta(seconds=5))
    assert outbox.pictures_due(9, now=NOW) == []
    assert outbox.pictures_due(9, now=NOW + timedelta(seconds=5))[0].tries == 1
    outbox.remove_picture("a" * 64)
    assert outbox.depth().pictures == 0


def test_the_sum_of_bytes_is_true(outbox: Outbox) -> None:
    put(outbox, TRACK, detection("a" * 64), detection("a" * 64), coverage())
    outbox.apply_receipt(receipt(outbox, 4), now=NOW)
    assert outbox.depth().bytes == 1000
    outbox.remove_picture("a" * 64)
    assert outbox.depth().bytes == 0


class OutboxMachine(RuleBasedStateMachine):
    """Whatever happens: no number is used twice, and nothing leaves but by receipt."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(mkdtemp())
        self.outbox = open_outbox(self.folder)
        self.kept: set[int] = set()
        self.unsent: set[int] = set()
        self.last = 0

    @rule(count=st.integers(1, 3))
    def put(self, count: int) -> None:
        for _ in range(count):
            number = self.outbox.put(TRACK, observed_at=NOW).sequence or 0
            assert number == self.last + 1
            self.last = number
            self.kept.add(number)
            self.unsent.add(number)

    @rule(data=st.data())
    def send(self, data: st.DataObject) -> None:
        numbers = data.draw(st.sets(st.sampled_from(sorted(self.unsent)))) if self.unsent else set[int]()
        self.outbox.mark_sent(numbers, at=NOW - timedelta(minutes=1))
        self.unsent -= numbers

    @rule(data=st.data())
    def receive(self, data: st.DataObject) -> None:
        up_to = data.draw(st.integers(0, self.last))
        missing = data.draw(st.sets(st.integers(1, max(up_to, 1)))) if up_to else set[int]()
        self.outbox.apply_receipt(receipt(self.outbox, up_to, *[(n, n) for n in sorted(missing)]), now=NOW)
        self.kept = {number for number in self.kept if number > up_to or number in missing}
        self.unsent = {number for number in self.unsent | missing if number in self.kept}

    @rule()
    def restart(self) -> None:
        self.outbox.close()
        self.outbox = open_outbox(self.folder)

    @invariant()
    def holds_what_has_no_receipt(self) -> None:
        assert self.outbox.depth().messages == len(self.kept)
        assert waiting(self.outbox) == sorted(self.unsent)

    def teardown(self) -> None:
        self.outbox.close()
        shutil.rmtree(self.folder)


TestOutboxMachine = OutboxMachine.TestCase
TestOutboxMachine.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)


@settings(max_examples=20, deadline=None)
@given(kinds=st.lists(st.sampled_from([TRACK, coverage(), health(), detection()]), min_size=1, max_size=40))
def test_a_full_outbox_accounts_for_every_number(kinds: list[Message]) -> None:
    folder = Path(mkdtemp())
    outbox = open_outbox(folder, max_bytes=8_000)
    last = put(outbox, *kinds)[-1]
    given_up = {n for told in outbox.ranges_to_tell() for n in range(told.first, told.last + 1)}
    kept = set(waiting(outbox))
    assert kept | given_up == set(range(1, last + 1))
    assert not kept & given_up
    outbox.close()
    shutil.rmtree(folder)


WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from edge_agent.uplink.outbox import Outbox
from wire.messages import Fix, Track, TrackPoint

now = datetime.now(UTC)
outbox = Outbox(Path(sys.argv[1]), source="/testcity/bus-1", max_bytes=10_000_000, now=now)
track = Track(points=(TrackPoint(at=now, lon=1, lat=2, accuracy_m=3, fix=Fix.GNSS),))
while True:
    print(outbox.put(track, observed_at=now).sequence, flush=True)
"""


def test_what_was_put_survives_a_kill_at_any_moment(tmp_path: Path) -> None:
    path, told, stream = tmp_path / "outbox.db", 0, ""
    for wanted in (1, 20, 50):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
        ) as writer:
            assert writer.stdout is not None
            lines = [int(writer.stdout.readline()) for _ in range(wanted)]
            writer.send_signal(signal.SIGKILL)
            rest = [int(line) for line in writer.stdout.read().splitlines() if line.isdigit()]
        assert lines[0] >= told + 1
        told = [*lines, *rest][-1]
        outbox = open_outbox(tmp_path)
        kept = waiting(outbox)
        assert kept == list(range(1, len(kept) + 1))
        assert len(kept) >= told
        assert stream in {"", outbox.stream}
        stream = outbox.stream
        outbox.close()


def test_a_disk_that_refuses_is_an_error_of_ours(outbox: Outbox) -> None:
    outbox._database.execute("PRAGMA max_page_count = 1")  # pyright: ignore[reportPrivateUsage] - a full disk
    with pytest.raises(OutboxError, match="full"):
        put(outbox, *[detection()] * 500)
    assert outbox.depth().messages < 500
