"""From a frame to a network's input: one resize, and back."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from edge_agent.readings import Image
from edge_agent.vision.detections import Boxes


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


def letterbox(image: Image, shape: InputShape) -> tuple[Image, Fit]:
    """Scale to the trained number of pixels, keep the aspect, pad right and below to multiples of the stride."""
    height, width = image.shape[:2]
    scale = math.sqrt(shape.width_px * shape.height_px / (width * height))
    new_width, new_height = max(1, round(width * scale)), max(1, round(height * scale))
    padded = np.full((_up(new_height, shape.stride_px), _up(new_width, shape.stride_px), 3), shape.pad, np.uint8)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    cv2.resize(image, (new_width, new_height), dst=padded[:new_height, :new_width], interpolation=how)
    fit = Fit(scale_x=new_width / width, scale_y=new_height / height, frame_width_px=width, frame_height_px=height)
    return padded, fit


def _up(value: int, stride: int) -> int:
    return -(-value // stride) * stride
