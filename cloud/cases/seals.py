"""What a seal says: pure functions over lines of history."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cloud.errors import ConfigError

FIRST_SEAL_HASH: Final = bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedLine:
    """One line of a history, by its hash."""

    case_id: str
    serial: int
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """All lines that came since the seal before."""

    number: int
    at: datetime
    lines: int
    content_hash: bytes
    previous_hash: bytes

    @property
    def hash(self) -> bytes:
        """SHA-256 over all fields in a fixed form."""
        fields = [
            self.number,
            self.at.astimezone(UTC).isoformat(timespec="microseconds"),
            self.lines,
            self.content_hash.hex(),
            self.previous_hash.hex(),
        ]
        return hashlib.sha256(json.dumps(fields, separators=(",", ":")).encode()).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The last seal; who keeps it elsewhere sees when the end of the chain was cut off."""

    number: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.number}:{self.hash.hex()}"


def read_head_text(text: str) -> Head:
    """Read what `str` of a head wrote.

    Raises:
        ConfigError: it is none.
    """
    number, _, hexadecimal = text.partition(":")
    try:
        return Head(number=int(number), hash=bytes.fromhex(hexadecimal))
    except ValueError as error:
        raise ConfigError(f"{text!r}: NUMBER:HASH is expected") from error


def content_hash_of(lines: Iterable[SealedLine]) -> bytes:
    """SHA-256 over lines, in the order of case and serial."""
    digest = hashlib.sha256()
    for line in sorted(lines, key=lambda line: (line.case_id, line.serial)):
        digest.update(f"{line.case_id} {line.serial} {line.hash.hex()}\n".encode())
    return digest.digest()


def next_seal(head: Head | None, lines: Sequence[SealedLine], *, at: datetime) -> Seal:
    """Seal lines behind the last seal."""
    return Seal(
        number=head.number + 1 if head else 1,
        at=at,
        lines=len(lines),
        content_hash=content_hash_of(lines),
        previous_hash=head.hash if head else FIRST_SEAL_HASH,
    )


def faults_of_chain(seals: Iterable[tuple[Seal, bytes]]) -> Iterator[str]:
    """What is wrong with the chain of seals, each with the hash that was stored with it, in their order."""
    expected_number, expected_hash = 1, FIRST_SEAL_HASH
    for seal, stored_hash in seals:
        if seal.number != expected_number:
            yield f"seal {expected_number} is missing"
        elif seal.previous_hash != expected_hash:
            yield f"seal {seal.number} does not follow the one before it"
        if seal.hash != stored_hash:
            yield f"seal {seal.number} was changed"
        expected_number, expected_hash = seal.number + 1, stored_hash
