"""Boxes and words on a picture: the one place for what people look at."""

from typing import Final

import cv2
import numpy as np

from edge_agent.readings import Image
from edge_agent.vision.detections import Box, Detections

Colour = tuple[int, int, int]  # BGR

COLOURS: Final[dict[str, Colour]] = {
    "D00": (60, 60, 240),
    "D10": (0, 150, 255),
    "D20": (220, 90, 210),
    "D40": (240, 180, 0),
}
OTHER_COLOUR: Final[Colour] = (200, 200, 200)
_DARK: Final[Colour] = (20, 20, 20)
_FONT: Final = cv2.FONT_HERSHEY_SIMPLEX
_PAD_PX: Final = 3
_WIDTH_PX: Final = 640  # of a picture on which text has its plain size


def draw_detections(picture: Image, found: Detections) -> None:
    """Draw boxes with class and confidence, in place."""
    for box, confidence, code in zip(found.boxes, found.confidences, found.class_codes, strict=True):
        draw_box(picture, box, f"{code} {confidence:.2f}", colour_of(code))


def colour_of(class_code: str) -> Colour:
    return COLOURS.get(class_code, OTHER_COLOUR)


def draw_box(picture: Image, box: Box, text: str, colour: Colour) -> None:
    """Draw one box with its words above it, or inside where there is no room."""
    left, top, right, bottom = (round(float(edge)) for edge in box)
    cv2.rectangle(picture, (left, top), (right, bottom), colour, stroke_px(picture))
    draw_text(picture, text, left_px=left, bottom_px=top, colour=colour)


def draw_text(picture: Image, text: str, *, left_px: int, bottom_px: int, colour: Colour) -> None:
    """Write on a ground of the colour, moved as far as needed to be inside the picture."""
    scale, pad = text_scale(picture), _PAD_PX
    (width, height), _ = cv2.getTextSize(text, _FONT, scale, 1)
    left = min(max(0, left_px), max(0, picture.shape[1] - width - 2 * pad))
    top = min(max(0, bottom_px - height - 2 * pad), max(0, picture.shape[0] - height - 2 * pad))
    cv2.rectangle(picture, (left, top), (left + width + 2 * pad, top + height + 2 * pad), colour, cv2.FILLED)
    ink = _DARK if sum(colour) > 300 else (255, 255, 255)  # noqa: PLR2004 - the brighter half of colours
    cv2.putText(picture, text, (left + pad, top + height + pad), _FONT, scale, ink, 1, cv2.LINE_AA)


def draw_dashes(picture: Image, *, row_px: float, fall: float, colour: Colour) -> None:
    """Draw a dashed line across the picture, as `draw_line` does."""
    dash_px = max(6, picture.shape[1] // 60)
    for left in range(0, picture.shape[1], 2 * dash_px):
        draw_line(picture, row_px=row_px, fall=fall, from_px=left, to_px=left + dash_px, colour=colour)


def draw_line(
    picture: Image, *, row_px: float, fall: float, colour: Colour, from_px: int = 0, to_px: int | None = None
) -> None:
    """Draw a line that has a row in the middle of the picture and falls so far for each column to the right.

    It goes from edge to edge unless told otherwise.
    """
    width = picture.shape[1]
    begin, end = ((u, round(row_px + fall * (u - width / 2))) for u in (from_px, width if to_px is None else to_px))
    cv2.line(picture, begin, end, colour, stroke_px(picture), cv2.LINE_AA)


def tint_rows(picture: Image, *, top_px: float, bottom_px: float, colour: Colour, share: float) -> None:
    """Mix a colour into a band across the picture."""
    rows = picture[max(0, round(top_px)) : max(0, round(bottom_px))]
    rows[:] = (rows * np.float32(1 - share) + np.array(colour, np.float32) * np.float32(share)).astype(np.uint8)


def stroke_px(picture: Image) -> int:
    return max(1, round(2 * picture.shape[1] / _WIDTH_PX))


def text_height_px(picture: Image) -> int:
    """Height of a line of text with its ground."""
    (_, height), _ = cv2.getTextSize("D", _FONT, text_scale(picture), 1)
    return height + 2 * _PAD_PX


def text_scale(picture: Image) -> float:
    return max(0.4, 0.5 * picture.shape[1] / _WIDTH_PX)
