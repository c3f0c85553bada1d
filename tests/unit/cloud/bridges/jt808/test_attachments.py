import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.bridges.jt808.attachments import (
    MOST_BYTES,
    MOST_FILES,
    MOST_HELD_BYTES,
    MOST_PARTS,
    MOST_PICTURE_BYTES,
    PICTURE,
    VIDEO,
    File,
    Transfer,
    ask_body,
    file_answer_body,
    read_file,
    read_list,
)
from cloud.bridges.jt808.frame import Chunk
from cloud.errors import FrameError

IDENTITY = bytes(range(16))


def listed(*files: tuple[str, int], mark: str = "m" * 32) -> bytes:
    named = b"".join(bytes([len(name)]) + name.encode() + struct.pack(">I", size) for name, size in files)
    return bytes(7) + IDENTITY + mark.encode() + b"\x00" + bytes([len(files)]) + named


def file_body(name: str, kind: int, size: int) -> bytes:
    return bytes([len(name)]) + name.encode() + bytes([kind]) + size.to_bytes(4)


def test_a_list_names_its_files_and_the_mark_that_was_given_out() -> None:
    transfer = read_list(listed(("a.jpg", 10), ("b.mp4", 20)))
    assert transfer.mark == "m" * 32
    assert {file.name: file.size for file in transfer.files.values()} == {"a.jpg": 10, "b.mp4": 20}


@pytest.mark.parametrize(
    "body",
    [
        listed(("a.jpg", 0)),
        listed(("a.jpg", MOST_BYTES + 1)),
        listed(*[(f"{number}.jpg", 1) for number in range(MOST_FILES + 1)]),
        listed(("a.jpg", 10))[:-1],
        listed(("", 10)),
        listed(("a\nb", 10)),
        b"",
    ],
    ids=["empty file", "too large", "too many", "cut off", "no name", "control character", "nothing"],
)
def test_a_list_that_cannot_be_is_refused(body: bytes) -> None:
    with pytest.raises(FrameError):
        read_list(body)


def test_where_to_bring_them_is_said_as_the_standard_has_it() -> None:
    body = ask_body(host="10.0.0.7", port=8808, identity=IDENTITY, mark="m" * 32)
    assert body == b"\x0810.0.0.7" + struct.pack(">HH", 8808, 0) + IDENTITY + b"m" * 32 + bytes(16)


@given(st.binary(min_size=1, max_size=3000), st.randoms(use_true_random=False), st.integers(1, 700))
def test_pieces_make_the_file_in_whatever_order_and_however_often(content: bytes, chance: object, size: int) -> None:
    pieces = [Chunk(name="a", offset=at, content=content[at : at + size]) for at in range(0, len(content), size)]
    getattr(chance, "shuffle")(pieces)  # noqa: B009 - hypothesis's own kind of chance
    file = File(name="a", size=len(content))
    file.begin(PICTURE)
    for piece in [*pieces[1:], *pieces[1:2]]:
        file.add(piece)
    assert file.gaps() if len(pieces) == 1 else sum(length for _, length in file.gaps()) == len(pieces[0].content)
    file.add(pieces[0])
    assert file.gaps() == []
    assert file.content == content


def test_what_lacks_is_asked_for_again() -> None:
    file = File(name="a.jpg", size=100)
    file.begin(PICTURE)
    file.add(Chunk(name="a.jpg", offset=20, content=bytes(30)))
    assert file.gaps() == [(0, 20), (50, 50)]
    assert file_answer_body(file) == b"\x05a.jpg" + bytes([0, 1, 2]) + struct.pack(">IIII", 0, 20, 50, 50)
    file.add(Chunk(name="a.jpg", offset=0, content=bytes(20)))
    file.add(Chunk(name="a.jpg", offset=50, content=bytes(50)))
    assert file_answer_body(file) == b"\x05a.jpg" + bytes([0, 0, 0])


def test_of_a_video_nothing_is_kept() -> None:
    file = File(name="a.mp4", size=100)
    file.begin(VIDEO)
    file.add(Chunk(name="a.mp4", offset=0, content=bytes(100)))
    assert file.gaps() == []
    assert file.content is None


def test_what_is_held_of_the_pictures_of_an_alarm_is_bounded() -> None:
    names = [f"{number}.jpg" for number in range(MOST_FILES)]
    transfer = Transfer(mark="m", files={name: File(name=name, size=MOST_PICTURE_BYTES) for name in names})
    for name in names:
        transfer.begin(file_body(name, PICTURE, MOST_PICTURE_BYTES))
    held = [file.content for file in transfer.files.values() if file.content is not None]
    assert sum(len(content) for content in held) == MOST_HELD_BYTES


def test_a_picture_that_was_kept_is_not_held_again_when_its_end_is_said_again() -> None:
    transfer = Transfer(mark="m", files={"a.jpg": File(name="a.jpg", size=4)})
    file = transfer.begin(file_body("a.jpg", PICTURE, 4))
    transfer.add(Chunk(name="a.jpg", offset=0, content=b"jpeg"))
    assert file.whole_picture() == b"jpeg"
    file.let_go()
    transfer.begin(file_body("a.jpg", PICTURE, 4))
    assert file.whole_picture() is None
    assert file_answer_body(file) == b"\x05a.jpg" + bytes([0, 0, 0])


@pytest.mark.parametrize(("offset", "size"), [(90, 11), (2**32 - 1, 1)])
def test_a_piece_outside_of_the_file_is_refused(offset: int, size: int) -> None:
    with pytest.raises(FrameError):
        File(name="a", size=100).add(Chunk(name="a", offset=offset, content=bytes(size)))


def test_pieces_that_come_again_for_ever_are_refused() -> None:
    file = File(name="a", size=60_000)
    again = Chunk(name="a", offset=0, content=bytes(60_000))
    for _ in range(3):
        file.add(again)
    with pytest.raises(FrameError, match="came"):
        file.add(again)


@given(st.lists(st.tuples(st.integers(0, 39), st.integers(0, 12)), max_size=20))
def test_pieces_that_overlap_are_told_as_what_they_cover(pieces: list[tuple[int, int]]) -> None:
    file, covered = File(name="a", size=40), set[int]()
    for offset, size in pieces:
        content = bytes(min(size, 40 - offset))
        if file.came + (len(content) or 1) <= 2 * file.size:
            file.add(Chunk(name="a", offset=offset, content=content))
            covered |= set(range(offset, offset + len(content)))
    lacking = [place for offset, length in file.gaps() for place in range(offset, offset + length)]
    assert lacking == sorted(set(range(40)) - covered)
    assert all(end < begin for (_, end), (begin, _) in pairwise(file.parts))


def test_bytes_that_come_one_by_one_take_no_more_memory_than_a_piece() -> None:
    file = File(name="a", size=MOST_BYTES)
    for offset in range(5000):
        file.add(Chunk(name="a", offset=offset, content=b"x"))
    assert file.parts == [(0, 5000)]
    for offset in range(5002, 5000 + 2 * MOST_PARTS, 2):
        file.add(Chunk(name="a", offset=offset, content=b"x"))
    with pytest.raises(FrameError, match="gaps"):
        file.add(Chunk(name="a", offset=MOST_BYTES - 1, content=b"x"))


@given(st.binary(max_size=200))
def test_bytes_of_any_kind_are_read_or_refused(body: bytes) -> None:
    for read in (read_list, read_file):
        try:
            read(body)
        except FrameError:
            continue
