"""How a bus comes to its certificate: the key is made on board and never leaves it."""

import ssl
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from edge_agent.config import AgentConfig, Cloud
from edge_agent.durable import DRAFT_SUFFIX, replace_file, write_file
from edge_agent.errors import ConfigurationError

RENEW_BEFORE: Final = timedelta(days=30)
TIMEOUT_S: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A new key and the request to sign it."""

    key_pem: bytes
    request_pem: str


def draw_key(device: str) -> Draft:
    """Make a key and a signing request (PKCS #10)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, device)])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return Draft(
        key_pem=key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        request_pem=request.public_bytes(serialization.Encoding.PEM).decode(),
    )


def enrol(cloud: Cloud, *, device: str, code: str, certificate_file: Path, secret_file: Path) -> str:
    """Exchange a one-time code for a certificate, and keep it with its key and the secret for pictures.

    Returns:
        City and device as the cloud calls them.

    Raises:
        ConfigurationError: a file cannot be written, the cloud refuses, or it cannot be reached.
    """
    for file in (certificate_file, secret_file):
        _try_to_write(file)  # a code counts once
    draft = draw_key(device)
    told = _ask(cloud, "enrol", {"code": code, "request": draft.request_pem}, headers={})
    replace_file(certificate_file, told["certificate"].encode() + draft.key_pem, is_private=True)
    replace_file(secret_file, told["secret"].encode(), is_private=True)
    return f"{told['city']}/{told['device']}"


def renew_if_due(config: AgentConfig, *, now: datetime) -> bool:
    """Get the next certificate when this one ends soon; whether it did. The agent uses it at its next connection.

    Raises:
        ConfigurationError: there is no certificate, or the cloud refuses or cannot be reached.
    """
    file = config.identity.certificate_file
    if file is None:
        raise ConfigurationError("identity.certificate_file is not set")
    if expiry_of(file) - now > RENEW_BEFORE:
        return False
    draft = draw_key(config.identity.device)
    headers = {
        "X-Busense-Device": f"{config.identity.city}/{config.identity.device}",
        "Authorization": f"Bearer {config.identity.secret()}",
    }
    told = _ask(config.cloud, "renew", {"request": draft.request_pem}, headers=headers)
    replace_file(file, told["certificate"].encode() + draft.key_pem, is_private=True)
    return True


def expiry_of(file: Path) -> datetime:
    """When the certificate in a file ends.

    Raises:
        ConfigurationError: there is none.
    """
    try:
        return x509.load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{file}: no certificate: {error}") from error


def _try_to_write(file: Path) -> None:
    draft = file.with_name(f"{file.name}{DRAFT_SUFFIX}")
    try:
        write_file(draft, b"", is_private=True)
        draft.unlink()
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be written: {error.strerror}") from error


def _ask(cloud: Cloud, what: str, body: dict[str, str], *, headers: dict[str, str]) -> dict[str, Any]:
    try:
        context = ssl.create_default_context(cafile=cloud.ca_file)
        with httpx.Client(timeout=TIMEOUT_S, verify=context) as client:
            answer = client.post(f"{cloud.url.rstrip('/')}/api/v1/devices/{what}", json=body, headers=headers)
    except OSError as error:
        raise ConfigurationError(f"cloud.ca_file {cloud.ca_file} cannot be read: {error}") from error
    except httpx.HTTPError as error:
        raise ConfigurationError(f"{cloud.url} cannot be reached: {error}") from error
    if answer.status_code != HTTPStatus.CREATED:
        raise ConfigurationError(f"{cloud.url} refuses: {answer.status_code} {answer.text[:300]}")
    return answer.json()
