"""One batch, one transaction: everything that a batch of messages changes."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final, assert_never
from uuid import UUID

from psycopg import AsyncCursor

from cloud.fleet.devices import Device, find_enrolled
from cloud.fleet.heard import Heard, note_heard
from cloud.fleet.keys import DeviceKey, find_public_keys
from cloud.fleet.news import DeviceNews, Position, apply_device_news
from cloud.fleet.shadow import Seen, note_seen
from cloud.fleet.streams import Settled, StreamNews, apply_stream_news
from cloud.ingest.quarantine import insert_rejected
from cloud.ingest.reading import Readable, Rejected, admit
from cloud.observations.received import Received, is_future
from cloud.observations.staging import News, insert_rows
from cloud.observations.tables import TABLE_OF_KIND, Values
from cloud.pictures.announcements import Announcement, DrivingEvent, announce
from wire.messages import (
    Command,
    Coverage,
    Detection,
    Driving,
    Health,
    Kind,
    Measurement,
    Message,
    Sighting,
    State,
    Stored,
    Track,
    TwinDesired,
    TwinReported,
    picture_of,
)

Cursor = AsyncCursor[tuple[Any, ...]]

_OF_ITSELF: Final = frozenset({Kind.STATE, Kind.HEALTH, Kind.TWIN_REPORTED})
_NOTIFY: Final = "SELECT pg_notify('busense_changes', '')"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a batch."""

    settled: Sequence[Settled] = ()
    rejected: Sequence[Rejected] = ()
    stored: Mapping[Kind, int] = field(default_factory=dict[Kind, int])
    duplicates: Mapping[Kind, int] = field(default_factory=dict[Kind, int])  # that were there already
    contacts: frozenset[Device] = frozenset()  # that have spoken of themselves: they hear what they are told now


async def write_batch(cursor: Cursor, items: Sequence[Readable | Rejected], *, is_replay: bool) -> Outcome:
    """Write all of it within the caller's transaction.

    Args:
        cursor: of a connection with its staging tables made.
        items: what the messages turned out to be.
        is_replay: they come from the quarantine: they lie there already, and their numbers were counted then.
    """
    received, rejected = await _admit_all(cursor, items)
    if rejected and not is_replay:
        await insert_rejected(cursor, rejected)
    news = await insert_rows(cursor, rows_of_kind(received))
    await announce(cursor, announcements(received))
    has_bus_news = bool(received) and await apply_device_news(cursor, device_news(received, news))
    await note_seen(cursor, shadows(received))
    if not is_replay:
        await note_heard(cursor, heard(received))
    streams = stream_news(received, () if is_replay else rejected, counts_received=not is_replay)
    settled = await apply_stream_news(cursor, streams) if streams else []
    if news.messages.get(Kind.DETECTION) or has_bus_news:
        await cursor.execute(_NOTIFY)
    came = Counter(item.envelope.kind for item in received)
    stored = {kind: news.messages.get(kind, count) for kind, count in came.items()}
    return Outcome(
        settled=settled,
        rejected=rejected,
        stored=stored,
        duplicates={kind: count - stored[kind] for kind, count in came.items()},
        contacts=frozenset((item.city, item.device) for item in received if item.envelope.kind in _OF_ITSELF),
    )


async def _admit_all(
    cursor: Cursor, items: Sequence[Readable | Rejected]
) -> tuple[Sequence[Received], Sequence[Rejected]]:
    readable = [item for item in items if isinstance(item, Readable)]
    enrolled = await find_enrolled(cursor, ((item.city, item.device) for item in readable))
    keys = await find_public_keys(cursor, [item.signed.key_sha256 for item in readable if item.signed is not None])
    admitted = [
        admit(item, enrolled.get((item.city, item.device)), public_key=_key_of(item, keys)) for item in readable
    ]
    received = [item for item in admitted if isinstance(item, Received)]
    rejected = [item for item in (*items, *admitted) if isinstance(item, Rejected)]
    return received, rejected


def _key_of(item: Readable, keys: Mapping[DeviceKey, str]) -> str | None:
    return keys.get((item.city, item.device, item.signed.key_sha256)) if item.signed is not None else None


def rows_of_kind(received: Iterable[Received]) -> dict[Kind, list[Values]]:
    """Rows of every counted kind that is there."""
    rows: defaultdict[Kind, list[Values]] = defaultdict(list)
    for item in received:
        table = TABLE_OF_KIND.get(item.envelope.kind)
        if table is not None:
            rows[item.envelope.kind].extend(table.rows(item))
    return rows


