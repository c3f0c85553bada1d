"""The network on validation photos and drawn scenes while it trains."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from edge_agent.readings import Image
from edge_agent.vision.fusion import fused
from models.road_damage.coco import Photo
from models.road_damage.drawn_set import drawn_scene
from models.road_damage.score import Outcome, best_threshold, count, judge, rates
from models.road_damage.training.export import INPUT_HEIGHT_PX, INPUT_WIDTH_PX, NMS_IOU
from models.road_damage.training.network import CLASSES, STRIDES, Detector, normalised

DRAWN_SCENES = 40
DRAWN_SEED = 99
LOWEST_SCORE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """Micro F1 at the threshold that is best for the photos."""

    threshold: float
    f1: float
    precision: float
    recall: float
    f1_by_class: dict[str, float]
    f1_by_source: dict[str, float]
    drawn_f1: float


@torch.no_grad()
def validate(detector: Detector, photos: Sequence[Photo]) -> Validation:
    detector.eval()
    outcomes = [_outcome(detector, _read(photo), photo) for photo in photos]
    threshold = best_threshold(outcomes)
    counts = count(outcomes, threshold)
    total = rates(counts)
    sources = sorted({outcome.source for outcome in outcomes})
    return Validation(
        threshold=threshold,
        f1=total.f1,
        precision=total.precision,
        recall=total.recall,
        f1_by_class={code: rates(counts[index]).f1 for index, code in enumerate(CLASSES)},
        f1_by_source={
            source: rates(count([o for o in outcomes if o.source == source], threshold)).f1 for source in sources
        },
        drawn_f1=rates(count(_drawn_outcomes(detector), threshold)).f1,
    )


def fitted(image: Image) -> tuple[Image, float, float]:
    """Scale a picture to the input's area, pad it to the stride; return it with its scales across and down."""
    height, width = image.shape[:2]
    scale = np.sqrt(INPUT_WIDTH_PX * INPUT_HEIGHT_PX / (width * height))
    new_width, new_height = round(width * scale), round(height * scale)
    small = cv2.resize(image, (new_width, new_height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    right, below = -new_width % STRIDES[-1], -new_height % STRIDES[-1]
    padded = cv2.copyMakeBorder(small, 0, below, 0, right, cv2.BORDER_CONSTANT, value=(114, 114, 114))
    return np.asarray(padded, np.uint8), new_width / width, new_height / height


def _outcome(detector: Detector, image: Image, photo: Photo) -> Outcome:
    picture, scale_x, scale_y = fitted(image)
    tensor = normalised(torch.from_numpy(picture[None])).contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        prediction = detector(tensor)
    boxes, scores, labels = fused(
        prediction.boxes()[0].numpy() / np.array([scale_x, scale_y] * 2, np.float32),
        prediction.logits[0].sigmoid().numpy(),
        threshold=LOWEST_SCORE,
        nms_iou=NMS_IOU,
    )
    height, width = image.shape[:2]
    return judge(
        boxes=np.clip(boxes, 0, np.array([width, height] * 2, np.float32)),
        scores=scores,
        labels=labels,
        truth_boxes=photo.boxes,
        truth_labels=photo.labels,
        is_labelled=photo.is_labelled,
        source=photo.source,
        scene=photo.scene,
    )


def _drawn_outcomes(detector: Detector) -> list[Outcome]:
    rng = np.random.default_rng(DRAWN_SEED)
    outcomes: list[Outcome] = []
    for index in range(DRAWN_SCENES):
        scene = drawn_scene(rng)
        outcomes.append(_outcome(detector, scene.image, scene.as_photo(str(index))))
    return outcomes


def _read(photo: Photo) -> Image:
    image = cv2.imread(str(photo.path))
    if image is None:
        raise FileNotFoundError(f"cannot read the picture {photo.path}")
    return np.asarray(image, np.uint8)
