"""What one connection comes to, with a book, a broker and an album of our own."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.terminals import (
    Spot,
    ahead_item,
    batch_body,
    driver_item,
    identity_of,
    later,
    location_body,
    registration_body,
)
from cloud.bridges.jt808.alarms import Alarm
from cloud.bridges.jt808.attachments import MARK_BYTES
from cloud.bridges.jt808.body import Application, MessageId, Registration, Result
from cloud.bridges.jt808.connection import (
    MARK_GOOD_FOR,
    MOST_BRINGING,
    MOST_MARKS,
    MOST_OWN_BRINGING,
    WRONG_FRAMES,
    Place,
    Session,
)
from cloud.bridges.jt808.frame import Chunk, Frame, Splitter, decode_frame, encode_frame, escape
from cloud.bridges.jt808.registry import Terminal
from cloud.bridges.jt808.translate import Raw, Said
from cloud.errors import FrameError, UnavailableError
from wire.messages import Driving, DrivingKind, Track

AT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
SPOT = Spot(at=AT, lon=120.4, lat=27.5)
PHONE = "013812345678"
BUS = Terminal(phone="13812345678", city="c", device="bus-1")


@dataclass
class World:
    """Everything around a connection."""

    published: list[Said] = field(default_factory=list[Said])
    raw: list[Raw] = field(default_factory=list[Raw])
    pictures: dict[str, bytes] = field(default_factory=dict[str, bytes])
    is_broker_away: bool = False
    is_database_away: bool = False
    takes_all: bool = False
    now: datetime = AT

    async def register(self, phone: str, wish: Application, *, at: datetime) -> tuple[Registration, str]:
        is_known = phone == PHONE and wish.terminal_id == "SIM0001"
        return (Registration.DONE, "code") if is_known else (Registration.NO_SUCH_TERMINAL, "")

    async def authenticate(self, phone: str, code: str) -> Terminal | None:
        return BUS if phone.lstrip("0") == BUS.phone and code == "code" else None

    async def publish(self, terminal: Terminal, said: Said) -> None:
        if self.is_broker_away:
            raise UnavailableError("away")
        assert terminal is BUS or self.takes_all
        self.published.append(said)

    def keep(self, terminal: Terminal, raw: Raw, *, at: datetime) -> None:
        self.raw.append(raw)

    def place(self, *, has_album: bool = False) -> Place:
        return Place(
            doors=self,
            broker=self,
            raws=self,
            album=Album(self) if has_album else None,
            attachments_at=("10.0.0.7", 8808) if has_album else None,
            now=lambda: self.now,
        )


@dataclass
class Album:
    world: World

    async def keep(self, terminal: Terminal, alarm: Alarm, *, name: str, content: bytes) -> None:
        if self.world.is_database_away:
            raise psycopg.OperationalError
        self.world.pictures[name] = content


@dataclass
class Line:
    """A terminal on a line that never breaks by itself."""

    place: Place
    answers: list[Frame] = field(default_factory=list[Frame])
    is_left: bool = False
    serial: int = 0
    session: Session = field(init=False)

    def __post_init__(self) -> None:
        self.session = Session(self.place, answer=self._hear, leave=self._leave)

    def say(self, message_id: int, body: bytes = b"", *, phone: str = PHONE, is_encrypted: bool = False) -> Frame:
        """Say something; the last answer."""
        self.serial += 1
        frame = Frame(message_id=message_id, phone=phone, serial=self.serial, body=body, is_encrypted=is_encrypted)
        asyncio.run(self.session.take(encode_frame(frame)[1:-1]))
        return self.answers[-1]

    def come(self) -> "Line":
        self.say(MessageId.AUTHENTICATE, b"code")
        return self

    def _hear(self, data: bytes) -> None:
        self.answers += [decode_frame(came) for came in Splitter().feed(data) if isinstance(came, bytes)]

    def _leave(self) -> None:
        self.is_left = True


def result(answer: Frame) -> Result:
    assert answer.message_id == MessageId.ANSWER
    return Result(answer.body[4])


def test_a_terminal_that_is_expected_registers_shows_its_code_and_reports() -> None:
    world = World()
    line = Line(world.place())
    body = registration_body(terminal_id="SIM0001", plate="浙C12345", is_2019=False)
    registered = line.say(MessageId.REGISTER, body)
    assert (registered.message_id, registered.body) == (MessageId.REGISTERED, b"\x00\x01\x00code")
    assert result(line.say(MessageId.AUTHENTICATE, b"code")) is Result.DONE
    answer = line.say(MessageId.LOCATION, location_body(SPOT))
    assert (result(answer), answer.body[:4]) == (Result.DONE, b"\x00\x03\x02\x00")
    assert [type(said.message) for said in world.published] == [Track]
    assert result(line.say(MessageId.HEARTBEAT)) is Result.DONE


def test_a_stranger_gets_no_code() -> None:
    body = registration_body(terminal_id="OTHER", plate="", is_2019=False)
    answer = Line(World().place()).say(MessageId.REGISTER, body)
    assert answer.body[2:] == bytes([Registration.NO_SUCH_TERMINAL])


@pytest.mark.parametrize("message_id", [MessageId.LOCATION, MessageId.HEARTBEAT, MessageId.LOCATIONS, 0x0900])
def test_who_has_not_said_who_it_is_is_sent_away(message_id: int) -> None:
    world = World()
    line = Line(world.place())
    with pytest.raises(FrameError, match="who it is"):
        line.say(message_id, location_body(SPOT))
    assert world.published == world.raw == []


def test_nothing_is_put_together_for_a_stranger() -> None:
    part = Frame(message_id=MessageId.LOCATIONS, phone=PHONE, serial=1, body=bytes(1000), part=(1, 64))
    with pytest.raises(FrameError, match="part"):
        asyncio.run(Line(World().place()).session.take(encode_frame(part)[1:-1]))


def test_a_wrong_code_is_answered_and_ends_the_connection() -> None:
    line = Line(World().place())
    with pytest.raises(FrameError, match="code"):
        line.say(MessageId.AUTHENTICATE, b"guess")
    assert result(line.answers[-1]) is Result.FAILED


def test_nobody_speaks_for_another_terminal() -> None:
    world = World()
    line = Line(world.place()).come()
    line.say(MessageId.LOCATION, location_body(SPOT), phone="013800000000")
    assert world.published == []
    assert len(line.answers) == 1  # that of its code


def test_what_the_broker_does_not_have_is_not_acknowledged() -> None:
    world = World(is_broker_away=True)
    line = Line(world.place()).come()
    with pytest.raises(UnavailableError):
        line.say(MessageId.LOCATION, location_body(SPOT))
    assert len(line.answers) == 1


def test_late_positions_become_messages_of_their_own() -> None:
    world = World()
    spots = [later(SPOT, by_s=second) for second in range(3)]
    Line(world.place()).come().say(MessageId.LOCATIONS, batch_body(spots))
    assert [said.at for said in world.published] == [spot.at for spot in spots]


def test_pictures_of_an_alarm_that_comes_late_are_asked_for_too() -> None:
    line = Line(World().place(has_album=True)).come()
    tunnel = replace(SPOT, items=(ahead_item(SPOT, number=1, flag=1, kind=1, files=1),))
    line.say(MessageId.LOCATIONS, batch_body([tunnel]))
    assert asked_mark(line)


def test_a_terminal_that_always_tells_several_together_tells_all_that_begins() -> None:
    world = World()
    spots = [replace(later(SPOT, by_s=second), alarms=1 << 1 if second else 0) for second in range(3)]
    line = Line(world.place(has_album=True)).come()
    ahead = replace(later(SPOT, by_s=9), items=(ahead_item(SPOT, number=1, flag=1, kind=1, files=1),))
    line.say(MessageId.LOCATIONS, batch_body([*spots, ahead], is_late=False))
    told = [said.message for said in world.published if isinstance(said.message, Driving)]
    assert [(event.kind, event.from_at) for event in told] == [
        (DrivingKind.SPEEDING, AT + timedelta(seconds=1)),
        (DrivingKind.FORWARD_COLLISION, AT),
    ]
    assert asked_mark(line)


def test_what_is_not_understood_is_kept_and_the_connection_goes_on() -> None:
    world = World()
    line = Line(world.place()).come()
    assert result(line.say(0x0F01, b"vendor")) is Result.UNKNOWN
    assert result(line.say(MessageId.LOCATION, b"secret", is_encrypted=True)) is Result.UNKNOWN
    assert result(line.say(MessageId.LOCATION, location_body(SPOT)[:-1])) is Result.DONE
    assert [raw.content for raw in world.raw] == [b"vendor", b"secret", location_body(SPOT)[:-1]]
    assert result(line.say(MessageId.LOCATION, location_body(SPOT))) is Result.DONE
    assert len(world.published) == 1


def test_a_few_broken_frames_are_passed_over_and_many_end_the_connection() -> None:
    line = Line(World().place()).come()
    for _ in range(WRONG_FRAMES):
        asyncio.run(line.session.take(b"nonsense, of no use"))
    with pytest.raises(FrameError):
        asyncio.run(line.session.take(b"nonsense, of no use"))


def test_a_terminal_that_comes_again_takes_the_place_of_its_old_connection() -> None:
    world = World()
    place = world.place()
    old = Line(place).come()
    drowsy = replace(SPOT, items=(driver_item(SPOT, number=9, flag=1, kind=1),))
    old.say(MessageId.LOCATION, location_body(drowsy))
    new = Line(place).come()
    assert (old.is_left, new.is_left) == (True, False)
    old.session.end()
    assert place.here == {BUS.phone: new.session}
    end = later(SPOT, by_s=9)
    awake = replace(end, items=(driver_item(end, number=9, flag=2, kind=1),))
    new.say(MessageId.LOCATION, location_body(awake))
    last = world.published[-1].message
    assert isinstance(last, Driving)
    assert last.from_at == AT  # what began on the old one ended on the new one
    new.session.end()
    assert place.here == {}


def asked_mark(line: Line) -> str:
    (ask,) = [answer for answer in line.answers if answer.message_id == MessageId.SEND_ATTACHMENTS]
    return ask.body[-16 - MARK_BYTES : -16].decode()


def list_files(line: Line, mark: str, name: str, *, size: int = 2000, phone: str = PHONE) -> None:
    """Say which file is brought."""
    announced = bytes([len(name)]) + name.encode() + size.to_bytes(4)
    line.say(MessageId.ATTACHMENTS, bytes(7 + 16) + mark.encode() + b"\x00\x01" + announced, phone=phone)


def bring(line: Line, mark: str, *, name: str = "a.jpg", content: bytes = b"jpeg" * 500, phone: str = PHONE) -> bytes:
    """Bring a picture but for its first piece; the answer to its end."""
    list_files(line, mark, name, size=len(content), phone=phone)
    file = bytes([len(name)]) + name.encode() + b"\x00" + len(content).to_bytes(4)
    line.say(MessageId.FILE_BEGINS, file, phone=phone)
    for at in range(1000, len(content), 1000):
        asyncio.run(line.session.take(Chunk(name=name, offset=at, content=content[at : at + 1000])))
    assert line.say(MessageId.FILE_ENDS, file, phone=phone).body[-10:] == b"\x01\x01" + bytes(4) + (1000).to_bytes(4)
    asyncio.run(line.session.take(Chunk(name=name, offset=0, content=content[:1000])))
    return line.say(MessageId.FILE_ENDS, file, phone=phone).body[-2:]


def alarmed(world: World, place: Place) -> str:
    """A terminal reports an alarm with a picture; the mark under which it may bring it."""
    line = Line(place).come()
    spot = replace(SPOT, items=(ahead_item(SPOT, number=1, flag=1, kind=1, files=1),))
    line.say(MessageId.LOCATION, location_body(spot))
    return asked_mark(line)


def test_pictures_of_an_alarm_are_brought_on_a_connection_of_their_own() -> None:
    world = World()
    place = world.place(has_album=True)
    assert bring(Line(place), alarmed(world, place)) == b"\x00\x00"
    assert world.pictures == {"a.jpg": b"jpeg" * 500}


@pytest.mark.parametrize("wrong", ["mark", "late", "phone", "twice"])
def test_pictures_that_nobody_has_asked_for_are_refused(wrong: str) -> None:
    world = World()
    place = world.place(has_album=True)
    mark = alarmed(world, place)
    if wrong == "late":
        world.now += MARK_GOOD_FOR + timedelta(seconds=1)
    if wrong == "twice":
        bring(Line(place), mark)
        world.pictures = {}
    with pytest.raises(FrameError, match="asked"):
        bring(
            Line(place),
            "0" * 32 if wrong == "mark" else mark,
            phone="013800000000" if wrong == "phone" else PHONE,
        )
    assert world.pictures == {}


def test_a_line_that_breaks_while_a_picture_is_brought_does_not_lose_it() -> None:
    world = World()
    place = world.place(has_album=True)
    mark = alarmed(world, place)
    broken = Line(place)
    list_files(broken, mark, "a.jpg")
    broken.session.end()
    whole = Line(place)
    assert bring(whole, mark) == b"\x00\x00"
    whole.session.end()
    with pytest.raises(FrameError, match="asked"):
        list_files(Line(place), mark, "a.jpg")


def test_a_picture_that_cannot_be_kept_now_may_come_again() -> None:
    world = World(is_database_away=True)
    place = world.place(has_album=True)
    mark = alarmed(world, place)
    refused = Line(place)
    with pytest.raises(UnavailableError):
        bring(refused, mark)
    refused.session.end()
    world.is_database_away = False
    assert bring(Line(place), mark) == b"\x00\x00"
    assert world.pictures == {"a.jpg": b"jpeg" * 500}


def test_a_terminal_that_asks_for_ever_drops_its_own_oldest_marks_and_nobody_elses() -> None:
    world = World()
    place = world.place(has_album=True)
    mark = alarmed(world, place)
    greedy = Line(place).come()
    greedy.session.terminal = Terminal(phone="13900000000", city="c", device="bus-2")
    world.takes_all = True
    for number in range(MOST_MARKS + 1):
        item = ahead_item(SPOT, number=number, flag=1, kind=1, files=1)
        greedy.say(MessageId.LOCATION, location_body(replace(SPOT, items=(item,))), phone="013900000000")
    assert {phone: len(marks) for phone, marks in place.marks.items()} == {BUS.phone: 1, "13900000000": MOST_MARKS}
    assert bring(Line(place), mark) == b"\x00\x00"


def test_one_terminal_brings_the_files_of_a_few_alarms_at_the_same_time_and_more_later() -> None:
    world = World()
    place = world.place(has_album=True)
    lines = [Line(place) for _ in range(MOST_OWN_BRINGING)]
    for line in lines:
        list_files(line, alarmed(world, place), "a.jpg")
    mark, late = alarmed(world, place), Line(place)
    with pytest.raises(FrameError, match="later"):
        list_files(late, mark, "b.jpg")
    assert result(late.answers[-1]) is Result.FAILED
    lines[0].session.end()
    assert bring(Line(place), mark, name="b.jpg") == b"\x00\x00"


def test_when_too_many_bring_files_one_more_is_told_to_come_later() -> None:
    world = World()
    place = world.place(has_album=True)
    mark = alarmed(world, place)
    place.bringing = [Line(place).session for _ in range(MOST_BRINGING)]
    with pytest.raises(FrameError, match="later"):
        list_files(Line(place), mark, "a.jpg")
    place.bringing[0].end()
    assert bring(Line(place), mark) == b"\x00\x00"


def test_without_an_address_for_them_no_pictures_are_asked_for() -> None:
    world = World()
    line = Line(world.place()).come()
    spot = replace(SPOT, items=(ahead_item(SPOT, number=1, flag=1, kind=1, files=1),))
    line.say(MessageId.LOCATION, location_body(spot))
    assert [answer.message_id for answer in line.answers] == [MessageId.ANSWER] * 2
    assert identity_of(AT, files=1)[14] == 1


bodies = st.binary(max_size=120)
message_ids = st.sampled_from([*MessageId]) | st.integers(0, 0xFFFF)
_ways: list[Callable[[int, bytes], bytes]] = [
    lambda message_id, body: encode_frame(Frame(message_id=message_id, phone=PHONE, serial=1, body=body))[1:-1],
    lambda message_id, body: encode_frame(
        Frame(message_id=message_id, phone="0" * 8 + PHONE, serial=1, body=body, is_2019=True)
    )[1:-1],
    lambda _, body: escape(body),
    lambda _, body: body,
]


@given(st.lists(st.tuples(st.sampled_from(_ways), message_ids, bodies), max_size=8), st.booleans())
def test_whatever_comes_is_taken_or_refused_in_our_own_words(
    came: list[tuple[Callable[[int, bytes], bytes], int, bytes]],
    is_known: bool,  # noqa: FBT001 - as hypothesis gives it
) -> None:
    world = World()
    line = Line(world.place(has_album=True))
    if is_known:
        line.come()
    try:
        for way, message_id, body in came:
            asyncio.run(line.session.take(way(message_id, body)))
    except FrameError:
        return
    assert all(isinstance(said.message, Track | Driving) for said in world.published)
