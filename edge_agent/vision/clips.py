"""The last seconds of the road, small and blurred, and a sheet of them for an event. Nothing of it is on the disk."""

import math
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import cv2
import numpy as np

from edge_agent.readings import FrameReading, Image
from edge_agent.vision.privacy import BlurredPicture, Hidden, Privacy

LONGEST: Final = timedelta(seconds=10)
EVERY: Final = timedelta(seconds=0.5)
AREA_PX: Final = 480 * 270  # of a picture
LATE: Final = timedelta(seconds=2)  # an event is told a little after its clip ends: until the next fix has come
MOST: Final = (LONGEST + LATE) // EVERY  # 9 MB of memory
COLUMNS: Final = 5
MAX_BYTES: Final = 500_000  # of a sheet: streets with many leaves and signs take three times what a motorway does


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sheet:
    """Small pictures row by row from the top left, with when each was taken."""

    picture: BlurredPicture
    columns: int
    taken_at: tuple[datetime, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Small:
    at: datetime
    hidden: Hidden


class ClipRing:
    """Keeps frames that are blurred before they are kept, little longer than a clip lasts."""

    def __init__(self, privacy: Privacy) -> None:
        self._privacy = privacy
        self._ring: deque[_Small] = deque(maxlen=MOST)

    def is_due(self, at: datetime) -> bool:
        """Whether a frame is wanted; a clock that was set back begins anew."""
        return not self._ring or not timedelta() <= at - self._ring[-1].at < EVERY

    def take(self, frame: FrameReading) -> None:
        """Blur a frame and keep it small.

        Raises:
            PictureError: it was not blurred, and is not kept.
        """
        small = _Small(at=frame.at, hidden=_scaled(self._privacy.hidden(frame.image)))
        if self._ring and not _is_continued(self._ring[-1], small):
            self._ring.clear()
        self._ring.append(small)

    def cut(self, *, until: datetime) -> Sheet | None:
        """Lay out the frames of the time before; none when there are none.

        Raises:
            PictureError: the sheet cannot be made small enough.
        """
        kept = [small for small in self._ring if until - LONGEST < small.at <= until]
        if not kept:
            return None
        columns = min(COLUMNS, len(kept))
        hidden = Hidden(
            picture=_tiled([small.hidden.picture for small in kept], columns=columns),
            faces=sum(small.hidden.faces for small in kept),
            plates=sum(small.hidden.plates for small in kept),
        )
        return Sheet(
            picture=self._privacy.encoded(hidden, max_bytes=MAX_BYTES),
            columns=columns,
            taken_at=tuple(small.at for small in kept),
        )


def _is_continued(before: _Small, after: _Small) -> bool:
    return after.at >= before.at and after.hidden.picture.shape == before.hidden.picture.shape


def _scaled(hidden: Hidden) -> Hidden:
    height, width = hidden.picture.shape[:2]
    scale = min(1.0, math.sqrt(AREA_PX / (height * width)))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(hidden.picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    return Hidden(picture=small, faces=hidden.faces, plates=hidden.plates)


def _tiled(pictures: list[Image], *, columns: int) -> Image:
    height, width = pictures[0].shape[:2]
    sheet = np.zeros((math.ceil(len(pictures) / columns) * height, columns * width, 3), np.uint8)
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        sheet[row * height : (row + 1) * height, column * width : (column + 1) * width] = picture
    return sheet
