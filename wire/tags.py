"""Ids of the tags that people wear. They change, so that only who has the key can tell whose they are.

Source: Eddystone-EID, "EID Computation" (AES-128 of a counter under a temporary key of the identity key).
"""

import hashlib
from collections.abc import Iterator
from itertools import groupby
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

KEY_BYTES: Final = 16
_ID_BYTES: Final = 8
_COUNTER_MASK: Final = 0xFFFF_FFFF
_TEMPORARY_SHIFT: Final = 16  # a temporary key is good for 2^16 s
_BLOCK_BYTES: Final = 16
_PADDING: Final = bytes(11)


def ephemeral_id(key: bytes, *, exponent: int, counter_s: int) -> str:
    """The id, 16 hexadecimal digits, that a tag sends when it has counted so many seconds."""
    step = counter_s >> exponent
    return next(id_of_step for _, id_of_step in ephemeral_ids(key, exponent=exponent, first=step, last=step))


def ephemeral_ids(key: bytes, *, exponent: int, first: int, last: int) -> Iterator[tuple[int, str]]:
    """Steps of 2^exponent seconds, both ends included, each with its id."""
    per_key = 1 << (_TEMPORARY_SHIFT - exponent)
    for number, steps in groupby(range(first, last + 1), key=lambda step: step // per_key):
        held = list(steps)
        temporary = _encrypt(key, _PADDING + b"\xff\0\0" + (number & 0xFFFF).to_bytes(2, "big"))
        blocks = b"".join(
            _PADDING + bytes([exponent]) + (step << exponent & _COUNTER_MASK).to_bytes(4, "big") for step in held
        )
        secret = _encrypt(temporary, blocks)
        for index, step in enumerate(held):
            begin = index * _BLOCK_BYTES
            yield step, secret[begin : begin + _ID_BYTES].hex()


def beacon_id(*, uuid: bytes, major: int, minor: int) -> str:
    """What stands for an iBeacon, whose id never changes: for trials, since anybody can follow it."""
    whole = uuid + major.to_bytes(2, "big") + minor.to_bytes(2, "big")
    return hashlib.sha256(whole).digest()[:_ID_BYTES].hex()


def _encrypt(key: bytes, blocks: bytes) -> bytes:
    """AES-128 of each block by itself, as the specification wants it; no block ever comes twice."""
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305
    return encryptor.update(blocks)
