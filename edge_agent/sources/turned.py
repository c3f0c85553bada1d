"""A camera that hangs upside down: its frames are turned before anybody sees them."""

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np

from edge_agent.readings import FrameReading, Image, Reading, Source


class TurnedSource:
    """What another source yields, its frames turned by 180 degrees."""

    def __init__(self, source: Source) -> None:
        self._source = source

    @property
    def is_live(self) -> bool:
        return self._source.is_live

    def readings(self) -> Iterator[Reading]:
        for reading in self._source.readings():
            yield replace(reading, image=turned(reading.image)) if isinstance(reading, FrameReading) else reading


def turned(image: Image) -> Image:
    """The picture as a camera that stands upright would have taken it."""
    return cv2.rotate(image, cv2.ROTATE_180).astype(np.uint8, copy=False)
