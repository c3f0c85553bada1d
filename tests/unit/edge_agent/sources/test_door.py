from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Literal

import pytest

from edge_agent.config import Door
from edge_agent.sources.door import DoorSource

AT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def read(file: Path, texts: list[str], *, open_reads: Literal[0, 1] = 1) -> list[bool]:
    """What is told while a file holds one text after the other."""
    left = iter(texts)

    def wait(_s: float) -> None:
        text = next(left, None)
        if text is not None:
            file.write_text(text)

    wait(0)
    source = DoorSource(Door(file=file, open_reads=open_reads), now=lambda: AT, wait=wait)
    return [reading.is_open for reading in islice(source.readings(), 2)]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]


@pytest.mark.parametrize(("open_reads", "expected"), [(1, [False, True]), (0, [True, False])])
def test_a_contact_is_wired_in_either_way(tmp_path: Path, open_reads: Literal[0, 1], expected: list[bool]) -> None:
    assert read(tmp_path / "value", ["0\n", "1\n"], open_reads=open_reads) == expected


def test_what_is_neither_is_not_told_and_the_contact_is_looked_for_again(tmp_path: Path) -> None:
    assert read(tmp_path / "value", ["?", "", "1\n", "0\n"]) == [True, False]
