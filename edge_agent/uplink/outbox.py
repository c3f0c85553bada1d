"""The outbox: messages on disk until the cloud says that they are stored."""

import contextlib
import errno
import itertools
import logging
import os
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar

from edge_agent.errors import DamagedFileError, DiskRefusesError
from edge_agent.uplink.room import RESERVE_BYTES, make_room
from edge_agent.uplink.salvage import Salvaged, last_sequences, salvage
from edge_agent.uplink.sending import Number, Sending, Waiting
from edge_agent.uplink.store import Depth, KindDepth, Row, Store, Stream, WaitingPicture
from wire.codec import decode_envelope, encode_envelope
from wire.envelope import Envelope, make_id, make_id_after
from wire.messages import (
    COUNTED_KINDS,
    KIND_OF_MESSAGE,
    GivenUp,
    Health,
    Kind,
    Measurement,
    Message,
    OutboxState,
    Sighting,
    Stored,
    picture_of,
)

log = logging.getLogger(__name__)

MEMORY_BYTES: Final = 8_388_608  # about two hours of a bus, while its disk takes nothing
HEAL_EVERY_S: Final = 5.0
LONGEST_PICTURE_WAIT: Final = timedelta(seconds=300)
_SALVAGE_AT_ONCE: Final = 200
_DAMAGED: Final = ".damaged-"
_SALVAGED: Final = ".salvaged-"
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_PROBE_BYTES: Final = 1_048_576  # beside what is to move there
_TIMED_BY_US: Final = (Health, Measurement, Sighting)  # all else carries the receiver's time
_STATE_OF_ERRNO: Final = {
    errno.ENOSPC: OutboxState.DISK_FULL,
    errno.EDQUOT: OutboxState.DISK_FULL,
    errno.EROFS: OutboxState.DISK_READ_ONLY,
}

T = TypeVar("T")


