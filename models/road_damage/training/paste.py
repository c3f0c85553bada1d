"""Damage of one photo put on the road of another: a crack is known by how it darkens the road, whichever road it is."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.readings import Image
from edge_agent.vision.detections import overlaps
from models.road_damage.training.augment import Example

MARGIN = 0.15  # of the box's sides, around it; there the transplant fades out
SMALLEST_DONOR_PX = 24
# Lane paint must not travel with a crack. Grain is smoothed away before it is looked for.
BRIGHTEST = 1.3  # of a patch, times the median of its border: more is white paint
MOST_COLOUR = 0.1  # share by which a channel leaves the grey of the patch: more is yellow paint
PAINT_SHARE = 3  # per cent of a patch that make it painted
FAINTEST = 0.05  # share by which the darkest lines lie below their surroundings once shown: less teaches to see nothing
MOST_OVERLAP = 0.05  # with damage that is already there
TRIES = 8
GREATEST_COLOUR = 55  # mean saturation of a place that may be road
GREATEST_EDGE = 45  # mean absolute gradient of a place that may be road
SIDE_SHARES = 0.12, 0.6  # of the target's width that a transplant covers
FLATNESS = 0.35, 1.0  # of its height, for a view further along the road


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """How a piece of damage changes the road's brightness, with a margin that fades."""

    ratio: NDArray[np.float32]  # (h, w, 3)
    label: int | None  # None of a piece of road without damage
    box: NDArray[np.float32]  # (4,) xyxy px of the damage within the patch


def patch_at(example: Example, index: int) -> Patch | None:
    """Cut out the damage of one box; None if other damage overlaps it, it is tiny or brings lane paint along."""
    box = example.boxes[index]
    overlap, _ = overlaps(box[None], np.delete(example.boxes, index, axis=0))
    if overlap.max(initial=0) >= MOST_OVERLAP:
        return None
    return _patch(example.image, box, int(example.labels[index]))


def plain_patch(example: Example, like: NDArray[np.float32], rng: np.random.Generator) -> Patch | None:
    """Cut out road without damage, as large as a box: pasted, it teaches that another tone of road is no damage."""
    height, width = example.image.shape[:2]
    sides = like[2:] - like[:2]
    room = np.array([width, height], np.float32) - sides
    for _ in range(TRIES):
        low = room * np.array([rng.random(), rng.uniform(0.45, 1.0)])
        box = np.concatenate([low, low + sides]).astype(np.float32)
        overlap, _ = overlaps(box[None], example.boxes)
        left, top, right, bottom = box.astype(int)
        if overlap.max(initial=0) == 0 and _looks_like_road(example.image[top:bottom, left:right]):
            return _patch(example.image, box, None)
    return None


def _patch(image: Image, box: NDArray[np.float32], label: int | None) -> Patch | None:
    height, width = image.shape[:2]
    margin = MARGIN * (box[2:] - box[:2]) + 4
    left, top = np.maximum(np.floor(box[:2] - margin), 0).astype(int)
    right, bottom = np.minimum(np.ceil(box[2:] + margin), [width, height]).astype(int)
    if max(right - left, bottom - top) < SMALLEST_DONOR_PX:
        return None
    cut = image[top:bottom, left:right].astype(np.float32) + 1
    ratio = cut / _around(cut)
    if _is_painted(ratio):
        return None
    return Patch(ratio, label, box - np.array([left, top, left, top], np.float32))


def _is_painted(ratio: NDArray[np.float32]) -> bool:
    grey = cv2.GaussianBlur(ratio.mean(axis=2), (0, 0), 2.0)
    tint = ratio / ratio.mean(axis=2, keepdims=True)
    colour = np.abs(tint - np.median(tint, axis=(0, 1))).max(axis=2)
    is_white = np.percentile(grey, 100 - PAINT_SHARE) > BRIGHTEST * np.median(grey[_border(*grey.shape)])
    return bool(is_white or np.percentile(colour, 100 - PAINT_SHARE) > MOST_COLOUR)


def _is_visible(patch: Patch) -> bool:
    grey = patch.ratio.mean(axis=2)
    lines = cv2.GaussianBlur(grey, (0, 0), 8.0) - cv2.GaussianBlur(grey, (0, 0), 1.5)
    return bool(np.percentile(lines, 98) > FAINTEST)


