"""Altered photos of faces, with the truth known: lids drawn over the eyes, and heads turned as a mesh in space."""

import math
from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay

from edge_agent.readings import Image
from edge_agent.vision.face_mesh import Points

LASHES: Final = 0.15  # of the opening's height above the lid's edge comes down with it
SKIN: Final = 1.0  # of the opening's height above the lid is stretched
OVER: Final = 0.1  # of the opening's height a shut lid lies over the lower one


def with_closed_eyes(image: Image, outlines: Sequence[Points], closed: float) -> Image:
    """The upper lids drawn down over a share of the opening: the skin above is stretched, column by column."""
    height, width = image.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    source = rows.copy()
    for outline in outlines:
        left, right = sorted(outline[[0, 8], 0])
        x: NDArray[np.int64] = np.arange(math.ceil(left), math.floor(right) + 1, dtype=np.int64)
        high, low = (_line(outline[ids], x) for ids in ([0, *range(9, 16), 8], list(range(9))))
        tall = float((low - high).max())
        opening = np.maximum(low - high, 0.0)
        edge, lid = high + closed * (1 + OVER) * opening, high - LASHES * opening
        for column, seam, shown in zip(x, edge, lid, strict=True):
            begin = shown - SKIN * tall
            moved = (rows[:, column] >= begin) & (rows[:, column] < seam)
            share = (rows[moved, column] - begin) / (seam - begin)
            source[moved, column] = begin + share * (closed * shown + (1 - closed) * seam - begin)
    return cv2.remap(image, columns, source, cv2.INTER_LINEAR).astype(np.uint8)


def _line(line: Points, x: NDArray[np.int64]) -> NDArray[np.float64]:
    line = line[np.argsort(line[:, 0])]
    return np.interp(x, line[:, 0], line[:, 1])


def turned(image: Image, points: Points, *, right_deg: float) -> Image:
    """The mesh turned to the head's own right in space, on the photo's mean colour; far triangles are drawn first."""
    middle = points.mean(axis=0)
    angle = math.radians(right_deg)
    about = points - middle
    moved = about.copy()
    moved[:, 0] = about[:, 0] * math.cos(angle) + about[:, 2] * math.sin(angle)
    moved[:, 2] = -about[:, 0] * math.sin(angle) + about[:, 2] * math.cos(angle)
    moved += middle
    canvas = np.full_like(image, image.mean(axis=(0, 1)).astype(np.uint8))
    triangles = Delaunay(points[:, :2]).simplices
    for triangle in triangles[np.argsort(-moved[triangles, 2].mean(axis=1))]:
        _draw(canvas, image, points[triangle, :2], moved[triangle, :2])
    return canvas


def _draw(canvas: Image, image: Image, source: Points, target: Points) -> None:
    low, high = np.floor(target.min(0)).astype(int) - 1, np.ceil(target.max(0)).astype(int) + 2
    low, high = np.maximum(low, 0), np.minimum(high, [canvas.shape[1], canvas.shape[0]])
    width, height = high - low
    if width <= 0 or height <= 0:
        return
    to_target = cv2.getAffineTransform(source.astype(np.float32), (target - low).astype(np.float32))
    piece = cv2.warpAffine(image, to_target, (int(width), int(height)), borderMode=cv2.BORDER_REFLECT)
    mask = np.zeros((height, width), np.uint8)
    corners = np.asarray((target - low) * 16 + 0.5, np.int32)
    cv2.fillConvexPoly(mask, corners, 255, lineType=cv2.LINE_8, shift=4)
    canvas[low[1] : high[1], low[0] : high[0]][mask > 0] = piece[mask > 0]
