"""Generated schemas are fresh and agree with the decoder; what an old version wrote is still read."""

import json
from typing import Any, cast

import pytest
from jsonschema_rs import Draft202012Validator

from tests.unit.wire.samples import GOLDEN, sample_document, sample_payload
from wire.codec import decode_envelope, encode_envelope
from wire.messages import Kind
from wire.schemas.generate import FOLDER, as_text, generated_files, message_schema


@pytest.mark.parametrize("name", sorted(generated_files()))
def test_generated_file_is_fresh(name: str) -> None:
    assert (FOLDER / name).read_text() == as_text(generated_files()[name]), "run `make schemas`"


def test_no_generated_file_is_left_over() -> None:
    assert {path.name for path in FOLDER.glob("*.json")} == set(generated_files())


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_has_a_golden_message_that_is_read_and_written_the_same(kind: Kind) -> None:
    payload = sample_payload(kind)
    envelope = decode_envelope(payload)
    assert envelope.kind is kind
    assert encode_envelope(envelope) == payload


@pytest.mark.parametrize("kind", [Kind.COVERAGE, Kind.DETECTION])
def test_quality_came_later_and_a_newer_bus_may_know_more_of_them(kind: Kind) -> None:
    before, document = decode_envelope(sample_payload(kind)), sample_document(kind)
    document["data"]["quality"] = "snow"
    now = decode_envelope(json.dumps(document).encode())

    assert before.data.quality is None  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType] - both kinds have it
    assert json.loads(encode_envelope(now)) == document
    assert _fits(document, kind)


@pytest.mark.parametrize("kind", list(Kind))
def test_golden_message_fits_its_schema(kind: Kind) -> None:
    assert _fits(sample_document(kind), kind)


@pytest.mark.parametrize(("kind", "field"), [(Kind.DETECTION, "lat"), (Kind.TRACK, "points"), (Kind.STORED, "up_to")])
def test_schema_refuses_what_the_decoder_refuses(kind: Kind, field: str) -> None:
    document = sample_document(kind)
    document["data"][field] = "nonsense"
    assert not _fits(document, kind)


def test_asyncapi_names_every_topic() -> None:
    channels = cast("dict[str, dict[str, Any]]", json.loads((FOLDER / "asyncapi.json").read_text())["channels"])
    assert {channel["address"] for channel in channels.values()} >= {
        "busense/v1/{city}/{device}/detection",
        "busense/v1/{city}/{device}/twin/desired",
        "busense/v1/{city}/{device}/stored",
        "busense/v1/{city}/{device}/relayed",
        "busense/v1/{city}/{device}/relayed/{stop}",
    }
    assert len(channels) == len(Kind) + 2, "each kind, what a stop hears and what it passes on"


def test_every_golden_file_belongs_to_a_kind() -> None:
    assert {path.name for path in GOLDEN.glob("*.json")} == {f"{kind.value}.v1.json" for kind in Kind}


def _fits(document: dict[str, Any], kind: Kind) -> bool:
    validator = Draft202012Validator(message_schema(kind))
    return validator.is_valid(document)
