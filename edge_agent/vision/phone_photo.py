"""Photos of phones, whose sensor lies turned: their metadata says how."""

import cv2
import numpy as np

from edge_agent.errors import PictureError
from edge_agent.readings import Image


def read_upright(content: bytes, *, max_bytes: int) -> Image:
    """Decode a photo as a person sees it.

    Raises:
        PictureError: it is none, or too large.
    """
    if len(content) > max_bytes:
        raise PictureError(f"more than {max_bytes} bytes")
    if not content:
        raise PictureError("there is no photo")
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)  # turned by its EXIF orientation
    except cv2.error as error:
        raise PictureError("this is no photo, or too large a one") from error
    if image is None:
        raise PictureError("this is no photo")
    return image.astype(np.uint8, copy=False)
