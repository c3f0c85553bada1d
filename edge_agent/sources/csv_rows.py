"""Recordings as CSV: a header, then a reading in each line."""

import csv
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import TypeVar

from edge_agent.errors import SourceError

R = TypeVar("R")


def read_rows(
    lines: Iterable[str], *, name: str, columns: Iterable[str], parse: Callable[[dict[str, str]], R]
) -> Iterator[R]:
    """Parse each line by the names of the header, which has at least these columns.

    Raises:
        SourceError: a column is missing, or a line cannot be read; names both.
    """
    rows = csv.DictReader(lines)
    missing = set(columns) - set(rows.fieldnames or ())
    if missing:
        raise SourceError(f"{name}: column {', '.join(sorted(missing))} is missing in the first line")
    for row in rows:
        try:
            yield parse(row)
        except (TypeError, ValueError) as error:
            raise SourceError(f"{name}, line {rows.line_num}: {error}") from error


def instant_of(text: str) -> datetime:
    """A time with its zone, in UTC.

    Raises:
        ValueError: it is none.
    """
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"at {text!r} has no zone; write 2026-11-24T08:00:00Z")
    return at.astimezone(UTC)
