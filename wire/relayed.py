"""What a bus without a network of its own hands over at a stop: its envelope, signed, so that a stop can only carry it.

A JSON Web Signature in compact form with ES256 (RFC 7515, RFC 7518 section 3.4). `kid` is the SHA-256 of the public key
(SubjectPublicKeyInfo, DER), so that the cloud finds the one of the bus's certificates that is meant.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Final, Self

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from wire.envelope import MAX_MESSAGE_BYTES
from wire.errors import DecodeError, Reason, SigningError
from wire.topics import PREFIX, SLUG_PATTERN

MAX_SIGNED_BYTES: Final = 4 * MAX_MESSAGE_BYTES // 3 + 512
_ALGORITHM: Final = "ES256"
_MAX_KID: Final = 64  # 43 characters are expected
_TOPIC: Final = re.compile(rf"{PREFIX}/({SLUG_PATTERN})/({SLUG_PATTERN})/relayed")
_CARRIED: Final = re.compile(rf"{PREFIX}/({SLUG_PATTERN})/({SLUG_PATTERN})/relayed/({SLUG_PATTERN})")


def relayed_topic(*, city: str, device: str) -> str:
    """Where a stop hears what a bus hands over."""
    return f"{PREFIX}/{city}/{device}/relayed"


def carried_topic(*, city: str, device: str, stop: str) -> str:
    """Where a stop passes on what that bus handed over; the broker lets each stop use its own name only."""
    return f"{relayed_topic(city=city, device=device)}/{stop}"


def speaker_of_relayed(topic: str) -> tuple[str, str] | None:
    """City and device that hands a message over at a stop; none when the topic is another one."""
    found = _TOPIC.fullmatch(topic)
    return (found[1], found[2]) if found is not None else None


def carrier_of(topic: str) -> tuple[str, str, str] | None:
    """City and device whose message a stop carried, and the stop; none when the topic is another one."""
    found = _CARRIED.fullmatch(topic)
    return (found[1], found[2], found[3]) if found is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A device's own key."""

    key: ECKey
    key_sha256: bytes

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read the key beside the certificate.

        Raises:
            SigningError: there is none on the curve P-256.
        """
        try:
            key = serialization.load_pem_private_key(file.read_bytes(), password=None)
        except (OSError, ValueError, TypeError) as error:
            raise SigningError(f"{file}: no key to sign with: {error}") from error
        if not (isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)):
            raise SigningError(f"{file}: a key on the curve P-256 is expected")
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return cls(key=ECKey.import_key(pem), key_sha256=fingerprint(key.public_key()))

    def sign(self, payload: bytes) -> bytes:
        """Sign the bytes of an envelope."""
        header = {"alg": _ALGORITHM, "kid": _to_text(self.key_sha256)}
        return jws.serialize_compact(header, payload, self.key).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """Read, but not believed yet."""

    payload: bytes
    key_sha256: bytes
    token: bytes

    def is_by(self, public_key_pem: str) -> bool:
        """Whether the holder of this key signed it."""
        try:
            jws.deserialize_compact(self.token, _public_key(public_key_pem), algorithms=[_ALGORITHM])
        except JoseError:
            return False
        return True


def read_signed(token: bytes) -> Signed:
    """Take apart; who signed it is not checked here.

    Raises:
        DecodeError: it is too large, or no signature of this kind.
    """
    if len(token) > MAX_SIGNED_BYTES:
        raise DecodeError(Reason.TOO_LARGE, f"{len(token)} bytes; at most {MAX_SIGNED_BYTES} are taken")
    try:
        parts = jws.extract_compact(token)
        key_sha256 = _from_text(parts.headers().get("kid"))
    except (JoseError, ValueError) as error:
        raise DecodeError(Reason.BAD_SIGNATURE, f"no JSON Web Signature in compact form: {error}") from error
    return Signed(payload=parts.payload, key_sha256=key_sha256, token=token)


def fingerprint(key: ec.EllipticCurvePublicKey) -> bytes:
    """SHA-256 of a public key."""
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return sha256(der).digest()


@lru_cache(maxsize=4096)
def _public_key(pem: str) -> ECKey:
    return ECKey.import_key(pem)


def _to_text(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _from_text(text: object) -> bytes:
    if not isinstance(text, str) or len(text) > _MAX_KID:
        raise ValueError("kid: the SHA-256 of a public key is expected")
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError(f"kid: {error}") from error
