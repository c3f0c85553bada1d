"""Ways to spoil a message of a bus."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast

from benchmarks.outbox import message
from wire.codec import encode_envelope
from wire.envelope import MAX_MESSAGE_BYTES, Envelope, make_id
from wire.messages import Driving, DrivingKind, Kind, Message, Sighting, TagHeard
from wire.topics import Topic

CITY: Final = "testcity"
DEVICE: Final = "bus-1"
KINDS: Final = (Kind.DETECTION, Kind.COVERAGE, Kind.TRACK, Kind.HEALTH, Kind.DRIVING, Kind.SIGHTING)
STAY: Final = 0.3  # chance to spoil the envelope, or a whole list or object instead of something in it
HOSTILE: Final[tuple[Any, ...]] = (
    None,
    True,
    False,
    0,
    -1,
    1.5,
    1e308,
    -1e308,
    1e-320,
    2**31,
    2**63,
    2**64,
    -(2**63) - 1,
    "",
    " ",
    "0",
    "1.0",
    "x" * 5_000,
    "NaN",
    "Infinity",
    "null",
    "\x00",
    "a\x00b",
    "\ud800",
    "\u202e",
    "é" * 300,
    "'; DROP TABLE observations; --",
    "<svg onload=alert(1)>",
    "../../etc/passwd",
    "%s%n",
    "0000-00-00T00:00:00Z",
    "2026-02-30T00:00:00Z",
    "9999-12-31T23:59:60Z",
    "2026-11-29T25:00:00Z",
    "2026-11-29T00:00:00",
    "2026-11-29T00:00:00+99:00",
    "-infinity",
    "1970-01-01T00:00:00Z",
    list[object](),
    dict[str, object](),
    [list[object]()],
    [None],
    {"": ""},
    [0] * 2_000,
    91.0,
    181.0,
    -0.0,
)
TOKENS: Final = (
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"1e999",
    b"01",
    b"+1",
    b".5",
    b"1.",
    b"0x10",
    b"'x'",
    b"undefined",
    b"9" * 5_000,
    b"\xef\xbb\xbf",
)
TOPICS: Final = (
    f"busense/v1/{CITY}/bus-2/detection",
    f"busense/v1/{CITY}/bus-nobody/detection",
    f"busense/v1/other/{DEVICE}/detection",
    f"busense/v2/{CITY}/{DEVICE}/detection",
    f"busense/v1/{CITY}/{DEVICE}/rumour",
    f"busense/v1/{CITY}/{DEVICE}/",
    "busense/v1",
    "",
    "/",
    "#",
    f"busense/v1/{CITY}/{DEVICE}/detection/more",
    f"busense/v1/{CITY}/../{DEVICE}/detection",
    f"busense/v1/{CITY}/{DEVICE.upper()}/detection",
    f"busense/v1/{CITY}/{DEVICE}\u0000/detection",
    f"busense/v1/{CITY}/{'x' * 300}/detection",
    f"busense/v1/{CITY}/bus-é/detection",
)

Document = dict[str, Any]
Spoiled = tuple[str, bytes]
"""Topic and payload."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoiler:
    """One way to spoil a message."""

    name: str
    spoil: Callable[[random.Random, str, Document], Spoiled]


def valid_message(kind: Kind, number: int, at: datetime) -> Envelope:
    """A message as a bus sends it."""
    data: Message
    if kind is Kind.DRIVING:
        data = Driving(
            kind=DrivingKind.HARSH_BRAKING,
            from_at=at,
            to_at=at + timedelta(seconds=2),
            lon=120.4,
            lat=27.5,
            peak_mps2=4.0,
            speed_mps=5.0,
            window=(),
        )
    elif kind is Kind.SIGHTING:
        tag = TagHeard(rotating_id="0" * 16, first_at=at, last_at=at, heard=1, rssi_median_dbm=-60, rssi_max_dbm=-50)
        data = Sighting(lon=120.4, lat=27.5, accuracy_m=3, tags=(tag,))
    else:
        data = message(kind, number, at)
    return Envelope(
        id=make_id(at), source=f"/{CITY}/{DEVICE}", time=at, data=data, stream=make_id(at), sequence=number + 1
    )


def _dumped(topic: str, document: object) -> Spoiled:
    return topic, json.dumps(document).encode()


def _place(chance: random.Random, document: Document) -> tuple[Any, Any]:
    """Some container in the document and a key of it; mostly of its data."""
    container: Any = document if chance.random() < STAY else document["data"]
    while True:
        key: Any = chance.choice(_keys(container))
        inner: Any = container[key]
        if not _keys(inner) or chance.random() < STAY:
            return container, key
        container = inner


def _keys(value: object) -> list[Any]:
    if isinstance(value, dict):
        return list(cast("Document", value))
    return list(range(len(cast("list[object]", value)))) if isinstance(value, list) else []


