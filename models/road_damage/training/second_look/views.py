"""What the second look is shown: boxes that are a little wrong, pieces of damage, and places where there is none."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edge_agent.readings import Image
from edge_agent.vision.detections import covered, overlaps
from edge_agent.vision.second_look import into_windows, view_of, windows_around
from models.road_damage.drawn_set import CLASSES, drawn_scene
from models.road_damage.release import CLOSE_UP
from models.road_damage.training.augment import Example
from models.road_damage.training.data import Photos
from models.road_damage.training.weather import weathered

NOTHING: Final = len(CLASSES)  # the label of a view that shows no damage
DRAWN_SCENES: Final = 400
DRAWN_SHARE: Final = 0.15
NOTHING_SHARE: Final = 0.4
PIECE_SHARE: Final = 0.35  # of the boxes that are pieces of a crack; the others are the whole, a little off
CLEAR_IOU: Final = 0.2  # a place overlaps damage by less …
CLEAR_COVERED: Final = 0.5  # … and less of it is damage
LEAST_IOU: Final = 0.2
LEAST_PX: Final = 3.0
TRIES: Final = 20
Box = NDArray[np.float64]  # (4,) xyxy px


@dataclass(frozen=True, slots=True)
class Views:
    pictures: Tensor  # (b, side, side, 3) uint8 BGR
    sides: Tensor  # (b, 4) of the damage as shares of the view; meaningless where there is none
    labels: Tensor  # (b,) class, or NOTHING


class Shown:
    """Photos, scene by scene in balance, and a pool of drawn scenes."""

    def __init__(self, photos: Photos, rng: np.random.Generator, *, scenes: int = DRAWN_SCENES) -> None:
        self._photos = photos
        drawn = [drawn_scene(rng) for _ in range(scenes)]
        every = np.ones(len(CLASSES), np.bool_)
        self._drawn = [Example(scene.image, scene.boxes, scene.labels, every) for scene in drawn if len(scene.boxes)]

    def with_damage(self, rng: np.random.Generator) -> Example:
        while True:
            is_drawn = self._drawn and rng.random() < DRAWN_SHARE
            example = self._drawn[int(rng.integers(len(self._drawn)))] if is_drawn else self._photos.drawn_from(rng)
            if len(example.boxes):
                return example


def next_views(shown: Shown, rng: np.random.Generator, *, count: int) -> Views:
    """Make a batch; everything random comes from `rng`."""
    views = [_view(shown, rng) for _ in range(count)]
    return Views(
        pictures=torch.from_numpy(np.stack([picture for picture, _, _ in views])),
        sides=torch.from_numpy(np.stack([sides for _, sides, _ in views])),
        labels=torch.tensor([label for _, _, label in views]),
    )


def _view(shown: Shown, rng: np.random.Generator) -> tuple[Image, NDArray[np.float32], int]:
    example = shown.with_damage(rng)
    if rng.random() < NOTHING_SHARE and example.is_labelled.all():
        box = _plain_place(example, rng)
        if box is not None:
            return (*_mirrored(*_cut(example, box, box, rng), rng), NOTHING)
    index = int(rng.integers(len(example.boxes)))
    truth = example.boxes[index].astype(np.float64)
    box = piece_of(truth, example.image, rng) if rng.random() < PIECE_SHARE else shifted(truth, example.image, rng)
    return (*_mirrored(*_cut(example, box, truth, rng), rng), int(example.labels[index]))


def _cut(example: Example, box: Box, truth: Box, rng: np.random.Generator) -> tuple[Image, NDArray[np.float32]]:
    windows = windows_around(box[None].astype(np.float32), example.image, CLOSE_UP)
    picture = view_of(example.image, windows[0].tolist(), CLOSE_UP.side_px)
    return weathered(picture, rng, is_hard=False), into_windows(truth[None].astype(np.float32), windows)[0]


def _mirrored(
    picture: Image, sides: NDArray[np.float32], rng: np.random.Generator
) -> tuple[Image, NDArray[np.float32]]:
    if rng.random() < 0.5:  # noqa: PLR2004
        return picture, sides
    left, top, right, bottom = sides.tolist()
    return np.ascontiguousarray(picture[:, ::-1]), np.array([1 - right, top, 1 - left, bottom], np.float32)


def shifted(truth: Box, image: Image, rng: np.random.Generator) -> Box:
    """A box as a detector might have it: moved, wider or flatter, but still of this damage."""
    size = truth[2:] - truth[:2]
    for _ in range(TRIES):
        much = rng.choice([0.5, 1.0, 1.5])
        middle = (truth[:2] + truth[2:]) / 2 + rng.normal(0, 0.16 * much, 2) * size
        half = size * np.exp(rng.normal(0, [0.3 * much, 0.25 * much])) / 2
        box = _inside(np.concatenate([middle - half, middle + half]), image)
        if _is_large(box) and _overlap(box, truth[None])[0][0] > LEAST_IOU:
            return box
    return truth


def piece_of(truth: Box, image: Image, rng: np.random.Generator) -> Box:
    """Part of a crack's length, and its width not quite right."""
    size = truth[2:] - truth[:2]
    along = int(size.argmax())
    across = 1 - along
    box = truth.copy()
    share = rng.uniform(0.35, 0.9)
    box[along] += rng.uniform(0, 1 - share) * size[along]
    box[along + 2] = box[along] + share * size[along]
    half = size[across] * np.exp(rng.normal(0, 0.35)) / 2
    middle = (truth[across] + truth[across + 2]) / 2 + rng.normal(0, 0.2) * size[across]
    box[across], box[across + 2] = middle - half, middle + half
    box = _inside(box, image)
    return box if _is_large(box) else truth


def _plain_place(example: Example, rng: np.random.Generator) -> Box | None:
    """A place of a box's size that shows no damage: anywhere on the road, or beside some."""
    height, width = example.image.shape[:2]
    for _ in range(TRIES):
        own = example.boxes[int(rng.integers(len(example.boxes)))].astype(np.float64)
        size = np.minimum((own[2:] - own[:2]) * np.exp(rng.normal(0, 0.4, 2)), [width - 4, height - 4])
        if rng.random() < 0.5:  # noqa: PLR2004
            middle = rng.uniform([0, 0.35 * height], [width, height])
        else:
            middle = (own[:2] + own[2:]) / 2 + rng.normal(0, 0.8, 2) * np.maximum(own[2:] - own[:2], 20)
        box = _inside(np.concatenate([middle - size / 2, middle + size / 2]), example.image)
        if not _is_large(box):
            continue
        iou, damaged = _overlap(box, example.boxes)
        if iou.max() < CLEAR_IOU and damaged.max() < CLEAR_COVERED:
            return box
    return None


def _overlap(box: Box, others: NDArray[np.floating]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """IoU with each of the others, and the share of the box that each covers."""
    one, many = box[None].astype(np.float32), others.astype(np.float32)
    iou, _ = overlaps(one, many)
    return iou[0], covered(one, many)[0]


def _inside(box: Box, image: Image) -> Box:
    height, width = image.shape[:2]
    return np.clip(box, 0, [width, height, width, height])


def _is_large(box: Box) -> bool:
    return bool((box[2:] - box[:2]).min() > LEAST_PX)
