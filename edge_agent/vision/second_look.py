"""A second look at each box, from close by: a small network says where its sides are and what it shows.

The first network sees the whole road at once, and a thin crack fills two of its pixels. Here the surroundings of a box
fill the whole picture, stretched to a square, as large as the frame allows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.readings import Image
from edge_agent.vision.detections import Boxes, Scores
from edge_agent.vision.model_file import CloseUp, Network, logit, sigmoid

SAY: Final = 0.5  # how much the second look has to say beside the first; chosen on the validation photos, see the card
MOST_BOXES: Final = 24  # of a frame; weaker ones are dropped
GREY: Final = 114
Windows = NDArray[np.int64]  # (n, 4) xyxy px, may reach beyond the frame


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidates:
    """Fused boxes of all classes in pixels of the frame."""

    boxes: Boxes
    scores: Scores
    labels: NDArray[np.int64]  # (n,) place of each box's class

    def __len__(self) -> int:
        return len(self.labels)

    def where(self, wanted: NDArray[np.bool_] | NDArray[np.int64]) -> "Candidates":
        return Candidates(boxes=self.boxes[wanted], scores=self.scores[wanted], labels=self.labels[wanted])


def no_candidates() -> Candidates:
    return Candidates(boxes=np.zeros((0, 4), np.float32), scores=np.zeros(0, np.float32), labels=np.zeros(0, np.int64))


def together(parts: Sequence[Candidates]) -> Candidates:
    return Candidates(
        boxes=np.concatenate([part.boxes for part in parts]),
        scores=np.concatenate([part.scores for part in parts]),
        labels=np.concatenate([part.labels for part in parts]),
    )


class SecondLook:
    def __init__(self, network: Network, close_up: CloseUp) -> None:
        self._network = network
        self._close_up = close_up

    def look(self, image: Image, found: Candidates) -> Candidates:
        """The same boxes with sides between those of both looks; a score only falls.

        Its log odds get the log of the chance that the box shows its class at all, by the same share.
        """
        found = found.where(np.argsort(-found.scores, kind="stable")[:MOST_BOXES])
        windows = windows_around(found.boxes, image, self._close_up)
        views = np.empty((len(found), self._close_up.side_px, self._close_up.side_px, 3), np.uint8)
        for view, window in zip(views, windows.tolist(), strict=True):
            fill_view(view, image, window)
        sides, chances = self._network.run(views)
        shown = np.maximum(chances[np.arange(len(found)), found.labels], 1e-6).astype(np.float32)
        boxes = found.boxes + SAY * (from_windows(sides, windows) - found.boxes)
        odds = (logit(found.scores) + SAY * np.log(shown)).astype(np.float32)
        return replace(found, boxes=boxes.astype(np.float32), scores=sigmoid(odds))


def windows_around(boxes: Boxes, image: Image, close_up: CloseUp) -> Windows:
    """What is cut out for each box (n, 4)."""
    least_px = close_up.least * np.sqrt(image.shape[0] * image.shape[1])
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    halves = np.maximum((boxes[:, 2:] - boxes[:, :2]) * close_up.context, least_px) / 2
    return np.concatenate([np.floor(middles - halves), np.ceil(middles + halves)], axis=1).astype(np.int64)


def view_of(image: Image, window: list[int], side_px: int) -> Image:
    """Cut a window out and stretch it to a square; what lies beyond the frame is grey."""
    view = np.empty((side_px, side_px, 3), np.uint8)
    fill_view(view, image, window)
    return view


def fill_view(view: Image, image: Image, window: list[int]) -> None:
    """The same into a square that is there."""
    left, top, right, bottom = window
    height, width = image.shape[:2]
    whole = image[max(top, 0) : min(bottom, height), max(left, 0) : min(right, width)]
    beyond = max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0)
    if any(beyond):
        whole = cv2.copyMakeBorder(whole, *beyond, cv2.BORDER_CONSTANT, value=(GREY, GREY, GREY))
    side_px = len(view)
    smaller = min(right - left, side_px), min(bottom - top, side_px)
    if smaller == (side_px, side_px):
        cv2.resize(whole, smaller, dst=view, interpolation=cv2.INTER_AREA)
        return
    shrunk = cv2.resize(whole, smaller, interpolation=cv2.INTER_AREA)
    cv2.resize(shrunk, (side_px, side_px), dst=view, interpolation=cv2.INTER_LINEAR_EXACT)


def into_windows(boxes: Boxes, windows: Windows) -> NDArray[np.float32]:
    """Boxes (n, 4) as shares of their windows."""
    low, size = windows[:, :2], windows[:, 2:] - windows[:, :2]
    return ((boxes - np.tile(low, 2)) / np.tile(size, 2)).astype(np.float32)


def from_windows(sides: NDArray[np.float32], windows: Windows) -> Boxes:
    """Boxes in pixels of the frame (n, 4) from shares of their windows."""
    low, size = windows[:, :2], windows[:, 2:] - windows[:, :2]
    return (np.tile(low, 2) + sides * np.tile(size, 2)).astype(np.float32)