def _replace(chance: random.Random, topic: str, document: Document) -> Spoiled:
    container, key = _place(chance, document)
    container[key] = chance.choice(HOSTILE)
    return _dumped(topic, document)


def _remove(chance: random.Random, topic: str, document: Document) -> Spoiled:
    container, key = _place(chance, document)
    del container[key]
    return _dumped(topic, document)


def _rename(chance: random.Random, topic: str, document: Document) -> Spoiled:
    container, key = _place(chance, document)
    if isinstance(container, dict):
        named = cast("Document", container)
        named[f"{key}{chance.choice(('s', ' ', '_', chr(0x430)))}"] = named.pop(key)
    else:
        container.append(container[key])
    return _dumped(topic, document)


def _swap(chance: random.Random, topic: str, document: Document) -> Spoiled:
    (one, first), (other, second) = _place(chance, document), _place(chance, document)
    one[first], other[second] = other[second], one[first]
    return _dumped(topic, document)


def _scale(chance: random.Random, topic: str, document: Document) -> Spoiled:
    container, key = _place(chance, document)
    value = container[key]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    container[key] = value * chance.choice((-1, 1e3, 1e9, 1e300, 0.5)) if is_number else [value]
    return _dumped(topic, document)


def _nest(chance: random.Random, topic: str, document: Document) -> Spoiled:
    container, key = _place(chance, document)
    depth = chance.choice((3, 13, 100, 5_000))
    container[key] = "@deep@"
    text = json.dumps(document).replace('"@deep@"', "[" * depth + "]" * depth)
    return topic, text.encode()


def _double_key(chance: random.Random, topic: str, document: Document) -> Spoiled:
    key = chance.choice(list(document))
    again = json.dumps({key: chance.choice(HOSTILE)})[1:-1]
    text = json.dumps(document)
    return topic, chance.choice((f"{text[:-1]}, {again}}}", f"{{{again}, {text[1:]}")).encode()


def _token(chance: random.Random, topic: str, document: Document) -> Spoiled:
    container, key = _place(chance, document)
    container[key] = "@token@"
    return topic, json.dumps(document).encode().replace(b'"@token@"', chance.choice(TOKENS))


def _flip(chance: random.Random, topic: str, document: Document) -> Spoiled:
    payload = bytearray(json.dumps(document).encode())
    for _ in range(chance.choice((1, 1, 2, 8, 64))):
        payload[chance.randrange(len(payload))] ^= 1 << chance.randrange(8)
    return topic, bytes(payload)


def _cut(chance: random.Random, topic: str, document: Document) -> Spoiled:
    payload = json.dumps(document).encode()
    first, last = sorted((chance.randrange(len(payload) + 1), chance.randrange(len(payload) + 1)))
    parts = (payload[:first], payload[first:], payload[:first] + payload[last:], payload[first:last])
    return topic, chance.choice(parts)


def _insert(chance: random.Random, topic: str, document: Document) -> Spoiled:
    payload = json.dumps(document).encode()
    at = chance.randrange(len(payload) + 1)
    return topic, payload[:at] + chance.randbytes(chance.choice((1, 3, 50))) + payload[at:]


def _recode(chance: random.Random, topic: str, document: Document) -> Spoiled:
    text = json.dumps(document, ensure_ascii=False, indent=chance.choice((None, 1)))
    return topic, text.encode(chance.choice(("utf-16", "utf-32", "utf-8-sig", "cp037")), "replace")


def _grow(chance: random.Random, topic: str, document: Document) -> Spoiled:
    document["padding"] = "x" * chance.choice((MAX_MESSAGE_BYTES, 100, 60_000))
    return _dumped(topic, document)


def _noise(chance: random.Random, topic: str, document: Document) -> Spoiled:
    del document
    return topic, chance.randbytes(chance.choice((0, 1, 16, 2_000)))


def _misdirect(chance: random.Random, topic: str, document: Document) -> Spoiled:
    del topic
    return _dumped(chance.choice(TOPICS), document)


SPOILERS: Final = tuple(
    Spoiler(name=spoil.__name__.strip("_"), spoil=spoil)
    for spoil in (
        _replace,
        _remove,
        _rename,
        _swap,
        _scale,
        _nest,
        _double_key,
        _token,
        _flip,
        _cut,
        _insert,
        _recode,
        _grow,
        _noise,
        _misdirect,
    )
)


def spoiled(number: int, *, seed: int, at: datetime) -> tuple[str, Spoiled]:
    """The message of a number, and how it was spoiled."""
    chance = random.Random(f"{seed}.{number}")
    envelope = valid_message(chance.choice(KINDS), number, at)
    topic = str(Topic(city=CITY, device=DEVICE, kind=envelope.kind))
    spoiler = chance.choice(SPOILERS)
    document = cast("Document", json.loads(encode_envelope(envelope)))
    return spoiler.name, spoiler.spoil(chance, topic, document)
