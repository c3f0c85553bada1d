"""Bytes to envelope and back; the only way in and out.

Reading is strict about what we know (types, bounds, depth, size) and silent about fields we do not know.
"""

from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Final, Generic, Literal, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from wire.envelope import MAX_MESSAGE_BYTES, Envelope, type_of_kind
from wire.errors import DecodeError, Reason, TopicError
from wire.messages import COUNTED_KINDS, MESSAGE_OF_KIND, Kind, Message
from wire.topics import Topic, parse_topic
from wire.units import EventId, Instant, Sequence

MAX_DEPTH: Final = 12
_KIND_OF_TYPE: Final = {type_of_kind(kind): kind for kind in Kind}
_EVENT_ID: Final = TypeAdapter[str](EventId)
_SEQUENCE: Final = TypeAdapter[int](Sequence)

M = TypeVar("M")


class Document(BaseModel, Generic[M]):
    """An envelope as it stands on the wire."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    specversion: Literal["1.0"]
    id: EventId
    source: Annotated[str, Field(pattern=r"^/[a-z0-9-]{1,63}/[a-z0-9-]{1,63}$")]
    type: Annotated[str, Field(max_length=100)]
    time: Instant
    datacontenttype: Literal["application/json"] = "application/json"
    stream: EventId | None = None
    sequence: Sequence | None = None
    data: M


@cache
def document_of_kind(kind: Kind) -> type[Document[Message]]:
    """Document type of one kind."""
    return Document[MESSAGE_OF_KIND[kind]]


def encode_envelope(envelope: Envelope) -> bytes:
    """Write an envelope.

    Raises:
        DecodeError: what was written could not be read again (a value out of bounds, or more than 64 KiB).
    """
    document = document_of_kind(envelope.kind).model_construct(
        specversion=envelope.specversion,
        id=envelope.id,
        source=envelope.source,
        type=envelope.type,
        time=envelope.time,
        datacontenttype="application/json",
        stream=envelope.stream,
        sequence=envelope.sequence,
        data=envelope.data,
    )
    payload = document.model_dump_json(exclude_none=True).encode()
    if _decode_plain(payload, envelope.kind) is None:
        decode_envelope(payload)
    return payload


def decode_envelope(payload: bytes) -> Envelope:
    """Read an envelope.

    Raises:
        DecodeError: with the reason; nothing else is ever raised.
    """
    kind = _kind_of(_read_json(payload))
    try:
        document = document_of_kind(kind).model_validate_json(payload)
    except ValidationError as error:
        raise _decode_error(error) from error
    return _to_envelope(document, kind)


def _to_envelope(document: Document[Message], kind: Kind) -> Envelope:
    _check_counting(document, kind)
    return Envelope(
        id=document.id,
        source=document.source,
        time=document.time,
        data=document.data,
        stream=document.stream,
        sequence=document.sequence,
    )


def _decode_plain(payload: bytes, kind: Kind) -> Envelope | None:
    """Read in one step what is plainly fit and of this kind; none: look closer, it may be good all the same."""
    if len(payload) > MAX_MESSAGE_BYTES or _may_be_too_deep(payload) or b"NaN" in payload or b"Infinity" in payload:
        return None  # the last two are no JSON, and pydantic would pass over them in a field that nobody knows
    try:
        document = document_of_kind(kind).model_validate_json(payload)
    except ValidationError:
        return None
    return _to_envelope(document, kind) if document.type == type_of_kind(kind) else None


def decode_message(*, topic: str, payload: bytes) -> tuple[Topic, Envelope]:
    """Read an envelope that came on a topic; source and kind must agree with it.

    Raises:
        DecodeError: with the reason.
    """
    try:
        parsed = parse_topic(topic)
    except TopicError as error:
        raise DecodeError(Reason.WRONG_TOPIC, str(error)) from error
    envelope = _decode_plain(payload, parsed.kind) or decode_envelope(payload)
    if envelope.source != parsed.source or envelope.kind is not parsed.kind:
        raise DecodeError(
            Reason.WRONG_TOPIC, f"{envelope.type} of {envelope.source} came on {topic}; a device speaks only for itself"
        )
    return parsed, envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What can be told of a message that cannot be read as a whole."""

    id: str | None
    stream: str | None
    sequence: int | None