def _around(cut: NDArray[np.float32]) -> NDArray[np.float32]:
    """Brightness of the road under a cut: the plane through its border, by least squares."""
    height, width = cut.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    is_border = _border(height, width)
    terms = np.stack([np.ones_like(x), x / width, y / height], axis=-1)
    weights, *_ = np.linalg.lstsq(terms[is_border], cut[is_border], rcond=None)
    return np.maximum(terms @ weights, 8).astype(np.float32)


def _border(height: int, width: int) -> NDArray[np.bool_]:
    is_border = np.zeros((height, width), np.bool_)
    edge = max(2, min(height, width) // 12)
    is_border[:edge] = is_border[-edge:] = is_border[:, :edge] = is_border[:, -edge:] = True
    return is_border


def pasted(example: Example, patches: Sequence[Patch], rng: np.random.Generator) -> Example:
    """Put each patch on a piece of road of the example that is free; skip what finds no place or is too faint."""
    image, boxes, labels = example.image.copy(), example.boxes, example.labels
    for patch in patches:
        shown = _resized(patch, rng, image.shape[1])
        is_shown = shown.label is None or _is_visible(shown)
        place = _free_place(image, boxes, shown, rng) if is_shown else None
        if place is None:
            continue
        _darken(image, shown.ratio, place)
        if shown.label is not None:
            box = shown.box + np.tile(np.array(place, np.float32), 2)
            boxes = np.concatenate([boxes, box[None]])
            labels = np.append(labels, shown.label)
    return Example(image, boxes.astype(np.float32), labels, example.is_labelled)


def _resized(patch: Patch, rng: np.random.Generator, target_width: int) -> Patch:
    longest = float(max(patch.ratio.shape[:2]))
    wanted = target_width * np.exp(rng.uniform(*np.log(SIDE_SHARES)))
    scale = float(min(wanted / longest, 1.25))
    flat = scale * float(rng.uniform(*FLATNESS))
    ratio = cv2.resize(patch.ratio, None, fx=scale, fy=flat, interpolation=cv2.INTER_AREA)
    box = patch.box * np.array([scale, flat, scale, flat], np.float32)
    if rng.random() < 0.5:  # noqa: PLR2004
        ratio = ratio[:, ::-1]
        box = np.array([ratio.shape[1] - box[2], box[1], ratio.shape[1] - box[0], box[3]], np.float32)
    return Patch(np.ascontiguousarray(ratio, np.float32), patch.label, box)


def _free_place(
    image: Image, boxes: NDArray[np.float32], patch: Patch, rng: np.random.Generator
) -> tuple[int, int] | None:
    """Left and top of a place in the lower part that looks like plain road and holds no damage yet."""
    height, width = image.shape[:2]
    tall, wide = patch.ratio.shape[:2]
    if tall >= height * 0.9 or wide >= width * 0.95:
        return None
    for _ in range(TRIES):
        left = int(rng.integers(0, width - wide))
        top = int(rng.integers(min(int(height * 0.45), height - tall - 1), height - tall))
        area = np.array([[left, top, left + wide, top + tall]], np.float32)
        if len(boxes) and max(part.max() for part in overlaps(area, boxes)) > MOST_OVERLAP:
            continue
        if _looks_like_road(image[top : top + tall, left : left + wide]):
            return left, top
    return None


def _looks_like_road(cut: Image) -> bool:
    small = cv2.resize(cut, (32, 32), interpolation=cv2.INTER_AREA)
    saturation = cv2.cvtColor(small, cv2.COLOR_BGR2HSV)[..., 1].mean()
    grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).astype(np.float32)
    edges = np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean()
    return bool(saturation < GREATEST_COLOUR and edges < GREATEST_EDGE / 2 and grey.std() < GREATEST_EDGE / 2)


def _darken(image: Image, ratio: NDArray[np.float32], place: tuple[int, int]) -> None:
    height, width = ratio.shape[:2]
    view = image[place[1] : place[1] + height, place[0] : place[0] + width]
    fade = np.outer(_window(height), _window(width))[..., None].astype(np.float32)
    view[:] = np.clip(view * (1 + (ratio - 1) * fade), 0, 255)


def _window(length: int) -> NDArray[np.float64]:
    """Rises from 0 to 1 within the margin at both ends."""
    from_end = np.minimum(np.arange(length), np.arange(length)[::-1]) + 0.5
    return np.clip(from_end / (max(length * MARGIN / (1 + 2 * MARGIN), 1)), 0, 1)
