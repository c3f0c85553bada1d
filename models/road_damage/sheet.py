"""Contact sheets of what a model got wrong. They hold photos: never put them into the repository."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.readings import Image
from edge_agent.vision.detections import areas
from models.road_damage.coco import decoded
from models.road_damage.drawn_set import CLASSES
from models.road_damage.error_model import is_stray
from models.road_damage.score import Outcome

COLUMNS, ROWS = 5, 5
TILE_PX = 260
TRUTH_BGR, FOUND_BGR, WORST_BGR = (80, 200, 80), (60, 160, 255), (40, 40, 230)
MOST_OF_SCENE = 3  # tiles: one spot must not fill the sheet


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mistake:
    """One box of a picture that was missed or invented."""

    outcome: Outcome
    box: NDArray[np.float32]
    words: str
    weight: float  # the worst is the largest


def write_sheets(outcomes: Sequence[Outcome], folder: Path, threshold: float) -> None:
    """Write misses.jpg (the largest) and false_alarms.jpg (the surest)."""
    sure = [outcome.surer_than(threshold) for outcome in outcomes]
    for name, mistakes in (("misses.jpg", misses(sure)), ("false_alarms.jpg", false_alarms(sure))):
        cv2.imwrite(str(folder / name), _sheet(worst(mistakes)))


def misses(outcomes: Sequence[Outcome]) -> Iterable[Mistake]:
    for outcome in outcomes:
        truth = outcome.truth
        size = areas(truth.boxes) / (truth.width_px * truth.height_px)
        for index in np.setdiff1d(np.arange(len(truth.boxes)), outcome.match):
            words = f"missed {CLASSES[int(truth.labels[index])]}"
            yield Mistake(outcome=outcome, box=truth.boxes[index], words=words, weight=float(size[index]))


def false_alarms(outcomes: Sequence[Outcome]) -> Iterable[Mistake]:
    """Boxes on no damage at all; those that are only badly placed are in neither sheet."""
    for outcome in outcomes:
        for index in np.flatnonzero(is_stray(outcome)):
            words = f"{CLASSES[int(outcome.labels[index])]} {outcome.scores[index]:.2f}"
            yield Mistake(outcome=outcome, box=outcome.boxes[index], words=words, weight=float(outcome.scores[index]))


def worst(mistakes: Iterable[Mistake]) -> list[Mistake]:
    """As many as a sheet holds, only a few of one scene."""
    of_scene: dict[tuple[str, str], int] = {}
    kept: list[Mistake] = []
    for mistake in sorted(mistakes, key=lambda one: -one.weight):
        scene = mistake.outcome.scene
        of_scene[scene] = of_scene.get(scene, 0) + 1
        if of_scene[scene] <= MOST_OF_SCENE and len(kept) < COLUMNS * ROWS:
            kept.append(mistake)
    return kept


def _sheet(mistakes: Sequence[Mistake]) -> Image:
    sheet = np.full((ROWS * TILE_PX, COLUMNS * TILE_PX, 3), 255, np.uint8)
    for place, mistake in enumerate(mistakes):
        top, left = place // COLUMNS * TILE_PX, place % COLUMNS * TILE_PX
        sheet[top : top + TILE_PX, left : left + TILE_PX] = _tile(mistake)
    return sheet


def _tile(mistake: Mistake) -> Image:
    image = decoded(mistake.outcome.truth)
    scale = TILE_PX / max(image.shape[:2])
    small = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    for boxes, colour in ((mistake.outcome.truth.boxes, TRUTH_BGR), (mistake.outcome.boxes, FOUND_BGR)):
        for box in boxes:
            _rectangle(small, box * scale, colour)
    _rectangle(small, mistake.box * scale, WORST_BGR)
    cv2.putText(small, mistake.words, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.45, WORST_BGR, 1, cv2.LINE_AA)
    tile = np.full((TILE_PX, TILE_PX, 3), 255, np.uint8)
    tile[: small.shape[0], : small.shape[1]] = small[:TILE_PX, :TILE_PX]
    return tile


def _rectangle(image: Image, box: NDArray[np.float32], colour: tuple[int, int, int]) -> None:
    left, top, right, bottom = (round(float(side)) for side in box)
    cv2.rectangle(image, (left, top), (right, bottom), colour, 1)
