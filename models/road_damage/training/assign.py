"""Which grid point learns which box: task-aligned assignment (Feng et al. 2021, TOOD, section 3.2)."""

from dataclasses import dataclass

import torch
from torch import Tensor

TOP_K = 10
SCORE_POWER = 0.5
IOU_POWER = 6.0
INSIDE_STRIDES = 0.75  # a box thinner than the grid still owns the points within this distance of its middle line


@dataclass(frozen=True, slots=True)
class Targets:
    """For one picture's n grid points."""

    is_positive: Tensor  # (n,) bool
    boxes: Tensor  # (n, 4), meaningful where positive
    scores: Tensor  # (n, classes), the soft target of each class


@torch.no_grad()
def assign(
    *, probabilities: Tensor, predicted: Tensor, points: Tensor, strides: Tensor, boxes: Tensor, labels: Tensor
) -> Targets:
    """Give each box its TOP_K best points, each point its best box.

    Args:
        probabilities: (n, classes), of each class at each grid point.
        predicted: (n, 4) xyxy px, the boxes as the network sees them now.
        points: (n, 2) px, x first.
        strides: (n,) px.
        boxes: (m, 4) xyxy px of the truth.
        labels: (m,) class indices.
    """
    count, classes = probabilities.shape
    scores = torch.zeros(count, classes)
    if len(boxes) == 0:
        return Targets(torch.zeros(count, dtype=torch.bool), torch.zeros(count, 4), scores)
    iou = pair_iou(boxes, predicted)
    metric = probabilities[:, labels].T.clamp(min=1e-6) ** SCORE_POWER * iou**IOU_POWER
    metric = metric * _owns(points, strides, boxes)
    best, index = metric.topk(min(TOP_K, count), dim=1)
    chosen = torch.zeros_like(metric).scatter_(1, index, (best > 0).float()).bool()
    contested = torch.where(chosen, iou, -1.0)
    owner = contested.argmax(0)
    is_positive = chosen.any(0)
    winner = torch.zeros_like(chosen).scatter_(0, owner[None], value=True) & chosen
    metric = metric * winner
    scale = (iou * winner).amax(1, keepdim=True) / metric.amax(1, keepdim=True).clamp(min=1e-9)
    quality = (metric * scale).amax(0)
    positive = is_positive.nonzero()[:, 0]
    scores[positive, labels[owner[positive]]] = quality[positive]
    return Targets(is_positive, boxes[owner], scores)


def pair_iou(one: Tensor, other: Tensor) -> Tensor:
    """IoU of each of m boxes with each of n: (m, n)."""
    low = torch.maximum(one[:, None, :2], other[None, :, :2])
    high = torch.minimum(one[:, None, 2:], other[None, :, 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(-1) for boxes in (one, other)]
    return shared / (areas[0][:, None] + areas[1][None] - shared).clamp(min=1e-6)


def _owns(points: Tensor, strides: Tensor, boxes: Tensor) -> Tensor:
    """Whether a point may learn a box (m, n): it lies inside, or close to the middle of a side that is too thin."""
    middle = (boxes[:, None, :2] + boxes[:, None, 2:]) / 2
    half = (boxes[:, None, 2:] - boxes[:, None, :2]) / 2
    reach = torch.maximum(half, strides[None, :, None] * INSIDE_STRIDES)
    return ((points[None] - middle).abs() < reach).all(-1)
