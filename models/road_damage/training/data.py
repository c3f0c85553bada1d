"""What the network is shown: photos and drawn scenes, scene by scene in balance, put on a canvas with variation."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.errors import DataError
from models.road_damage.coco import FORBIDDEN_FOR_TRAINING, Photo, decoded
from models.road_damage.drawn_set import CLASSES, drawn_scene
from models.road_damage.training.augment import Canvas, Example, mosaic, single
from models.road_damage.training.paste import Patch, pasted, patch_at, plain_patch
from models.road_damage.training.seams import with_seams

# Share of each source among the photos shown. Chiba looks from a dashboard as a bus does, but has 28 photos with boxes
# and 96 frames with our own; the potholes are hand-held close-ups and easy.
SOURCE_SHARES = {
    "RDD2022/China_MotorBike": 0.58,
    "annotated-potholes": 0.08,
    "RoadDamageDataset2018/Chiba": 0.14,
    "drive/chiba": 0.20,
}
SCENE_POWER = 0.5  # a scene of n photos counts as n ** SCENE_POWER: neither per photo nor per scene
MOST_PASTED = 3
PLAIN_SHARE = 0.5  # of the pictures with pasted damage that get pieces of plain road, too


@dataclass(frozen=True, slots=True)
class Batch:
    pictures: Tensor  # (b, h, w, 3) uint8 BGR
    boxes: list[Tensor]  # (n, 4) xyxy px of each picture
    labels: list[Tensor]  # (n,)
    is_labelled: Tensor  # (b, classes) bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """How often a canvas is a drawn scene, a mosaic of four photos, gets damage of other photos, and gets seams."""

    drawn_share: float
    mosaic_share: float
    paste_share: float
    seam_share: float


class Photos:
    """All training photos decoded once (about 1.3 GB for the whole set), with their chance to be shown."""

    def __init__(self, photos: Sequence[Photo], *, is_balanced: bool = True) -> None:
        self._photos = [photo for photo in photos if photo.source not in FORBIDDEN_FOR_TRAINING]
        if not self._photos:
            raise DataError("no photo of the data may be used for training")
        self._images = [decoded(photo) for photo in self._photos]
        self.chances = _chances(self._photos) if is_balanced else np.full(len(self._photos), 1 / len(self._photos))
        self._places = _places_by_class(self._photos)

    def __len__(self) -> int:
        return len(self._photos)

    def drawn_from(self, rng: np.random.Generator) -> Example:
        return self._example(int(rng.choice(len(self._photos), p=self.chances)))

    def patches(self, rng: np.random.Generator) -> list[Patch]:
        """A few pieces of damage, each class as often as any other, and sometimes as many of plain road."""
        classes = [int(label) for label in rng.integers(0, len(self._places), int(rng.integers(1, MOST_PASTED + 1)))]
        places = [self._places[label][int(rng.integers(len(self._places[label])))] for label in classes]
        cut = [patch_at(self._example(photo), box) for photo, box in places]
        if rng.random() < PLAIN_SHARE:
            cut += [self._plain(photo, box, rng) for photo, box in places]
        return [patch for patch in cut if patch is not None]

    def _plain(self, photo: int, box: int, rng: np.random.Generator) -> Patch | None:
        example = self._example(photo)
        return plain_patch(example, example.boxes[box], rng) if example.is_labelled.all() else None

    def _example(self, index: int) -> Example:
        photo = self._photos[index]
        return Example(self._images[index], photo.boxes, photo.labels, photo.is_labelled)


def next_batch(photos: Photos, rng: np.random.Generator, *, mixture: Mixture, batch_size: int, canvas: Canvas) -> Batch:
    """Make a batch; everything random comes from `rng`."""
    examples = [_next_example(photos, rng, mixture, canvas) for _ in range(batch_size)]
    return Batch(
        pictures=torch.from_numpy(np.stack([example.image for example in examples])),
        boxes=[torch.from_numpy(example.boxes) for example in examples],
        labels=[torch.from_numpy(example.labels) for example in examples],
        is_labelled=torch.from_numpy(np.stack([example.is_labelled for example in examples])),
    )


def without_masks(photos: Sequence[Photo]) -> list[Photo]:
    """The photos as if each source had labelled every class: what it left out then counts as road without damage."""
    return [replace(photo, is_labelled=np.ones_like(photo.is_labelled)) for photo in photos]


def _next_example(photos: Photos, rng: np.random.Generator, mixture: Mixture, canvas: Canvas) -> Example:
    if rng.random() < mixture.drawn_share:
        scene = drawn_scene(rng)
        drawn = Example(scene.image, scene.boxes, scene.labels, np.ones(len(CLASSES), np.bool_))
        return single(_enriched(drawn, photos, rng, mixture), rng, canvas)
    first = _enriched(photos.drawn_from(rng), photos, rng, mixture)
    if rng.random() < mixture.mosaic_share:
        return mosaic([first, *(_like(first, photos, rng) for _ in range(3))], rng, canvas)
    return single(first, rng, canvas)


def _enriched(example: Example, photos: Photos, rng: np.random.Generator, mixture: Mixture) -> Example:
    """Sometimes draw seams, and paste damage into a picture whose source labelled every class."""
    if rng.random() < mixture.seam_share:
        example = with_seams(example, rng)
    if not example.is_labelled.all() or rng.random() >= mixture.paste_share:
        return example
    return pasted(example, photos.patches(rng), rng)


def _like(first: Example, photos: Photos, rng: np.random.Generator) -> Example:
    """Another photo whose source labelled the same classes: a mosaic with a gap would teach nothing of them."""
    while True:
        other = photos.drawn_from(rng)
        if np.array_equal(other.is_labelled, first.is_labelled):
            return other


def _chances(photos: Sequence[Photo]) -> NDArray[np.float64]:
    in_scene = Counter((photo.source, photo.scene) for photo in photos)
    weights = np.array([in_scene[photo.source, photo.scene] ** (SCENE_POWER - 1) for photo in photos])
    for source in {photo.source for photo in photos}:
        is_source = np.array([photo.source == source for photo in photos])
        weights[is_source] *= SOURCE_SHARES.get(source, 0.1) / weights[is_source].sum()
    return weights / weights.sum()


def _places_by_class(photos: Sequence[Photo]) -> list[list[tuple[int, int]]]:
    """For each class that has any, the photos and their boxes that show it."""
    places = [
        [(index, int(box)) for index, photo in enumerate(photos) for box in np.flatnonzero(photo.labels == label)]
        for label in range(len(CLASSES))
    ]
    return [of_class for of_class in places if of_class]
