"""The second factor: six digits of an authenticator app (RFC 6238), each good once."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import segno
from pyotp import random_base32
from pyotp.totp import TOTP

_STEP_S: Final = 30
_ISSUER: Final = "busense"


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """What the app must be given."""

    secret: str
    uri: str
    code_path: str
    """The code that the app reads, as the path of an SVG; `code_size` modules wide."""
    code_size: int


def draw_secret(name: str) -> Enrolment:
    """Draw a secret for somebody."""
    secret = random_base32()
    uri = TOTP(secret).provisioning_uri(name=name, issuer_name=_ISSUER)
    rows = list(segno.make(uri, error="m").matrix)
    path = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, module in enumerate(row) if module)
    return Enrolment(secret=secret, uri=uri, code_path=path, code_size=len(rows))


def step_of_code(code: str, *, secret: str, at: datetime, last_step: int | None) -> int | None:
    """The 30-second step that a code is of: now or the one before or after; none if it is wrong or was used."""
    totp = TOTP(secret, interval=_STEP_S)
    now = int(at.timestamp()) // _STEP_S
    steps = [step for step in (now - 1, now, now + 1) if last_step is None or step > last_step]
    return next((step for step in steps if totp.verify(code, for_time=step * _STEP_S)), None)
