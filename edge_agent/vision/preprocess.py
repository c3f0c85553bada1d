"""From a frame to a network's input: one resize, and back."""

import math
import threading
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from cv2.typing import MatLike

from edge_agent.readings import Image
from edge_agent.vision.detections import Boxes

OWN_SCALE: Final = 0.1
"""A frame goes in as it is, or reduced by a whole number, where that comes so near the trained scale: training varies
it by more."""
AVERAGED_BELOW: Final = 0.7
"""Scale below which a frame is averaged: interpolated at 0.6, a thin crack keeps a third of its weight or all of it, by
where it lies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputShape:
    """How large a picture the network was trained on, and of what its sides must be multiples."""

    width_px: int
    height_px: int
    stride_px: int
    pad: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How a frame was fitted into the input."""

    scale_x: float
    scale_y: float
    frame_width_px: int
    frame_height_px: int

    def to_frame(self, boxes: Boxes) -> Boxes:
        """Boxes of the input (n, 4) in pixels of the frame, cut at its edges."""
        scale = np.array([self.scale_x, self.scale_y] * 2, np.float32)
        limit = np.array([self.frame_width_px, self.frame_height_px] * 2, np.float32)
        return np.clip(boxes / scale, 0, limit).astype(np.float32)


class Letterbox:
    """Fits frame after frame into one and the same buffer."""

    def __init__(self, shape: InputShape) -> None:
        self._shape = shape
        self._buffer = np.zeros((0, 0, 3), np.uint8)
        self._content_px = 0, 0  # width, height
        self._interpolation = _Interpolation()

    def fit(self, image: Image) -> tuple[Image, Fit]:
        """Scale to the trained number of pixels, keep the aspect, pad right and below to multiples of the stride.

        The picture is the frame itself where nothing need be done to it, else it is good until the next call.
        """
        height, width = image.shape[:2]
        new_width, new_height = self._size_of(width, height)
        fit = Fit(scale_x=new_width / width, scale_y=new_height / height, frame_width_px=width, frame_height_px=height)
        if self._fits(image, new_width, new_height):
            return image, fit
        content = self._content(new_width, new_height)
        if (new_width, new_height) == (width, height):
            np.copyto(content, image)
        else:
            _resize(image, content, self._interpolation)
        return self._buffer, fit

    def _size_of(self, width: int, height: int) -> tuple[int, int]:
        scale = math.sqrt(self._shape.width_px * self._shape.height_px / (width * height))
        whole = max(1, round(1 / scale))
        if width % whole == height % whole == 0 and abs(scale * whole - 1.0) <= OWN_SCALE:
            return width // whole, height // whole
        return max(1, round(width * scale)), max(1, round(height * scale))

    def _fits(self, image: Image, new_width: int, new_height: int) -> bool:
        stride, (height, width) = self._shape.stride_px, image.shape[:2]
        is_same = (new_width, new_height) == (width, height) and image.flags.c_contiguous
        return is_same and width % stride == 0 and height % stride == 0

    def _content(self, width: int, height: int) -> Image:
        """The part of the buffer that the frame fills; what pads it is set once."""
        if self._content_px != (width, height):
            stride = self._shape.stride_px
            self._buffer = np.full((_up(height, stride), _up(width, stride), 3), self._shape.pad, np.uint8)
            self._content_px = width, height
        return self._buffer[:height, :width]


class Ahead:
    """Fits frames into two buffers in turn: the next one may be made ready while the network looks at the other."""

    def __init__(self, shape: InputShape) -> None:
        self._boxes = [Letterbox(shape), Letterbox(shape)]
        self._ready: tuple[Image, tuple[Image, Fit]] | None = None
        self._lock = threading.Lock()

    def prepare(self, image: Image) -> None:
        """Fit a frame that is taken next; from any thread."""
        with self._lock:
            self._ready = image, self._other().fit(image)

    def take(self, image: Image) -> tuple[Image, Fit]:
        """The frame as `Letterbox.fit` gives it; good until the frame after the next is prepared or taken."""
        with self._lock:
            if self._ready is None or self._ready[0] is not image:
                return self._other().fit(image)
            (_, fitted), self._ready = self._ready, None
            return fitted

    def _other(self) -> Letterbox:
        self._boxes.reverse()
        return self._boxes[0]


class _Interpolation:
    """Gives the same bits on every processor, so that a bus finds what was measured.

    OpenCV has a fast way for four channels and none for three: with one more it takes two thirds of the time.
    """

    def __init__(self) -> None:
        self._four: MatLike | None = None
        self._smaller: MatLike | None = None

    def fill(self, image: Image, content: Image) -> None:
        """Fill `content` with the whole image; memory is used again while sizes stay."""
        height, width = content.shape[:2]
        self._four = cv2.cvtColor(image, cv2.COLOR_BGR2BGRA, dst=self._four)
        how = cv2.INTER_LINEAR_EXACT
        self._smaller = cv2.resize(self._four, (width, height), dst=self._smaller, interpolation=how)
        cv2.cvtColor(self._smaller, cv2.COLOR_BGRA2BGR, dst=content)


def letterbox(image: Image, shape: InputShape) -> tuple[Image, Fit]:
    """Fit one picture, see `Letterbox.fit`."""
    return Letterbox(shape).fit(image)


def _resize(image: Image, content: Image, interpolation: _Interpolation) -> None:
    """Fill `content`: halve while that is not too small, then interpolate, or average if much is left to shrink.

    The mean of 2 x 2 pixels and interpolation are fast; a mean over 1.28 x 1.28 takes seven times as long. Nearer to
    one half interpolation would skip thin cracks.
    """
    height, width = content.shape[:2]
    while image.shape[0] >= 2 * height and image.shape[1] >= 2 * width:
        half = image.shape[1] // 2, image.shape[0] // 2
        if half == (width, height):
            cv2.resize(image, half, dst=content, interpolation=cv2.INTER_AREA)
            return
        image = cv2.resize(image, half, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    if width < AVERAGED_BELOW * image.shape[1]:
        cv2.resize(image, (width, height), dst=content, interpolation=cv2.INTER_AREA)
    else:
        interpolation.fill(image, content)


def _up(value: int, stride: int) -> int:
    return -(-value // stride) * stride