class Outbox:
    """Messages in one SQLite file; usable from several threads, by one process at a time.

    A message is durable when `put` returns and `state` is `disk`. It is sent at the broker's answer and leaves by the
    cloud's receipt. Each kind is numbered in a stream of its own, so that what is sent first leaves no holes behind.

    When the disk takes nothing, the outbox goes on in memory with streams of its own and looks every few seconds
    whether the disk is back; then what still waits moves there. A damaged file is set aside and salvaged.
    """

    def __init__(
        self,
        path: Path,
        *,
        source: str,
        max_bytes: int,
        now: Callable[[], datetime],
        disk_free: Callable[[], int | None] = lambda: None,
        drop_picture: Callable[[str], None] = lambda _sha256: None,
        monotonic: Callable[[], float] = time.monotonic,
        boot: str | None = None,
    ) -> None:
        """Open the file, or begin a new one.

        Args:
            path: of the database.
            source: of the envelopes.
            max_bytes: of messages and pictures together.
            now: the time for ids.
            disk_free: bytes that the disk has left, None when it cannot be told.
            drop_picture: told which picture has been given up.
            monotonic: seconds.
            boot: what names the machine's present start; by default what the kernel says.

        Raises:
            OutboxError: another process has it open.
        """
        self.changed = threading.Event()
        self.state = OutboxState.DISK
        self._path, self._source, self._max_bytes = path, source, max_bytes
        self._now, self._disk_free, self._monotonic = now, disk_free, monotonic
        self._drop_picture = drop_picture
        self._boot = _boot_of_machine() if boot is None else boot
        self._lock = threading.RLock()
        self._sending = Sending()
        self._memory: Store | None = None
        self._last_id: str | None = None
        self._unsure: list[Number] = []  # of this process, while it did not know the time
        self._heal_at_s = 0.0
        self._store = self._open()

    def close(self) -> None:
        with self._lock:
            self._store.close()

    @property
    def last_id(self) -> str | None:
        """Id of the newest message."""
        return self._last_id

    @property
    def numbered(self) -> int:
        """How many messages got a number here, ever."""
        return self._use(Store.numbered)

    def stream_of(self, kind: Kind) -> str:
        """Id of the stream that numbers a kind now."""
        return self._use(lambda store: self._open_stream(store, kind)).stream

    def put(self, message: Message, *, observed_at: datetime, is_time_sure: bool = True) -> Envelope:
        """Number a message and keep it; when there is no room, the least valuable goes first (maybe this one)."""
        if KIND_OF_MESSAGE[type(message)] not in COUNTED_KINDS:
            raise ValueError(f"{type(message).__name__} is no counted message; it does not go through the outbox")
        with self._lock:
            self.heal()
            envelope, dropped = self._write(lambda store: self._keep(store, message, observed_at))
            self._last_id = envelope.id
            if not is_time_sure and isinstance(message, _TIMED_BY_US):
                self._unsure.append((envelope.stream or "", envelope.kind, envelope.sequence or 0))
        for sha256 in dropped:
            self._drop_picture(sha256)
        self.changed.set()
        return envelope

    def correct_times(self, step_s: float) -> int:
        """Move the time of messages that had only an unsure clock, if nobody has been told yet; how many."""
        with self._lock:
            unsure, self._unsure = self._unsure, []
            untold = [number for number in unsure if not self._sending.was_handed_out(number)]
            return self._write(lambda store: _correct(store, untold, timedelta(seconds=step_s)))

    def begin_session(self) -> None:
        """A new connection: what is kept now is backlog, what comes is live."""
        self._use(lambda store: self._sending.begin(store.streams(), now_s=self._monotonic()))

    def next_to_send(self, limit: int) -> list[Waiting]:
        """Hand out messages: live ones, those without a receipt in time, then the rest by value, newest first."""
        return self._use(lambda store: self._sending.next(store, limit, now_s=self._monotonic()))

    def mark_sent(self, numbers: Iterable[Number]) -> None:
        """Note the broker's answers."""
        with self._lock:
            self._sending.acknowledged(numbers, now_s=self._monotonic())

    def apply_receipt(self, receipt: Stored) -> int:
        """Delete what is stored and send again what is missing; how many messages left."""
        left = self._write(lambda store: self._delete_stored(store, receipt))
        with self._lock:
            self._sending.receipted(receipt, now_s=self._monotonic())
        self.changed.set()
        return left

    @property
    def unreceipted(self) -> int:
        """How many messages the broker has acknowledged and the cloud has not yet stored, as far as we know."""
        with self._lock:
            return self._sending.unreceipted

    def depth(self) -> Depth:
        return self._use(Store.depth)

    def depth_by_kind(self) -> dict[Kind, KindDepth]:
        return self._use(Store.depth_by_kind)

    def ranges_to_tell(self) -> tuple[GivenUp, ...]:
        """Ranges given up that no stored health message has told yet, oldest first."""
        return tuple(self._use(Store.given_up))

    def given_up_counts(self) -> dict[Kind, int]:
        """Messages given up since the outbox was made."""
        return self._use(Store.given_up_counts)

    @property
    def pictures_given_up(self) -> int:
        return self._use(lambda store: store.pictures_dropped)

    @property
    def damages(self) -> int:
        """Files that were set aside."""
        return self._use(lambda store: store.damages)

    @property
    def is_whole(self) -> bool:
        """Whether it knows all that it should: it is on the disk, and nothing is left to salvage."""
        return self.state is OutboxState.DISK and not self._to_salvage()

    def pictures_due(self, limit: int, *, now: datetime) -> list[WaitingPicture]:
        """Pictures whose message the cloud has, so that it knows their hash, and whose next try is due."""
        return self._use(lambda store: store.pictures_due(limit, now=now, longest_wait=LONGEST_PICTURE_WAIT))

    def picture_names(self) -> set[str]:
        """Hashes of all pictures that still wait."""
        return self._use(Store.picture_names)

    def adopt_picture(self, sha256: str, *, size: int) -> None:
        """Let a picture wait of whose message nothing is known: it has left, or is lost."""
        self._write(lambda store: store.adopt_picture(sha256, size=size))

    def delay_picture(self, sha256: str, *, until: datetime) -> None:
        self._write(lambda store: store.delay_picture(sha256, until=until))

    def remove_picture(self, sha256: str) -> None:
        self._write(lambda store: store.remove_picture(sha256))

    def heal(self) -> None:
        """Go back to the disk when it takes messages again."""
        with self._lock:
            if self._memory is None or self._monotonic() < self._heal_at_s:
                return
            self._heal_at_s = self._monotonic() + HEAL_EVERY_S
            try:
                self._go_back_to_disk(self._memory)
            except DiskRefusesError as error:
                log.info("outbox_stays_in_memory error=%s", error)

    def salvage(self, stop: threading.Event) -> None:
        """Take in what can be read of files that were set aside, a little at a time; then mark them as done."""
        for path in self._to_salvage() if self._may_salvage(stop) else ():
            try:
                self._salvage(path, stop)
            except OSError as error:
                log.info("outbox_not_salvaged path=%s error=%s", path, error)

    def _salvage(self, path: Path, stop: threading.Event) -> None:
        known = last_sequences(path)
        messages = salvage(path)
        while self._may_salvage(stop) and (some := list(itertools.islice(messages, _SALVAGE_AT_ONCE))):
            for envelope, _ in some:
                known.setdefault((envelope.stream or "", envelope.kind.value), 0)
            self._write_to_disk(lambda store, some=some: self._take_in(store, some))
            self.changed.set()
        if self._may_salvage(stop):
            self._write_to_disk(lambda store: _give_up_gaps(store, known))
        if self._may_salvage(stop):
            _rename(path, path.with_name(path.name.replace(_DAMAGED, _SALVAGED)))
            log.warning("outbox_salvaged path=%s streams=%d", path, len(known))

    def _may_salvage(self, stop: threading.Event) -> bool:
        """Not into memory, which is small: it begins again when the disk is back."""
        return not stop.is_set() and self._memory is None

    def _write_to_disk(self, work: Callable[[Store], None]) -> None:
        """Write in one transaction; nothing when that is where the disk fails."""
        self._write(lambda store: None if store is self._memory else work(store))

    def _open(self) -> Store:
        try:
            return self._open_disk()
        except DiskRefusesError as error:
            return self._stand_in(error)

    def _open_disk(self) -> Store:
        """Open the file; one that is damaged is set aside."""
        with _as_refusal():
            self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            store = Store(self._path, boot=self._boot)
        except DamagedFileError as error:
            store = self._begin_anew(error)
        self._last_id = _later(self._last_id, store.last_id())
        return store

    def _begin_anew(self, error: DamagedFileError) -> Store:
        aside = self._path.with_name(f"{self._path.name}{_DAMAGED}{self._now():%Y%m%dT%H%M%S}")
        aside = next(path for path in _numbered(aside) if not path.exists())
        log.error("outbox_damaged set_aside=%s error=%s", aside, error)
        with _as_refusal():
            _rename(self._path, aside)
        store = Store(self._path, boot=self._boot)
        with store.transaction():
            store.note_damage()
        return store

    def _stand_in(self, error: DiskRefusesError) -> Store:
        """Go on in memory; also the time until the next look at the disk begins."""
        self.state = self._state_of_disk(error)
        log.error("outbox_in_memory state=%s error=%s", self.state.value, error)
        self._memory = Store(None)
        self._heal_at_s = self._monotonic() + HEAL_EVERY_S
        self.changed.set()
        return self._memory

    def _state_of_disk(self, error: DiskRefusesError) -> OutboxState:
        """What the disk itself says is plainer than what SQLite makes of it."""
        try:
            self._probe(_PROBE_BYTES)
        except DiskRefusesError as plain:
            return plain.state
        return error.state

    def _go_back_to_disk(self, memory: Store) -> None:
        self._probe(memory.bytes_kept() + _PROBE_BYTES)
        disk = self._open_disk()
        try:
            with disk.transaction():
                disk.take_over(memory)
        except DiskRefusesError:
            disk.close()
            raise
        memory.close()
        self._store, self._memory = disk, None
        self._sending.begin(disk.streams(), now_s=self._monotonic())
        self.state = OutboxState.DISK
        self.changed.set()
        log.warning("outbox_on_disk_again path=%s", self._path)

    def _probe(self, size: int) -> None:
        """See whether the disk takes as much as it must, before a large file is opened and checked for nothing."""
        probe = self._path.with_suffix(".probe")
        with _as_refusal():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with probe.open("wb") as file:
                    file.write(bytes(size))
                    file.flush()
                    os.fsync(file.fileno())
            finally:
                probe.unlink(missing_ok=True)

    def _use(self, work: Callable[[Store], T]) -> T:
        """Do something with the store; when it fails in a way that heals, do it again with the one that follows."""
        with self._lock:
            try:
                return work(self._store)
            except DamagedFileError as error:
                self._store = self._replaced(error)
            except DiskRefusesError as error:
                self._let_go()
                self._store = self._stand_in(error)
            return work(self._store)

    def _write(self, work: Callable[[Store], T]) -> T:
        """The same in one transaction."""

        def transaction(store: Store) -> T:
            with store.transaction():
                return work(store)

        return self._use(transaction)

    def _replaced(self, error: DamagedFileError) -> Store:
        self._let_go()
        try:
            return self._begin_anew(error)
        except DiskRefusesError as refusal:
            return self._stand_in(refusal)

    def _let_go(self) -> None:
        with contextlib.suppress(DamagedFileError, DiskRefusesError):  # it has already told what is wrong
            self._store.close()

    def _open_stream(self, store: Store, kind: Kind) -> Stream:
        return store.open_stream(kind, new_id=make_id(self._now()))

    def _keep(self, store: Store, message: Message, observed_at: datetime) -> tuple[Envelope, list[str]]:
        """Keep a message; also the pictures that had to go for it."""
        stream = self._open_stream(store, KIND_OF_MESSAGE[type(message)])
        sequence = stream.last_sequence + 1
        envelope = Envelope(
            id=make_id_after(self._last_id, at=self._now()),
            source=self._source,
            time=observed_at,
            data=message,
            stream=stream.stream,
            sequence=sequence,
        )
        store.keep(stream, _row(envelope, encode_envelope(envelope)))
        store.note_id(envelope.id)
        _note_picture(store, stream, envelope)
        if isinstance(message, Health):
            store.note_told(message.given_up, stream=stream, sequence=sequence)
        return envelope, make_room(store, self._limit(store))

    def _limit(self, store: Store) -> int:
        """Bytes that may be kept: what was configured, or what the disk has room for."""
        if store is self._memory:
            return MEMORY_BYTES
        free = self._disk_free()
        if free is None:
            return self._max_bytes
        return min(self._max_bytes, store.bytes_kept() + free + store.bytes_reusable() - RESERVE_BYTES)

    def _delete_stored(self, store: Store, receipt: Stored) -> int:
        streams = [stream for stream in store.streams() if stream.stream == receipt.stream]
        if not streams or any(stream.is_open and receipt.up_to > stream.last_sequence for stream in streams):
            log.warning("receipt_ignored stream=%s up_to=%d", receipt.stream, receipt.up_to)  # another disk's, nobody's
            return 0
        left = 0
        for stream in streams:
            for first, last in _stored_ranges(receipt):
                left += store.remove(stream, first, last)
                store.forget_told(stream, first, last)
        return left

    def _to_salvage(self) -> list[Path]:
        found = self._path.parent.glob(f"{self._path.name}{_DAMAGED}*")
        return sorted({path.with_name(path.name.removesuffix("-wal")) for path in found})

    def _take_in(self, store: Store, messages: Iterable[Salvaged]) -> None:
        touched: set[str] = set()
        for envelope, payload in messages:
            stream = store.add_stream(envelope.stream or "", envelope.kind, last_sequence=0, is_open=False)
            if store.keep(stream, _row(envelope, payload)):
                _note_picture(store, stream, envelope)
            touched.add(stream.stream)
            self._last_id = _later(self._last_id, envelope.id)
        for stream in store.streams():
            if stream.stream in touched:
                self._sending.restart(stream)
        make_room(store, self._limit(store))


