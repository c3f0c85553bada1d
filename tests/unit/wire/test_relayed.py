"""What a stop carries can be read by it, and changed by nobody."""

import base64
import json
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OctKey

from wire.errors import DecodeError, Reason, SigningError
from wire.relayed import (
    MAX_SIGNED_BYTES,
    Signer,
    carried_topic,
    carrier_of,
    read_signed,
    relayed_topic,
    speaker_of_relayed,
)

PAYLOAD = b'{"specversion":"1.0"}'


def key_file(folder: Path, key: ec.EllipticCurvePrivateKey | None = None, *, name: str = "bus.pem") -> Path:
    key = key or ec.generate_private_key(ec.SECP256R1())
    file = folder / name
    file.write_bytes(
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return file


def public_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


KEY, OTHER = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return Signer.read(key_file(tmp_path, KEY))


def test_what_a_bus_signed_is_read_and_known_to_be_its_own(signer: Signer) -> None:
    signed = read_signed(signer.sign(PAYLOAD))
    assert signed.payload == PAYLOAD
    assert signed.key_sha256 == signer.key_sha256
    assert signed.is_by(public_pem(KEY))
    assert not signed.is_by(public_pem(OTHER))


def test_what_was_changed_on_the_way_is_nobodys(signer: Signer) -> None:
    header, _, signature = signer.sign(PAYLOAD).split(b".")
    changed = base64.urlsafe_b64encode(b'{"specversion":"2.0"}').rstrip(b"=")
    assert not read_signed(b".".join([header, changed, signature])).is_by(public_pem(KEY))


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_another_algorithm_is_not_believed(signer: Signer, algorithm: str) -> None:
    kid = json.loads(base64.urlsafe_b64decode(signer.sign(PAYLOAD).split(b".")[0] + b"=="))["kid"]
    if algorithm == "none":
        header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "kid": kid}).encode()).rstrip(b"=")
        token = b".".join([header, base64.urlsafe_b64encode(PAYLOAD).rstrip(b"="), b""])
    else:  # the public key, which anybody may know, taken as a shared secret
        secret = OctKey.import_key(base64.b64encode(public_pem(KEY).encode()).decode())
        token = jws.serialize_compact({"alg": "HS256", "kid": kid}, PAYLOAD, secret).encode()
    assert not read_signed(token).is_by(public_pem(KEY))


@pytest.mark.parametrize(
    "token",
    [
        b"",
        b"..",
        b"a.b.c",
        b"{}",
        b"e30.e30.e30",
        b"W10.e30.",
        b"bnVsbA.e30.",
        b"eyJraWQiOjF9.e30.",
        b"eyJraWQiOiLDqSJ9.e30.",
    ],
    ids=["nothing", "dots", "letters", "json", "no key", "list", "null", "number as key", "key not in base64"],
)
def test_what_is_no_signature_is_refused_in_words(token: bytes) -> None:
    with pytest.raises(DecodeError) as refused:
        read_signed(token)
    assert refused.value.reason is Reason.BAD_SIGNATURE


@given(st.binary(max_size=300), st.sampled_from([b"", b"eyJhbGciOiJFUzI1NiJ9.", b"e30."]))
def test_any_bytes_are_read_or_refused(rest: bytes, head: bytes) -> None:
    with suppress(DecodeError):
        assert not read_signed(head + rest).is_by(public_pem(KEY))


def test_what_is_too_large_is_not_even_read() -> None:
    with pytest.raises(DecodeError) as refused:
        read_signed(b"a" * (MAX_SIGNED_BYTES + 1))
    assert refused.value.reason is Reason.TOO_LARGE


def test_a_file_without_a_key_of_this_curve_is_refused(tmp_path: Path) -> None:
    other_curve = key_file(tmp_path, ec.generate_private_key(ec.SECP384R1()), name="other.pem")
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    for file in (other_curve, empty, tmp_path / "missing.pem"):
        with pytest.raises(SigningError, match=str(file)):
            Signer.read(file)


@pytest.mark.parametrize(
    ("topic", "speaker"),
    [
        ("busense/v1/testcity/bus-1/relayed", ("testcity", "bus-1")),
        ("busense/v1/testcity/bus-1/relayed/x", None),
        ("busense/v1/testcity/Bus/relayed", None),
        ("busense/v1/testcity/bus-1/health", None),
    ],
)
def test_topic_names_the_bus_that_speaks(topic: str, speaker: tuple[str, str] | None) -> None:
    assert speaker_of_relayed(topic) == speaker
    assert speaker is None or relayed_topic(city=speaker[0], device=speaker[1]) == topic


@pytest.mark.parametrize(
    ("topic", "carrier"),
    [
        ("busense/v1/testcity/bus-1/relayed/stop-1", ("testcity", "bus-1", "stop-1")),
        ("busense/v1/testcity/bus-1/relayed", None),
        ("busense/v1/testcity/bus-1/relayed/stop-1/more", None),
        ("busense/v1/testcity/bus-1/relayed/Stop", None),
    ],
)
def test_topic_to_the_cloud_names_the_stop_too(topic: str, carrier: tuple[str, str, str] | None) -> None:
    assert carrier_of(topic) == carrier
    assert carrier is None or carried_topic(city=carrier[0], device=carrier[1], stop=carrier[2]) == topic
