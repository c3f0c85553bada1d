"""A device's secret, of which the cloud keeps only the hash."""

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Final

from cloud.errors import FleetError

_RANDOM_BYTES: Final = 32
_MIN_LENGTH: Final = 22  # 128 bits in base64
_MAX_LENGTH: Final = 512


def hash_secret(secret: str) -> bytes:
    """Hash a secret.

    A plain SHA-256 is right here: the secret is drawn at random with at least 128 bits, so that nobody can try them
    all, and a slow password hash would only slow every upload down.
    """
    return hashlib.sha256(secret.encode()).digest()


def is_secret(secret: str, *, secret_hash: bytes) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(hash_secret(secret), secret_hash)


def read_or_create_secret(path: Path) -> str:
    """Read the secret from a file; where there is no file, draw one and write it for its owner alone.

    Raises:
        FleetError: the file cannot be used, or what is in it is too short to be drawn at random.
    """
    try:
        return _create(path)
    except FileExistsError:
        return _read(path)
    except OSError as error:
        raise FleetError(f"secret file: {error}") from error


def _create(path: Path) -> str:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    secret = secrets.token_urlsafe(_RANDOM_BYTES)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secret)
    except OSError:
        path.unlink()  # else an empty one would be taken for a secret that is too short
        raise
    return secret


def _read(path: Path) -> str:
    try:
        with path.open() as file:
            secret = file.read(_MAX_LENGTH + 1).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise FleetError(f"secret file: {error}") from error
    if not _MIN_LENGTH <= len(secret) <= _MAX_LENGTH:
        raise FleetError(
            f"{path}: {len(secret)} characters; a random secret of {_MIN_LENGTH} to {_MAX_LENGTH} is expected"
        )
    return secret
