import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.bridges.jt808.body import read_location
from cloud.bridges.jt808.frame import (
    MOST_ASSEMBLIES,
    MOST_BODY,
    MOST_CONTENT,
    PART_WAITS,
    Assembler,
    Chunk,
    Frame,
    Splitter,
    decode_frame,
    encode_chunk,
    encode_frame,
    escape,
    split,
    unescape,
)
from cloud.errors import FrameError

AT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
GOLDEN = bytes.fromhex(
    "7E02000026123456789012007D02000000010000000200BA7F0E07E4F11C0028003C0000"
    "181015101010010400000064" + "0202007D01137E"
)

frames = st.builds(
    Frame,
    message_id=st.integers(0, 0xFFFF),
    phone=st.text("0123456789", min_size=12, max_size=12),
    serial=st.integers(0, 0xFFFF),
    body=st.binary(max_size=MOST_BODY) | st.text("\x7d\x7e\x01\x02", max_size=200).map(str.encode),
)
frames_2019 = st.builds(
    Frame,
    message_id=st.integers(0, 0xFFFF),
    phone=st.text("0123456789", min_size=20, max_size=20),
    serial=st.integers(0, 0xFFFF),
    body=st.binary(max_size=MOST_BODY),
    is_2019=st.just(True),
    part=st.none() | st.just((2, 3)),
)


def test_the_golden_frame_is_read_and_written_again() -> None:
    frame = decode_frame(GOLDEN[1:-1])
    assert (frame.message_id, frame.phone, frame.serial, frame.is_2019) == (0x0200, "123456789012", 126, False)
    assert len(frame.body) == 38
    assert encode_frame(frame) == GOLDEN
    location = read_location(frame.body)
    assert (location.lat, location.lon) == (12.222222, 132.444444)
    assert location.speed_mps == pytest.approx(6 / 3.6)
    assert location.at == datetime(2018, 10, 15, 2, 10, 10, tzinfo=UTC)
    assert location.is_positioned
    assert [(item.id, item.value.hex()) for item in location.items] == [(1, "00000064"), (2, "007d")]


@given(st.binary(max_size=300))
def test_escapes_hide_every_flag_and_are_undone(content: bytes) -> None:
    assert b"\x7e" not in escape(content)
    assert unescape(escape(content)) == content


@given(frames | frames_2019)
def test_what_is_written_is_read(frame: Frame) -> None:
    assert decode_frame(encode_frame(frame)[1:-1]) == frame


@given(frame=frames, place=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_a_flipped_byte_is_noticed(frame: Frame, place: int, flip: int) -> None:
    content = bytearray(unescape(encode_frame(frame)[1:-1]))
    content[place % len(content)] ^= flip
    with pytest.raises(FrameError):
        decode_frame(escape(bytes(content)))


@given(st.binary(max_size=80))
def test_bytes_of_any_kind_are_read_or_refused(content: bytes) -> None:
    try:
        decode_frame(content)
    except FrameError:
        return


def test_a_body_that_is_too_long_needs_parts() -> None:
    frame = Frame(message_id=1, phone="1" * 12, serial=0, body=bytes(MOST_BODY + 1))
    with pytest.raises(ValueError, match="1024 bytes"):
        encode_frame(frame)
    assert [len(part.body) for part in split(frame)] == [MOST_BODY, 1]


chunks = st.builds(
    Chunk,
    name=st.text("abc_.", min_size=1, max_size=50),
    offset=st.integers(0, 2**32 - 1),
    content=st.binary(max_size=300),
)


@given(st.lists(frames | chunks, max_size=6), st.randoms(use_true_random=False))
def test_a_stream_is_cut_where_messages_end_however_it_comes(came: list[Frame | Chunk], chance: random.Random) -> None:
    stream = b"".join(encode_frame(each) if isinstance(each, Frame) else encode_chunk(each) for each in came)
    splitter, found = Splitter(), list[Frame | Chunk]()
    while stream:
        size = chance.randint(1, 40)
        for each in splitter.feed(stream[:size]):
            found.append(decode_frame(each) if isinstance(each, bytes) else each)
        stream = stream[size:]
    assert found == came


@given(st.lists(st.binary(max_size=200), max_size=10))
def test_bytes_of_any_kind_are_cut_or_refused_and_never_pile_up(pieces: list[bytes]) -> None:
    splitter = Splitter()
    try:
        for piece in pieces:
            list(splitter.feed(piece))
    except FrameError:
        return
    assert len(splitter._waiting) <= MOST_CONTENT + 2  # pyright: ignore[reportPrivateUsage]


def test_a_frame_without_an_end_is_refused() -> None:
    splitter = Splitter()
    assert list(splitter.feed(b"\x7e" + bytes(MOST_CONTENT))) == []
    with pytest.raises(FrameError, match="no flag"):
        list(splitter.feed(bytes(2)))


def test_a_piece_that_is_too_large_is_refused_before_it_has_come() -> None:
    head = encode_chunk(Chunk(name="a", offset=0, content=b""))[:-4] + (70_000).to_bytes(4)
    with pytest.raises(FrameError, match="70000"):
        list(Splitter().feed(head))


@given(body=st.binary(min_size=MOST_BODY + 1, max_size=5000), serial=st.integers(0, 0xFFFF), order=st.randoms())
def test_parts_are_joined_in_whatever_order_they_come(body: bytes, serial: int, order: random.Random) -> None:
    message = Frame(message_id=0x0704, phone="1" * 12, serial=serial, body=body)
    parts = list(split(message))
    order.shuffle(parts)
    assembler = Assembler()
    joined = [whole for part in [*parts[:-1], parts[0], parts[-1]] if (whole := assembler.add(part, at=AT)) is not None]
    assert [whole.body for whole in joined] == [body]


def test_parts_of_messages_of_other_lengths_are_not_joined() -> None:
    part = Frame(message_id=1, phone="1" * 12, serial=10, body=b"a", part=(1, 2))
    assembler = Assembler()
    assert assembler.add(replace(part, serial=12, part=(3, 3)), at=AT) is None
    assert assembler.add(part, at=AT) is None
    whole = assembler.add(replace(part, serial=11, body=b"b", part=(2, 2)), at=AT)
    assert whole is not None
    assert whole.body == b"ab"


def test_parts_do_not_wait_for_ever_and_not_for_many() -> None:
    first, second = split(Frame(message_id=1, phone="1" * 12, serial=0, body=bytes(MOST_BODY + 5)))
    assembler = Assembler()
    assert assembler.add(first, at=AT) is None
    assert assembler.add(second, at=AT + PART_WAITS + timedelta(seconds=1)) is None

    assembler = Assembler()
    for number in range(20):
        part, _ = split(Frame(message_id=number, phone="1" * 12, serial=0, body=bytes(MOST_BODY + 5)))
        assembler.add(part, at=AT)
    assert len(assembler._open) <= MOST_ASSEMBLIES  # pyright: ignore[reportPrivateUsage]
