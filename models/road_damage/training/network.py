"""The detector: an EfficientNet-Lite0 body, a dense PAN neck and one decoupled head per stride."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.road_damage.training.body import BODY_CHANNELS, Body, ConvAct

STRIDES = (8, 16, 32)
CLASSES = ("D00", "D10", "D20", "D40")
NECK_CHANNELS = 64
# Distances to the box's sides are distributions over these bins, in strides. They begin below zero because a crack
# can be thinner than the grid: the nearest grid point then lies outside its box.
BIN_COUNT = 16
FIRST_BIN = -1.0
# RGB, as the pretrained body saw its pictures: with these the first batch norm's stored variance is met on road photos.
PIXEL_MEAN = (123.7, 116.3, 103.5)
PIXEL_DEVIATION = (58.4, 57.1, 57.4)
START_PROBABILITY = 0.01  # of a class at a grid point before training; Lin et al. 2017, focal loss, section 4.1


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the network says at each of n grid points, strides one after the other.

    logits (b, n, classes); bins (b, n, 4, BIN_COUNT) as logits, sides left, top, right, bottom;
    points (n, 2) in pixels, strides (n,).
    """

    logits: Tensor
    bins: Tensor
    points: Tensor
    strides: Tensor

    def boxes(self) -> Tensor:
        """Decoded boxes (b, n, 4), xyxy in pixels of the input."""
        steps = torch.arange(BIN_COUNT, device=self.bins.device, dtype=self.bins.dtype) + FIRST_BIN
        distances = (self.bins.softmax(-1) * steps).sum(-1) * self.strides[:, None]
        return torch.cat([self.points - distances[..., :2], self.points + distances[..., 2:]], -1)


class Neck(nn.Module):
    """Top down, then bottom up (Liu et al. 2018, PANet), everything in NECK_CHANNELS channels."""

    def __init__(self) -> None:
        super().__init__()
        width = NECK_CHANNELS
        self.lateral = nn.ModuleList([ConvAct(channels, width, kernel=1) for channels in BODY_CHANNELS])
        self.down = nn.ModuleList([ConvAct(2 * width, width, kernel=3) for _ in range(2)])
        self.stride = nn.ModuleList([ConvAct(width, width, kernel=3, stride=2) for _ in range(2)])
        self.up = nn.ModuleList([ConvAct(2 * width, width, kernel=3) for _ in range(2)])

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        fine, middle, coarse = (lateral(feature) for lateral, feature in zip(self.lateral, features, strict=True))
        middle = self.down[0](torch.cat([middle, doubled(coarse)], 1))
        fine = self.down[1](torch.cat([fine, doubled(middle)], 1))
        middle = self.up[0](torch.cat([middle, self.stride[0](fine)], 1))
        coarse = self.up[1](torch.cat([coarse, self.stride[1](middle)], 1))
        return [fine, middle, coarse]


class Head(nn.Module):
    """Class logits and side distances at one stride."""

    def __init__(self) -> None:
        super().__init__()
        width = NECK_CHANNELS
        self.classify = nn.Sequential(
            ConvAct(width, width, kernel=3), ConvAct(width, width, kernel=3), _class_layer(width)
        )
        self.locate = nn.Sequential(
            ConvAct(width, width, kernel=3), ConvAct(width, width, kernel=3), nn.Conv2d(width, 4 * BIN_COUNT, 1)
        )

    def forward(self, feature: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (b, h * w, classes) and bins (b, h * w, 4, BIN_COUNT)."""
        logits = self.classify(feature).flatten(2).transpose(1, 2)
        bins = self.locate(feature).flatten(2).transpose(1, 2)
        return logits, bins.unflatten(2, (4, BIN_COUNT))


class Detector(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = Body()
        self.neck = Neck()
        self.heads = nn.ModuleList([Head() for _ in STRIDES])

    def forward(self, pictures: Tensor) -> Prediction:
        """Look at pictures (b, 3, h, w), RGB, already normalised; h and w are multiples of 32."""
        features = self.neck(self.body(pictures))
        outputs = [head(feature) for head, feature in zip(self.heads, features, strict=True)]
        grids = [_grid(feature, stride) for feature, stride in zip(features, STRIDES, strict=True)]
        return Prediction(
            logits=torch.cat([logits for logits, _ in outputs], 1).float(),
            bins=torch.cat([bins for _, bins in outputs], 1).float(),
            points=torch.cat([points for points, _ in grids]),
            strides=torch.cat([strides for _, strides in grids]),
        )


def normalised(pictures: Tensor) -> Tensor:
    """BGR uint8 pictures (b, h, w, 3) as the network wants them: RGB float (b, 3, h, w)."""
    mean = torch.tensor(PIXEL_MEAN).view(1, 3, 1, 1)
    deviation = torch.tensor(PIXEL_DEVIATION).view(1, 3, 1, 1)
    return (pictures.permute(0, 3, 1, 2).flip(1).float() - mean) / deviation


def _class_layer(width: int) -> nn.Conv2d:
    layer = nn.Conv2d(width, len(CLASSES), 1)
    if layer.bias is not None:
        nn.init.constant_(layer.bias, math.log(START_PROBABILITY / (1 - START_PROBABILITY)))
    return layer


def doubled(feature: Tensor) -> Tensor:
    return functional.interpolate(feature, scale_factor=2.0, mode="nearest")


def _grid(feature: Tensor, stride: int) -> tuple[Tensor, Tensor]:
    """Middle of each cell in pixels (h * w, 2), x first, and the stride of each (h * w,)."""
    height, width = feature.shape[-2], feature.shape[-1]
    x = (torch.arange(width, dtype=torch.float32) + 0.5) * stride
    y = (torch.arange(height, dtype=torch.float32) + 0.5) * stride
    rows, columns = torch.meshgrid(y, x, indexing="ij")
    points = torch.stack([columns, rows], -1).flatten(0, 1)
    return points, torch.full_like(points[:, 0], float(stride))
