"""Random secrets that a browser or a program keeps, of which the database keeps only the hash."""

import hashlib
import secrets

_BYTES = 32


def draw(prefix: str = "") -> str:
    """Draw 256 random bits; a prefix lets scanners recognise what leaked."""
    return prefix + secrets.token_urlsafe(_BYTES)


def hash_of(secret: str) -> bytes:
    """SHA-256; enough for something that nobody can guess, and a look-up by it tells nothing."""
    return hashlib.sha256(secret.encode(errors="surrogateescape")).digest()