def _boot_of_machine() -> str:
    """Linux's own name of its present start; elsewhere always the same."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _row(envelope: Envelope, payload: bytes) -> Row:
    return Row(sequence=envelope.sequence or 0, observed_at=envelope.time.timestamp(), payload=payload)


def _correct(store: Store, numbers: Iterable[Number], shift: timedelta) -> int:
    streams = {(stream.stream, stream.kind): stream for stream in store.streams()}
    corrected = 0
    for name, kind, sequence in numbers:
        stream = streams.get((name, kind))
        row = None if stream is None else store.row(stream, sequence)
        if stream is not None and row is not None:
            envelope = decode_envelope(row.payload)
            envelope = replace(envelope, time=envelope.time + shift, data=_moved(envelope.data, shift))
            store.replace(stream, _row(envelope, encode_envelope(envelope)))
            corrected += 1
    return corrected


def _moved(message: Message, shift: timedelta) -> Message:
    """Move the times in a message, too."""
    match message:
        case Measurement(values=values):
            return replace(message, values=tuple(replace(each, at=each.at + shift) for each in values))
        case Sighting(tags=tags):
            moved = (replace(tag, first_at=tag.first_at + shift, last_at=tag.last_at + shift) for tag in tags)
            return replace(message, tags=tuple(moved))
        case _:
            return message


def _note_picture(store: Store, stream: Stream, envelope: Envelope) -> None:
    picture = picture_of(envelope.data)
    if picture is not None:
        store.add_picture(picture.sha256, stream=stream, sequence=envelope.sequence or 0, size=picture.size_bytes)


def _give_up_gaps(store: Store, known: Mapping[tuple[str, str], int]) -> None:
    """Say of the numbers that could not be salvaged that they will not come; the cloud knows which of them it has."""
    for (name, kind), last in known.items():
        stream = store.add_stream(name, Kind(kind), last_sequence=last, is_open=False)
        for first, end in store.gaps(stream):
            store.note_given_up(stream, first, end)


def _stored_ranges(receipt: Stored) -> Iterator[tuple[int, int]]:
    begin = 1
    for first, last in sorted(receipt.missing):
        yield begin, min(first - 1, receipt.up_to)
        begin = max(begin, last + 1)
    yield begin, receipt.up_to


def _later(first: str | None, second: str | None) -> str | None:
    return max(filter(None, (first, second)), default=None)


def _numbered(path: Path) -> Iterator[Path]:
    """The path itself, and others like it."""
    yield path
    for number in itertools.count(2):
        yield path.with_name(f"{path.name}-{number}")


def _rename(path: Path, new: Path) -> None:
    """Rename a database with its log; the log first: without its file it is looked through, not taken in."""
    for suffix in ("-wal", "-shm", ""):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(new.with_name(new.name + suffix))


@contextmanager
def _as_refusal() -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise DiskRefusesError(_STATE_OF_ERRNO.get(error.errno or 0, OutboxState.DISK_FAILING), str(error)) from error
