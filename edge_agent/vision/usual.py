"""What is usual for who sits at the wheel: how open the eyes are, and where the head points. Pure.

Eyes differ from person to person more than half-closed ones from open ones, and a camera may be mounted to the side: a
face is only compared with the same one of the last minutes. Until that is known, nothing is said.
"""

import math
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from edge_agent.readings import EyesReading

KEPT: Final = timedelta(minutes=10)
EVERY: Final = timedelta(seconds=1)  # so often a face is kept
ENOUGH: Final = 30  # faces kept, before anything is said
ABSENCE: Final = timedelta(seconds=60)  # who comes back after it may be somebody else
OPEN_QUANTILE: Final = 0.8  # of the faces kept; a drowsy driver's eyes are open in more than a fifth of ten minutes
SHUT: Final = 0.375
"""Of the usual opening, what the outlines leave of shut eyes: those of PERCLOS, 80 % closed, then are at a half of it.
Lids drawn over half of an eye read 0.76 to 0.88 of the usual opening, over the whole eye 0.42 to 0.69, and a smile
0.62 (models/eyes/card.md)."""
MIN_EYE_PX: Final = 7.0  # below, the pictures that were tried have no lids
ASIDE_DEG: Final = 30.0  # from the side, or with the head lowered, lids hide or are hidden: not known, not shut


@dataclass(frozen=True, slots=True, kw_only=True)
class Eye:
    """One eye in a picture."""

    aspect: float  # mean height of the opening by the width between the corners, 0 when it is shut
    width_px: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """What a picture says of a face."""

    eyes: tuple[Eye, Eye]  # left and right in the picture
    turned_deg: float  # of the head, to its own right, against the camera's axis
    up_deg: float

    @property
    def aspect(self) -> float | None:
        """Of the eyes that are large enough, on average: noise and a shadow on one of them count less."""
        seen = [eye.aspect for eye in self.eyes if eye.width_px >= MIN_EYE_PX]
        return sum(seen) / len(seen) if seen else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    at: datetime
    aspect: float
    turned_deg: float
    up_deg: float


class Usual:
    """Remembers the last minutes of one face."""

    def __init__(self) -> None:
        self._kept: deque[_Kept] = deque()
        self._seen_at: datetime | None = None

    def compare(self, face: Face | None, *, at: datetime) -> EyesReading:
        """What a face does, against what is usual; nothing where there is none or too little is known."""
        unknown = EyesReading(at=at, openness=None, away_deg=None)
        self._forget(at)
        if face is None:
            return unknown
        self._seen_at = at
        self._keep(face, at)
        if len(self._kept) < ENOUGH:
            return unknown
        turned, up = (np.median([[each.turned_deg, each.up_deg] for each in self._kept], axis=0)).tolist()
        away_deg = math.hypot(face.turned_deg - turned, face.up_deg - up)
        return EyesReading(at=at, openness=self._openness(face, away_deg), away_deg=away_deg)

    def _openness(self, face: Face, away_deg: float) -> float | None:
        if face.aspect is None or away_deg > ASIDE_DEG:
            return None
        usual = float(np.quantile([each.aspect for each in self._kept], OPEN_QUANTILE))
        share = face.aspect / usual if usual else 0.0
        return min(1.0, max(0.0, (share - SHUT) / (1 - SHUT)))

    def _keep(self, face: Face, at: datetime) -> None:
        is_due = not self._kept or at - self._kept[-1].at >= EVERY
        if face.aspect is not None and is_due:
            kept = _Kept(at=at, aspect=face.aspect, turned_deg=face.turned_deg, up_deg=face.up_deg)
            self._kept.append(kept)

    def _forget(self, at: datetime) -> None:
        """What is too old; everything, when nobody was seen for long or the clock went back."""
        if self._seen_at is not None and not timedelta() <= at - self._seen_at <= ABSENCE:
            self._kept.clear()
        while self._kept and at - self._kept[0].at > KEPT:
            self._kept.popleft()
