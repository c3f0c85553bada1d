"""A camera by OpenCV: V4L2 device, RTSP stream or GStreamer pipeline."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.errors import SourceError
from edge_agent.readings import FrameReading, Image, Reading
from edge_agent.sources.reopen import reopen_for_ever

GSTREAMER: Final = "gst:"
_DIMENSIONS: Final = 3  # rows, columns, colours
_COLOURS: Final = 3
_EARLY: Final = 0.8  # a frame this share of its interval after the last one is due: cameras jitter


class CameraSource:
    """Grabs every frame, decodes those that are due, and opens the camera again when it is lost."""

    is_live = True

    def __init__(
        self,
        address: str,
        *,
        camera_id: str,
        width_px: int,
        height_px: int,
        frames_per_s: float,
        now: Callable[[], datetime],
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._address = address
        self._camera_id = camera_id
        self._size_px = width_px, height_px
        self._interval_s = 1 / frames_per_s
        self._now = now
        self._wait = wait

    def readings(self) -> Iterator[Reading]:
        return reopen_for_ever(self._frames, source=f"camera {self._camera_id}", wait=self._wait)

    def _frames(self) -> Iterator[FrameReading]:
        capture = self._open()
        last_at: datetime | None = None
        try:
            while capture.grab():
                at = self._now()
                if last_at is not None and 0.0 <= (at - last_at).total_seconds() < _EARLY * self._interval_s:
                    continue
                is_read, image = capture.retrieve()
                if is_read:
                    last_at = at
                    yield FrameReading(at=at, camera_id=self._camera_id, image=_of_three_colours(image))
        finally:
            capture.release()
        raise SourceError(f"{_without_password(self._address)} gives no more frames")

    def _open(self) -> cv2.VideoCapture:
        if self._address.startswith(GSTREAMER):
            capture = cv2.VideoCapture(self._address.removeprefix(GSTREAMER), cv2.CAP_GSTREAMER)
        elif "://" in self._address:
            capture = cv2.VideoCapture(self._address, cv2.CAP_FFMPEG)
        else:
            capture = cv2.VideoCapture(self._address, cv2.CAP_V4L2)
            capture.set(cv2.CAP_PROP_FRAME_WIDTH, self._size_px[0])
            capture.set(cv2.CAP_PROP_FRAME_HEIGHT, self._size_px[1])
        if not capture.isOpened():
            raise SourceError(f"{_without_password(self._address)} cannot be opened")
        return capture


def _of_three_colours(image: NDArray[Any]) -> Image:
    if image.ndim != _DIMENSIONS or image.shape[2] != _COLOURS:
        raise SourceError(
            f"gives pictures of the form {image.shape}; three colours are expected,"
            " as after `videoconvert ! video/x-raw,format=BGR ! appsink`"
        )
    return image.astype(np.uint8, copy=False)


def _without_password(address: str) -> str:
    """Address as it may stand in a log: RTSP carries user and password, a pipeline may do so anywhere."""
    if address.startswith(GSTREAMER):
        return "the pipeline of GStreamer"
    scheme, mark, rest = address.partition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}" if mark else address
