"""The codec: what is written is read again; whatever comes in, only DecodeError comes out."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.wire.samples import AT, ID, sample_document, sample_envelopes, sample_payload
from wire.codec import decode_envelope, decode_message, encode_envelope, read_label
from wire.envelope import MAX_MESSAGE_BYTES, Envelope
from wire.errors import DecodeError, Reason
from wire.messages import Kind, Presence, State
from wire.topics import Topic


@given(sample_envelopes())
@settings(max_examples=200)
def test_decoding_gives_back_what_was_encoded(envelope: Envelope) -> None:
    assert decode_envelope(encode_envelope(envelope)) == envelope


@given(st.binary(max_size=400))
@settings(max_examples=300)
def test_no_bytes_crash_the_decoder(payload: bytes) -> None:
    with pytest.raises(DecodeError):
        decode_envelope(payload)
    read_label(payload)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda child: st.lists(child, max_size=4) | st.dictionaries(st.text(max_size=8), child, max_size=4),
    max_leaves=12,
)


@given(st.sampled_from(list(Kind)), st.data())
@settings(max_examples=300)
def test_no_changed_field_crashes_the_decoder(kind: Kind, data: st.DataObject) -> None:
    document = sample_document(kind)
    target: dict[str, Any] = data.draw(st.sampled_from([document, document["data"]]))
    target[data.draw(st.sampled_from(sorted(target)))] = data.draw(_JSON)
    payload = json.dumps(document).encode()
    assert _complaint(payload).isprintable()


def _complaint(payload: bytes) -> str:
    try:
        decode_envelope(payload)
    except DecodeError as error:
        return str(error)
    return "none"


@given(st.integers(min_value=0, max_value=10_000))
@settings(max_examples=200)
def test_no_cut_message_crashes_the_decoder(length: int) -> None:
    payload = sample_payload(Kind.DETECTION)
    cut = payload[: length % len(payload)]
    with pytest.raises(DecodeError) as caught:
        decode_envelope(cut)
    assert caught.value.reason is Reason.NOT_JSON


@pytest.mark.parametrize("kind", list(Kind))
def test_unknown_fields_are_ignored(kind: Kind) -> None:
    document = sample_document(kind)
    document["colour"] = {"new": ["field"]}
    document["data"]["colour"] = [1, 2, 3]
    assert decode_envelope(json.dumps(document).encode()).kind is kind


def _with(kind: Kind, **changes: object) -> bytes:
    return json.dumps(sample_document(kind) | changes).encode()


def _with_data(kind: Kind, **changes: object) -> bytes:
    document = sample_document(kind)
    document["data"] |= changes
    return json.dumps(document).encode()


BAD_MESSAGES = {
    "empty": (b"", Reason.NOT_JSON),
    "no_object": (b"[]", Reason.NOT_JSON),
    "not_utf8": (b'{"type": "\xff"}', Reason.NOT_JSON),
    "lone_surrogate": (b'{"type": "\\ud800"}', Reason.NOT_JSON),
    "infinity": (b'{"type": "busense.health.v1", "data": Infinity}', Reason.NOT_JSON),
    "not_a_number_in_unknown_field": (b'{"x": NaN}', Reason.NOT_JSON),
    "too_large": (b'{"x": "' + b"x" * MAX_MESSAGE_BYTES + b'"}', Reason.TOO_LARGE),
    "too_deep": (b'{"x": ' + b"[" * 13 + b"]" * 13 + b"}", Reason.TOO_DEEP),
    "deep_enough_to_break_a_parser": (b'{"x": ' + b"[" * 30_000 + b"]" * 30_000 + b"}", Reason.TOO_DEEP),
    "no_type": (_with(Kind.HEALTH, type=None), Reason.BAD_ENVELOPE),
    "newer_type": (_with(Kind.HEALTH, type="busense.health.v9"), Reason.UNKNOWN_TYPE),
    "other_spec": (_with(Kind.HEALTH, specversion="0.3"), Reason.BAD_ENVELOPE),
    "id_is_uuid4": (_with(Kind.HEALTH, id="9b2e4a52-58d4-4ccb-8b71-5b5b8f0c3c3e"), Reason.BAD_ENVELOPE),
    "id_beyond_the_calendar": (_with(Kind.HEALTH, id="ffffffff-ffff-7000-8000-000000000000"), Reason.BAD_ENVELOPE),
    "time_without_zone": (_with(Kind.HEALTH, time="2026-01-01T00:00:00"), Reason.BAD_ENVELOPE),
    "time_as_number": (_with(Kind.HEALTH, time=1_700_000_000), Reason.BAD_ENVELOPE),
    "time_as_number_in_text": (_with(Kind.HEALTH, time="1.0"), Reason.BAD_ENVELOPE),
    "time_with_a_comma": (_with(Kind.HEALTH, time="2026-01-01T00:00:00,5Z"), Reason.BAD_ENVELOPE),
    "time_of_no_day": (_with(Kind.HEALTH, time="2026-02-30T00:00:00Z"), Reason.BAD_ENVELOPE),
    "time_with_other_digits": (_with(Kind.HEALTH, time="\u0662026-01-01T00:00:00Z"), Reason.BAD_ENVELOPE),
    "bad_source": (_with(Kind.HEALTH, source="/Town/bus 1"), Reason.BAD_ENVELOPE),
    "no_sequence": (_with(Kind.HEALTH, sequence=None), Reason.BAD_ENVELOPE),
    "sequence_zero": (_with(Kind.HEALTH, sequence=0), Reason.BAD_ENVELOPE),
    "sequence_as_text": (_with(Kind.HEALTH, sequence="7"), Reason.BAD_ENVELOPE),
    "sequence_huge": (_with(Kind.HEALTH, sequence=2**60), Reason.BAD_ENVELOPE),
    "state_with_sequence": (_with(Kind.STATE, stream=ID, sequence=1), Reason.BAD_ENVELOPE),
    "no_data": (_with(Kind.HEALTH, data=None), Reason.BAD_DATA),
    "data_is_list": (_with(Kind.HEALTH, data=[]), Reason.BAD_DATA),
    "latitude": (_with_data(Kind.DETECTION, lat=90.1), Reason.BAD_DATA),
    "longitude": (_with_data(Kind.DETECTION, lon=-180.1), Reason.BAD_DATA),
    "longitude_as_text": (_with_data(Kind.DETECTION, lon="120.4"), Reason.BAD_DATA),
    "longitude_as_truth": (_with_data(Kind.DETECTION, lon=True), Reason.BAD_DATA),
    "confidence": (_with_data(Kind.DETECTION, confidence=1.01), Reason.BAD_DATA),
    "huge_number": (_with_data(Kind.DETECTION, along_m=1e308), Reason.BAD_DATA),
    "no_uncertainty": (_with_data(Kind.DETECTION, along_m=0), Reason.BAD_DATA),
    "heading": (_with_data(Kind.DETECTION, heading_deg=360), Reason.BAD_DATA),
    "no_frames": (_with_data(Kind.DETECTION, frames=0), Reason.BAD_DATA),
    "box_of_three": (_with_data(Kind.DETECTION, box_xyxy_px=[1, 2, 3]), Reason.BAD_DATA),
    "class_code": (_with_data(Kind.DETECTION, class_code="D00; DROP TABLE"), Reason.BAD_DATA),
    "long_camera": (_with_data(Kind.DETECTION, camera_id="x" * 65), Reason.BAD_DATA),
    "nul_in_text": (_with_data(Kind.DETECTION, camera_id="a\0b"), Reason.BAD_DATA),
    "long_line": (_with_data(Kind.COVERAGE, line=[[1, 2]] * 257), Reason.BAD_DATA),
    "line_of_one": (_with_data(Kind.COVERAGE, line=[[1, 2]]), Reason.BAD_DATA),
    "strange_reason": (_with_data(Kind.COVERAGE, unusable={"lazy": 1}), Reason.BAD_DATA),
    "no_points": (_with_data(Kind.TRACK, points=[]), Reason.BAD_DATA),
    "many_tags": (_with_data(Kind.SIGHTING, tags=[None] * 201), Reason.BAD_DATA),
    "deep_setting": (_with_data(Kind.TWIN_REPORTED, settings={"a": {"b": 1}}), Reason.BAD_DATA),
    "setting_name": (_with_data(Kind.TWIN_REPORTED, settings={"A B\0": 1}), Reason.BAD_DATA),
    "backward_range": (_with_data(Kind.STORED, missing=[[5, 4]]), Reason.BAD_DATA),
}


@pytest.mark.parametrize(("payload", "reason"), BAD_MESSAGES.values(), ids=BAD_MESSAGES.keys())
def test_bad_message_gets_its_reason(payload: bytes, reason: Reason) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_envelope(payload)
    assert caught.value.reason is reason
    assert caught.value.detail


def test_message_on_a_foreign_topic_is_refused() -> None:
    payload = sample_payload(Kind.HEALTH)
    for topic in (
        "busense/v1/town/bus-2/health",
        "busense/v1/town/bus-1/track",
        "weather/today",
        "busense/v1/town/bus-1",
    ):
        with pytest.raises(DecodeError) as caught:
            decode_message(topic=topic, payload=payload)
        assert caught.value.reason is Reason.WRONG_TOPIC
    topic, envelope = decode_message(topic="busense/v1/town/bus-1/health", payload=payload)
    assert (topic.device, envelope.kind) == ("bus-1", Kind.HEALTH)


@pytest.mark.parametrize(
    ("unknown", "reason"),
    [
        pytest.param(b"NaN", Reason.NOT_JSON, id="not a number"),
        pytest.param(b"-Infinity", Reason.NOT_JSON, id="infinite"),
        pytest.param(12 * b"[" + 12 * b"]", Reason.TOO_DEEP, id="too deep"),
        pytest.param(b'"' + 70_000 * b"x" + b'"', Reason.TOO_LARGE, id="too large"),
    ],
)
def test_a_field_that_nobody_knows_is_read_strictly_on_its_topic_too(unknown: bytes, reason: Reason) -> None:
    payload = sample_payload(Kind.DETECTION)[:-1] + b',"unknown":' + unknown + b"}"
    with pytest.raises(DecodeError) as caught:
        decode_message(topic="busense/v1/town/bus-1/detection", payload=payload)
    assert caught.value.reason is reason


@given(sample_envelopes())
@settings(max_examples=100)
def test_on_its_topic_a_message_is_read_as_it_is_alone(envelope: Envelope) -> None:
    topic = Topic(city=envelope.source.split("/")[1], device=envelope.source.split("/")[2], kind=envelope.kind)
    payload = encode_envelope(envelope)
    assert decode_message(topic=str(topic), payload=payload) == (topic, decode_envelope(payload))


def test_label_of_a_message_with_bad_data_still_tells_its_number() -> None:
    label = read_label(_with_data(Kind.DETECTION, lat=200))
    assert (label.stream, label.sequence) == (ID, 7)


def test_label_of_nonsense_is_empty() -> None:
    assert read_label(b"\x00\x01").sequence is None
    assert read_label(_with(Kind.HEALTH, sequence=-1)).stream is None


def test_encoding_what_could_not_be_read_again_is_refused() -> None:
    document = sample_document(Kind.STATE)
    envelope = Envelope(id=document["id"], source="/Not/Valid", time=AT, data=State(presence=Presence.ONLINE, since=AT))
    with pytest.raises(DecodeError):
        encode_envelope(envelope)