def announcements(received: Iterable[Received]) -> list[Announcement]:
    """Pictures that messages speak of."""
    return [
        Announcement(
            city=item.city,
            device=item.device,
            announced_at=item.received_at,
            picture=picture,
            of_driving=_driving_event_of(item.envelope.data),
        )
        for item in received
        if (picture := picture_of(item.envelope.data)) is not None
    ]


def _driving_event_of(message: Message) -> DrivingEvent | None:
    return DrivingEvent(kind=message.kind, at=message.to_at) if isinstance(message, Driving) else None


def shadows(received: Iterable[Received]) -> list[Seen]:
    """What models that only look on have seen."""
    return [
        Seen(city=item.city, device=item.device, at=item.envelope.time, report=item.envelope.data.shadow)
        for item in received
        if isinstance(item.envelope.data, Health) and item.envelope.data.shadow is not None and item.clock_mark is None
    ]


def heard(received: Iterable[Received]) -> list[Heard]:
    """By which way each counted message came, how late, and how many tags it tells of."""
    return [
        Heard(
            city=item.city,
            device=item.device,
            stream=item.envelope.stream,
            sequence=item.envelope.sequence,
            stop=item.stop,
            at=item.received_at,
            late_s=(item.received_at - item.envelope.time).total_seconds() if item.clock_mark is None else None,
            tags=len(item.envelope.data.tags) if isinstance(item.envelope.data, Sighting) else 0,
        )
        for item in received
        if item.envelope.stream is not None and item.envelope.sequence is not None
    ]


def device_news(received: Iterable[Received], news: News) -> list[DeviceNews]:
    """Sum up what the messages tell about their devices."""
    of_device: dict[Device, DeviceNews] = {}
    for item in received:
        key = (item.city, item.device)
        known = of_device.get(key)
        if known is None:
            known = of_device[key] = DeviceNews(city=item.city, device=item.device, seen_at=item.received_at)
        known.see(item.received_at)
        _note(known, item)
    for key, known in of_device.items():
        known.points = news.points.get(key, "[]")
        known.is_worth_telling = key in news.points or key in news.healthy or known.presence is not None
    return list(of_device.values())


def _note(news: DeviceNews, received: Received) -> None:
    envelope = received.envelope
    is_believed = received.clock_mark is None
    match envelope.data:
        case State():
            news.note_presence(envelope.data.presence.value, received.received_at)
            if envelope.data.carrying is not None:
                news.note_carrying(asdict(envelope.data.carrying), received.received_at)
        case TwinReported():
            news.note_twin(asdict(envelope.data), received.received_at)
        case Health() if is_believed:
            news.note_health(asdict(envelope.data), envelope.time)
        case Track() if is_believed:
            _note_positions(news, envelope.data, received.received_at)
        case Health() | Track() | Detection() | Coverage() | Driving() | Sighting() | Measurement():
            pass
        case TwinDesired() | Stored() | Command():
            pass
        case _:
            assert_never(envelope.data)


def _note_positions(news: DeviceNews, track: Track, received_at: datetime) -> None:
    for point in track.points:
        if is_future(point.at, received_at=received_at):
            continue
        news.note_position(
            Position(
                at=point.at, lon=point.lon, lat=point.lat, heading_deg=point.heading_deg, speed_mps=point.speed_mps
            )
        )


def stream_news(
    received: Iterable[Received], rejected: Iterable[Rejected], *, counts_received: bool
) -> list[StreamNews]:
    """Sum up the numbers that arrived, and those that a full outbox gave up."""
    streams = _Streams()
    for item in received:
        envelope = item.envelope
        if envelope.stream is None or envelope.sequence is None:
            continue
        news = streams.get(item.city, item.device, envelope.stream, item.received_at)
        if counts_received:
            news.sequences.append(envelope.sequence)
        if isinstance(envelope.data, Health):
            for lost in envelope.data.given_up:
                of_stream = streams.get(item.city, item.device, lost.stream or envelope.stream, item.received_at)
                of_stream.given_up.extend([(lost.first, lost.last)] if lost.first <= lost.last else [])
    for item in rejected:
        if item.city is None or item.device is None or item.stream is None or item.sequence is None:
            continue
        news = streams.get(item.city, item.device, item.stream, item.delivery.received_at)
        news.sequences.append(item.sequence)
    return streams.all()


class _Streams:
    def __init__(self) -> None:
        self._of_stream: dict[tuple[str, str, str], StreamNews] = {}

    def get(self, city: str, device: str, stream: str, seen_at: datetime) -> StreamNews:
        news = self._of_stream.get((city, device, stream))
        if news is None:
            news = StreamNews(city=city, device=device, stream=UUID(stream), seen_at=seen_at)
            self._of_stream[city, device, stream] = news
        return news

    def all(self) -> list[StreamNews]:
        return list(self._of_stream.values())
