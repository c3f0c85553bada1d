"""Enrolling a county's list: a code for each device that has none yet, in a file for those who mount them."""

import csv
import io
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

from psycopg import Connection

from cloud.errors import FleetError
from cloud.fleet.devices import city_and_device
from cloud.fleet.enrolment import CODE_GOOD_FOR, make_code
from cloud.fleet.secret import hash_secret

KINDS: Final = {"bus": False, "stop": False, "relay": True}  # whether it carries what others hand over
CODE_COLUMNS: Final = ("city", "device", "kind", "name", "code", "good_until")
_COLUMNS: Final = frozenset({"device", "kind"})
_MORE_COLUMNS: Final = frozenset({"name"})

_ENROLLED: Final = """
SELECT city, device, is_relay FROM devices
WHERE (city, device) IN (SELECT * FROM unnest(%b::text[], %b::text[]))
"""
_GOOD: Final = "SELECT code_sha256 FROM device_codes WHERE expires_at > %s AND code_sha256 = ANY(%s)"

Code = dict[str, str]  # a line of the file of codes


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A line of a list."""

    line: int
    city: str
    device: str
    kind: str
    name: str
    """Number plate, or what the stop is called: for people, and kept nowhere."""

    @property
    def key(self) -> tuple[str, str]:
        return self.city, self.device


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What came of a list."""

    codes: list[Code]
    """All that are good now, those of other lists too."""
    new: int
    enrolled: int
    """Of the list, before it came."""


def read_list(path: Path, *, city: str) -> list[Listed]:
    """Read a list of devices: CSV in UTF-8 with the columns `device` (or `city/device`), `kind` and maybe `name`.

    Raises:
        FleetError: names each line that cannot be taken.
    """
    rows = csv.DictReader(io.StringIO(_read(path), newline=""), strict=True)
    listed: list[Listed] = []
    faults: list[str] = []
    try:
        _check_columns(rows.fieldnames or [])
        for row in rows:
            try:
                listed.append(_listed(row, line=rows.line_num, city=city))
            except FleetError as error:
                faults.append(f"{path}:{rows.line_num}: {error}")
    except (csv.Error, FleetError) as error:
        faults.append(f"{path}:{max(1, rows.reader.line_num)}: {error}")
    faults += [
        f"{path}:{again.line}: {again.device} stands in line {first.line} too" for first, again in _twice(listed)
    ]
    if faults:
        raise FleetError("\n".join(faults))
    return listed


def draw_codes(connection: Connection[Any], listed: Sequence[Listed], *, codes: Iterable[Code], at: datetime) -> Drawn:
    """Draw a code for each that is neither enrolled nor has a code that is still good, in the caller's transaction.

    Args:
        connection: of the database.
        listed: devices of a list.
        codes: that were drawn before.
        at: now.

    Raises:
        FleetError: one is enrolled as something else.
    """
    enrolled = _read_enrolled(connection, listed)
    changed = [each for each in listed if enrolled.get(each.key, KINDS[each.kind]) is not KINDS[each.kind]]
    if changed:
        raise FleetError(
            "\n".join(f"line {each.line}: {each.device} is enrolled, not as {each.kind}" for each in changed)
        )
    kinds = {each.key: each.kind for each in listed}
    known = _good_ones(connection, codes, at=at)
    good = [code for code in known if kinds.get(_key_of(code), code["kind"]) == code["kind"]]
    have = enrolled.keys() | {_key_of(code) for code in good}
    new = [_draw(connection, each, at=at) for each in listed if each.key not in have]
    return Drawn(codes=good + new, new=len(new), enrolled=len(enrolled))


def read_codes(path: Path) -> list[Code]:
    """Read the codes that were drawn before; none where there is no file.

    Raises:
        FleetError: it is another file, or a line of it is cut.
    """
    if not path.exists():
        return []
    rows = csv.DictReader(io.StringIO(_read(path), newline=""))
    if tuple(rows.fieldnames or ()) != CODE_COLUMNS:
        raise FleetError(f"{path} is there and holds no codes: name another file")
    codes: list[Code] = []
    for row in rows:
        if None in row or None in row.values():
            raise FleetError(
                f"{path}:{rows.line_num}: {', '.join(CODE_COLUMNS)} are expected: mend this line or take it out"
            )
        codes.append(row)
    return codes


def write_codes(file: BinaryIO, codes: Iterable[Code]) -> None:
    """Write codes, and wait until they are on the disk."""
    # The mark lets spreadsheets read Chinese names and plates.
    text = io.TextIOWrapper(file, newline="", encoding="utf-8-sig")
    writer = csv.writer(text)
    writer.writerow(CODE_COLUMNS)
    writer.writerows([code[column] for column in CODE_COLUMNS] for code in codes)
    text.detach().flush()
    os.fsync(file.fileno())


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FleetError(f"{path}: a CSV file in UTF-8 is expected: {error}") from error


def _check_columns(columns: Sequence[str]) -> None:
    if not _COLUMNS <= set(columns) <= _COLUMNS | _MORE_COLUMNS or len(set(columns)) != len(columns):
        raise FleetError(f"the columns device, kind and maybe name are expected, not {', '.join(columns) or 'nothing'}")


def _listed(row: dict[Any, Any], *, line: int, city: str) -> Listed:
    if None in row or None in row.values():
        raise FleetError("it has another number of columns than the first line")
    kind = row["kind"].strip()
    if kind not in KINDS:
        raise FleetError(f"kind {kind!r}: {', '.join(KINDS)} is expected")
    of_city, device = city_and_device(row["device"].strip(), default_city=city)
    return Listed(line=line, city=of_city, device=device, kind=kind, name=row.get("name", "").strip())


def _twice(listed: Iterable[Listed]) -> list[tuple[Listed, Listed]]:
    first: dict[tuple[str, str], Listed] = {}
    return [(first[each.key], each) for each in listed if first.setdefault(each.key, each) is not each]


def _read_enrolled(connection: Connection[Any], listed: Sequence[Listed]) -> dict[tuple[str, str], bool]:
    keys = [each.city for each in listed], [each.device for each in listed]
    return {(city, device): is_relay for city, device, is_relay in connection.execute(_ENROLLED, keys)}


def _good_ones(connection: Connection[Any], codes: Iterable[Code], *, at: datetime) -> list[Code]:
    by_hash = {hash_secret(code["code"]): code for code in codes}
    return [by_hash[bytes(row[0])] for row in connection.execute(_GOOD, (at, list(by_hash)))]


def _draw(connection: Connection[Any], listed: Listed, *, at: datetime) -> Code:
    code = make_code(connection, city=listed.city, device=listed.device, at=at, is_relay=KINDS[listed.kind])
    return {
        "city": listed.city,
        "device": listed.device,
        "kind": listed.kind,
        "name": listed.name,
        "code": code,
        "good_until": (at + CODE_GOOD_FOR).isoformat(timespec="minutes"),
    }


def _key_of(code: Code) -> tuple[str, str]:
    return code["city"], code["device"]
