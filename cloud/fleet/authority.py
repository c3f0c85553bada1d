"""The city's own certificate authority for its buses.

Source: RFC 5280 (profile), RFC 2986 (signing request). A certificate's DNS name is made for it alone, so that the
broker can let in one certificate of a bus and not another.
"""

import os
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cloud.errors import AdmissionError, FleetError
from wire.relayed import fingerprint

GOOD_FOR: Final = timedelta(days=90)
AUTHORITY_GOOD_FOR: Final = timedelta(days=3650)
_CLOCK_ERROR: Final = timedelta(hours=1)
_MAX_REQUEST_BYTES: Final = 8_192
_KEY: Final = "authority.key"
_CERTIFICATE: Final = "authority.pem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A certificate and what is remembered of it."""

    pem: str
    serial: str
    name: str
    public_key: str  # PEM
    public_key_sha256: bytes
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A key that signs, and its certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        """The certificate that the broker and the buses trust."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @classmethod
    def create(cls, folder: Path, *, city: str, at: datetime) -> Self:
        """Make one in a folder.

        Raises:
            FleetError: there is one already.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"busense authority of {city}")])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(at - _CLOCK_ERROR)
            .not_valid_after(at + AUTHORITY_GOOD_FOR)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(may_sign_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        made = cls(key=key, certificate=certificate)
        made._write(folder)
        return made

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the one in a folder.

        Raises:
            FleetError: there is none that can be used.
        """
        try:
            key = serialization.load_pem_private_key((folder / _KEY).read_bytes(), password=None)
            certificate = x509.load_pem_x509_certificate((folder / _CERTIFICATE).read_bytes())
        except (OSError, ValueError) as error:
            raise FleetError(f"authority {folder}: {error}; `busense fleet authority` makes one") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
            raise FleetError(f"authority {folder}: key and certificate do not belong together")
        return cls(key=key, certificate=certificate)

    def issue(self, request_pem: str, *, city: str, device: str, at: datetime) -> Issued:
        """Sign a request; of it only the key counts, the names are ours.

        Raises:
            AdmissionError: it is no request, not signed by its own key, or of a kind of key that we do not take.
        """
        public_key = read_request(request_pem)
        name = f"{secrets.token_hex(8)}.{device}.{city}.busense"
        serial = x509.random_serial_number()
        expires_at = min(at + GOOD_FOR, self.certificate.not_valid_after_utc)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, device)]))
            .issuer_name(self.certificate.subject)
            .public_key(public_key)
            .serial_number(serial)
            .not_valid_before(at - _CLOCK_ERROR)
            .not_valid_after(expires_at)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(may_sign_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        return Issued(
            pem=certificate.public_bytes(serialization.Encoding.PEM).decode(),
            serial=f"{serial:x}",
            name=name,
            public_key=public_key.public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            ).decode(),
            public_key_sha256=fingerprint(public_key),
            issued_at=at,
            expires_at=expires_at,
        )

    def _write(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        private = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        try:
            with os.fdopen(os.open(folder / _KEY, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(private)
        except FileExistsError as error:
            raise FleetError(f"there is an authority in {folder} already") from error
        (folder / _CERTIFICATE).write_text(self.pem)


def read_request(pem: str) -> ec.EllipticCurvePublicKey:
    """Read the key of a signing request and check that whoever made it has its other half.

    Raises:
        AdmissionError: it is none of ours.
    """
    if len(pem) > _MAX_REQUEST_BYTES:
        raise AdmissionError(f"a signing request has at most {_MAX_REQUEST_BYTES} bytes")
    try:
        request = x509.load_pem_x509_csr(pem.encode())
        is_signed = request.is_signature_valid
        public_key = request.public_key()
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise AdmissionError("this is no signing request (PEM)") from error
    if not is_signed:
        raise AdmissionError("the request is not signed by its own key")
    if not (isinstance(public_key, ec.EllipticCurvePublicKey) and isinstance(public_key.curve, ec.SECP256R1)):
        raise AdmissionError("a key on the curve P-256 is expected")
    return public_key


def _usage(*, may_sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not may_sign_certificates,
        key_cert_sign=may_sign_certificates,
        crl_sign=may_sign_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