def read_label(payload: bytes) -> Label:
    """Find id and number of an unreadable message, so that its device can be told that it is in quarantine."""
    try:
        document = _read_json(payload)
    except DecodeError:
        return Label(id=None, stream=None, sequence=None)
    event_id = _fit(_EVENT_ID, document.get("id"))
    stream, sequence = _fit(_EVENT_ID, document.get("stream")), _fit(_SEQUENCE, document.get("sequence"))
    is_counted = stream is not None and sequence is not None
    return Label(id=event_id, stream=stream if is_counted else None, sequence=sequence if is_counted else None)


def _fit(adapter: TypeAdapter[M], value: object) -> M | None:
    """The value, if it is one."""
    try:
        return adapter.validate_python(value, strict=True)
    except ValidationError:
        return None


def _read_json(payload: bytes) -> dict[str, object]:
    if len(payload) > MAX_MESSAGE_BYTES:
        raise DecodeError(Reason.TOO_LARGE, f"{len(payload)} bytes; at most {MAX_MESSAGE_BYTES} are taken")
    try:
        document: Any = from_json(payload, allow_inf_nan=False, cache_strings="keys")
    except ValueError as error:
        reason = Reason.TOO_DEEP if "recursion limit" in str(error) else Reason.NOT_JSON
        raise DecodeError(reason, str(error)) from error
    if not isinstance(document, dict):
        raise DecodeError(Reason.NOT_JSON, "a JSON object is expected")
    if _may_be_too_deep(payload) and _is_too_deep(cast("object", document)):
        raise DecodeError(Reason.TOO_DEEP, f"nested more than {MAX_DEPTH} levels")
    return cast("dict[str, object]", document)


def _may_be_too_deep(payload: bytes) -> bool:
    """What opens fewer brackets cannot be so deep; most messages are told apart by this."""
    return payload.count(b"{") + payload.count(b"[") >= MAX_DEPTH


def _is_too_deep(value: object) -> bool:
    level: list[object] = [value]
    for _ in range(MAX_DEPTH):
        level = [child for item in level for child in _children(item)]
        if not level:
            return False
    return True


def _children(item: object) -> list[object]:
    if isinstance(item, dict):
        return list(cast("dict[str, object]", item).values())
    return cast("list[object]", item) if isinstance(item, list) else []


def _kind_of(document: dict[str, object]) -> Kind:
    """Find the kind; no type at all is a bad envelope, a strange one may be of a newer version."""
    name = document.get("type")
    if not isinstance(name, str):
        raise DecodeError(Reason.BAD_ENVELOPE, "type: a text is expected")
    kind = _KIND_OF_TYPE.get(name)
    if kind is None:
        raise DecodeError(Reason.UNKNOWN_TYPE, f"type {name[:100]!r} is not known here")
    return kind


def _check_counting(document: Document[Message], kind: Kind) -> None:
    has_stream, has_sequence = document.stream is not None, document.sequence is not None
    is_expected = kind in COUNTED_KINDS
    if has_stream is not is_expected or has_sequence is not is_expected:
        expectation = "needs" if is_expected else "must not carry"
        raise DecodeError(Reason.BAD_ENVELOPE, f"{document.type} {expectation} stream and sequence")


def _decode_error(error: ValidationError) -> DecodeError:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    reason = Reason.BAD_DATA if first["loc"][:1] == ("data",) else Reason.BAD_ENVELOPE
    place = ".".join(str(part) for part in first["loc"]) or "(whole)"
    return DecodeError(reason, f"{place}: {first['msg']}")
