"""The network on validation photos and drawn scenes while it trains."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from edge_agent.readings import Image
from edge_agent.vision.detector import fuse_boxes
from edge_agent.vision.preprocess import InputShape, letterbox
from models.road_damage.coco import Photo, decoded
from models.road_damage.drawn_set import drawn_scene
from models.road_damage.release import NMS_IOU
from models.road_damage.score import Outcome, best_threshold, count, judge, rates
from models.road_damage.training.augment import GREY
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
def validate(detector: Detector, photos: Sequence[Photo], *, input_px: int) -> Validation:
    """Look at photos scaled to the area of a square of `input_px`, and at drawn scenes."""
    detector.eval()
    shape = InputShape(width_px=input_px, height_px=input_px, stride_px=STRIDES[-1], pad=GREY)
    outcomes = [_outcome(detector, shape, decoded(photo), photo) for photo in photos]
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
        drawn_f1=rates(count(_drawn_outcomes(detector, shape), threshold)).f1,
    )


def _outcome(detector: Detector, shape: InputShape, image: Image, photo: Photo) -> Outcome:
    picture, fit = letterbox(image, shape)
    tensor = normalised(torch.from_numpy(picture[None])).contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        prediction = detector(tensor)
    boxes = fit.to_frame(prediction.boxes()[0].numpy())
    scores = prediction.logits[0].sigmoid().numpy()
    fused = [
        fuse_boxes(boxes, scores[:, index], threshold=LOWEST_SCORE, nms_iou=NMS_IOU) for index in range(len(CLASSES))
    ]
    return judge(
        boxes=np.concatenate([part for part, _ in fused]),
        scores=np.concatenate([part for _, part in fused]),
        labels=np.concatenate([np.full(len(part), index, np.int64) for index, (_, part) in enumerate(fused)]),
        truth=photo,
    )


def _drawn_outcomes(detector: Detector, shape: InputShape) -> list[Outcome]:
    rng = np.random.default_rng(DRAWN_SEED)
    outcomes: list[Outcome] = []
    for index in range(DRAWN_SCENES):
        scene = drawn_scene(rng)
        outcomes.append(_outcome(detector, shape, scene.image, scene.as_photo(str(index))))
    return outcomes
