"""The second look's training run: steps, a falling rate, now and then other scenes and a checkpoint."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import torch
from rich.progress import Progress
from torch import Tensor
from torch.nn import functional

from models.road_damage import coco
from models.road_damage.training import checkpoint
from models.road_damage.training.body import Body, load_pretrained
from models.road_damage.training.data import Photos
from models.road_damage.training.loss import bin_entropy, giou
from models.road_damage.training.network import CLASSES, normalised
from models.road_damage.training.photos import training_photos
from models.road_damage.training.second_look.network import BIN_COUNT, SecondLook, places
from models.road_damage.training.second_look.views import NOTHING, Shown, Views, next_views

PEAK_RATE: Final = 1e-3
WEIGHT_DECAY: Final = 0.02
WARM_UP_STEPS: Final = 100
LAST_RATE_SHARE: Final = 0.01
LONGEST_GRADIENT: Final = 5.0
BIN_WEIGHT, CLASS_WEIGHT = 0.3, 0.7
LABEL_SMOOTHING: Final = 0.05
VALIDATION_SEED: Final = 5
VALIDATION_VIEWS: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run is; it is written into its checkpoint."""

    data: Path
    out: Path
    seed: int = 1
    steps: int = 8000
    batch_size: int = 32
    drawn_scenes: int = 400
    validate_every: int = 300  # steps
    threads: int = 1


class Run:
    """One training run, new or resumed."""

    def __init__(self, plan: Plan, *, shown: Shown, held_out: Views, rng: np.random.Generator) -> None:
        self._plan, self._shown, self._held_out, self._rng = plan, shown, held_out, rng
        torch.manual_seed(plan.seed)
        body = Body()
        load_pretrained(body)
        network = SecondLook(body)
        weights = [weight for weight in network.parameters() if weight.requires_grad]
        optimiser = torch.optim.AdamW(weights, lr=PEAK_RATE, weight_decay=WEIGHT_DECAY)
        self._learner = checkpoint.Learner(network, optimiser, rng, longest_gradient=LONGEST_GRADIENT)

    @property
    def progress(self) -> checkpoint.Progress:
        return self._learner.progress

    @property
    def checkpoint_path(self) -> Path:
        return self._plan.out / checkpoint.LAST

    def resume(self) -> None:
        self._learner.resume(self.checkpoint_path, self._plan)

    def train(self, bar: Progress, *, until_step: int | None = None) -> None:
        """Go on until the plan is fulfilled, or to a step at which a validation falls due."""
        task = bar.add_task("training", total=self._plan.steps, completed=self.progress.step)
        losses: list[float] = []
        while self.progress.step < self._plan.steps and self.progress.step != until_step:
            losses.append(self._step())
            self.progress.step += 1
            words = f"step {self.progress.step}, loss {np.mean(losses[-50:]):.3f}"
            bar.update(task, completed=self.progress.step, description=words)
            if self.progress.step % self._plan.validate_every == 0 or self.progress.step == self._plan.steps:
                self._look_back(losses)
                losses.clear()

    def _step(self) -> float:
        for group in self._learner.optimiser.param_groups:
            group["lr"] = PEAK_RATE * self._share_of_rate()
        network = self._learner.network.train()
        return self._learner.learn(_loss(network, next_views(self._shown, self._rng, count=self._plan.batch_size)))

    def _share_of_rate(self) -> float:
        cosine = (1 + math.cos(math.pi * self.progress.step / self._plan.steps)) / 2
        return min(1.0, (self.progress.step + 1) / WARM_UP_STEPS) * max(cosine, LAST_RATE_SHARE)

    def _look_back(self, losses: list[float]) -> None:
        """Validate the average, note it, save."""
        entry = {
            "step": self.progress.step,
            "loss": float(np.mean(losses)),
            **validate(self._learner.average.network, self._held_out),
        }
        self.progress.note(entry, self._plan.out)
        self._learner.save(self.checkpoint_path, self._plan)


@torch.no_grad()
def validate(network: SecondLook, views: Views) -> dict[str, float]:
    """On boxes of other scenes that are a little wrong: mean IoU after the look, and the share of right classes."""
    logits, classes = network(normalised(views.pictures))
    is_damage = views.labels != NOTHING
    iou = giou(places(logits)[is_damage], views.sides[is_damage]).clamp(min=0)
    return {
        "giou": round(float(iou.mean()), 4),
        "right": round(float((classes.argmax(1) == views.labels).float().mean()), 4),
    }


def start(plan: Plan, *, is_resumed: bool) -> Run:
    """Prepare a run from the data folder.

    Raises:
        DataError: the data is missing.
        CheckpointError: there is no checkpoint to resume, or one that a new run would overwrite.
    """
    checkpoint.check_beginning(plan.out / checkpoint.LAST, is_resumed=is_resumed)
    torch.set_num_threads(plan.threads)
    cv2.setNumThreads(plan.threads)
    rng = np.random.default_rng(plan.seed)
    val = coco.read_photos(coco.road_damage_file(plan.data, "val"), CLASSES)
    shown = Shown(Photos(training_photos(plan.data)), rng, scenes=plan.drawn_scenes)
    held_out = Shown(Photos(val), rng, scenes=0)
    views = next_views(held_out, np.random.default_rng(VALIDATION_SEED), count=VALIDATION_VIEWS)
    plan.out.mkdir(parents=True, exist_ok=True)
    run = Run(plan, shown=shown, held_out=views, rng=rng)
    if is_resumed:
        run.resume()
    return run


def _loss(network: SecondLook, views: Views) -> Tensor:
    logits, classes = network(normalised(views.pictures))
    is_damage = views.labels != NOTHING
    wanted = views.sides[is_damage]
    box_loss = 1 - giou(places(logits)[is_damage], wanted)
    positions = (wanted * BIN_COUNT - 0.5).clamp(0, BIN_COUNT - 1.01)
    bin_loss = bin_entropy(logits[is_damage], positions)
    class_loss = functional.cross_entropy(classes, views.labels, label_smoothing=LABEL_SMOOTHING)
    return box_loss.mean() + BIN_WEIGHT * bin_loss.mean() + CLASS_WEIGHT * class_loss
