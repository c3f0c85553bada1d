"""Passwords: kept as Argon2id, and strong enough not to be guessed."""

import threading
from functools import cache
from typing import Any, Final, cast

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from argon2.profiles import RFC_9106_LOW_MEMORY
from zxcvbn import zxcvbn  # pyright: ignore[reportUnknownVariableType, reportMissingTypeStubs]

from cloud.errors import WeakPasswordError

MIN_LENGTH: Final = 10
MAX_LENGTH: Final = 256
_LOOKED_AT: Final = 72  # characters; the check takes long for more, and they only make it stronger
_MIN_SCORE: Final = 3  # of 4: more than 10^8 guesses
_AT_ONCE: Final = threading.BoundedSemaphore(2)  # each takes 64 MiB

_hasher: Final = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)


def check_strength(password: str, *, name: str) -> None:
    """Refuse what is easily guessed.

    Raises:
        WeakPasswordError: with a code for the page and a sentence.
    """
    if len(password) < MIN_LENGTH:
        raise WeakPasswordError("short", f"a password has at least {MIN_LENGTH} characters")
    if len(password) > MAX_LENGTH:
        raise WeakPasswordError("long", f"a password has at most {MAX_LENGTH} characters")
    found = cast("dict[str, Any]", zxcvbn(password[:_LOOKED_AT], user_inputs=[name, "busense"], max_length=_LOOKED_AT))
    if found["score"] < _MIN_SCORE:
        raise WeakPasswordError("guessable", "this password is easily guessed: use several unusual words")


@cache
def _nobodys_hash() -> str:
    return _hasher.hash("the password of nobody")


def hash_password(password: str) -> str:
    """Hash with Argon2id (RFC 9106, second recommended option: 64 MiB, three passes)."""
    with _AT_ONCE:
        return _hasher.hash(password)


def is_password(password: str, *, password_hash: str | None) -> bool:
    """Compare; takes as long when there is no hash, so that the time does not tell which accounts there are."""
    with _AT_ONCE:
        try:
            return _hasher.verify(password_hash or _nobodys_hash(), password) and password_hash is not None
        except (VerifyMismatchError, InvalidHashError):
            return False
