"""Which messages and pictures go when there is no room for all."""

import logging
from typing import Final

from edge_agent.uplink.store import Store
from wire.messages import Kind

log = logging.getLogger(__name__)

RESERVE_BYTES: Final = 16_777_216
"""Left free on the disk: SQLite needs room to delete, and the system room to run."""
_PICTURE: Final = "picture"
LEAST_VALUABLE_FIRST: Final = (
    Kind.TRACK,
    Kind.COVERAGE,
    _PICTURE,
    Kind.HEALTH,
    Kind.MEASUREMENT,
    Kind.SIGHTING,
    Kind.DRIVING,
    Kind.DETECTION,
)
_AT_ONCE: Final = 100


def make_room(store: Store, limit_bytes: int) -> list[str]:
    """Give up the least valuable until no more than the limit is kept; the pictures among it."""
    excess = store.bytes_kept() - limit_bytes
    dropped: list[str] = []
    for kind in LEAST_VALUABLE_FIRST:
        while excess > 0:
            freed = _give_up(store, kind, excess) if isinstance(kind, Kind) else _give_up_picture(store, dropped)
            if not freed:
                break
            excess -= freed
    return dropped


def _give_up(store: Store, kind: Kind, excess_bytes: int) -> int:
    """Give up the oldest messages of a kind, `excess_bytes` if there are so many; bytes that it freed."""
    freed, messages = 0, 0
    for stream, sequence, size in store.oldest_of_kind(kind, _AT_ONCE):
        if freed >= excess_bytes:
            break
        store.remove(stream, sequence, sequence)
        store.note_given_up(stream, sequence, sequence)
        freed, messages = freed + size, messages + 1
    if messages:
        store.note_lost(kind, messages)
        log.warning("given_up kind=%s messages=%d", kind.value, messages)
    return freed


def _give_up_picture(store: Store, dropped: list[str]) -> int:
    oldest = store.oldest_picture()
    if oldest is None:
        return 0
    dropped.append(oldest)
    store.note_dropped_picture()
    return store.remove_picture(oldest)
