"""The training run: steps, learning rate, validation now and then, a checkpoint after each."""

import math
import random
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from torch import nn

from models.road_damage import coco
from models.road_damage.training import checkpoint
from models.road_damage.training.augment import Canvas
from models.road_damage.training.body import load_pretrained
from models.road_damage.training.curves import draw_curves
from models.road_damage.training.data import Batch, Mixture, Photos, next_batch, without_masks
from models.road_damage.training.loss import detection_loss
from models.road_damage.training.network import CLASSES, Detector, normalised
from models.road_damage.training.photos import training_photos
from models.road_damage.training.shipped import unfolded
from models.road_damage.training.validate import validate

PEAK_RATE = 1.3e-3
PEAK_RATE_GOING_ON = 0.9e-3  # from weights of an earlier run
BODY_RATE_SHARE = 0.3
WEIGHT_DECAY = 0.02
WARM_UP_STEPS = 150
LAST_RATE_SHARE = 0.02
SCALES = 0.65, 1.3  # of a picture that covers the input's area
PASTE_SHARE = 0.5
SEAM_SHARE = 0.3
MOSAIC_SHARE = 0.3
MOSAIC_UNTIL = 0.85  # of the run; the end is trained on whole pictures
LONGEST_GRADIENT = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run is; it is written into its checkpoint."""

    data: Path
    out: Path
    seed: int = 1
    drawn_share: float = 0.12
    epochs: int = 30
    minutes: float | None = None  # ends by time instead; then `epochs` only says how often to validate
    pictures_per_epoch: int = 1376
    batch_size: int = 16
    input_px: int = 384  # side of a square picture as the network will be used
    begins_with: Path | None = None  # checkpoint whose averaged weights the run begins with, or a shipped ONNX file
    without: tuple[str, ...] = ()  # methods left out, to see what each is worth
    validate_every: int = 2  # epochs
    threads: int = 1

    @property
    def steps_per_epoch(self) -> int:
        return math.ceil(self.pictures_per_epoch / self.batch_size)


class Run:
    """One training run, new or resumed."""

    def __init__(self, plan: Plan, *, photos: Photos, held_out: list[coco.Photo]) -> None:
        _seed(plan)
        self._plan = plan
        self._photos, self._held_out = photos, held_out
        self._rng = np.random.default_rng(plan.seed)
        network = self._beginning()
        network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] (torch's stubs forget it)
        optimiser = torch.optim.AdamW(_groups(network), lr=PEAK_RATE)
        self._learner = checkpoint.Learner(network, optimiser, self._rng, longest_gradient=LONGEST_GRADIENT)

    def _beginning(self) -> Detector:
        begins_with = self._plan.begins_with
        if begins_with is not None and begins_with.suffix == ".onnx":
            return unfolded(begins_with, normalised(self._batch(share=0.0).pictures))
        network = Detector()
        if begins_with is None:
            load_pretrained(network.body)
        else:
            network.load_state_dict(checkpoint.read_checkpoint(begins_with, network)["average"])
        return network

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
        task = bar.add_task("training", total=1.0)
        losses: list[float] = []
        while (share := self._share_done()) < 1 and self.progress.step != until_step:
            began = time.monotonic()
            losses.append(self._step(share))
            self.progress.step += 1
            self.progress.seconds += time.monotonic() - began
            words = f"step {self.progress.step}, loss {np.mean(losses[-50:]):.3f}"
            bar.update(task, completed=self._share_done(), description=words)
            if self.progress.step % (self._plan.steps_per_epoch * self._plan.validate_every) == 0:
                self._look_back(losses)
                losses.clear()
        if losses:
            self._look_back(losses)

    def _share_done(self) -> float:
        if self._plan.minutes is not None:
            return self.progress.seconds / (60 * self._plan.minutes)
        return self.progress.step / (self._plan.epochs * self._plan.steps_per_epoch)

    def _step(self, share: float) -> float:
        self._set_rate(share)
        batch = self._batch(share=share)
        network = self._learner.network.train()
        pictures = normalised(batch.pictures).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            prediction = network(pictures)
        return self._learner.learn(detection_loss(prediction, batch))

    def _batch(self, *, share: float) -> Batch:
        return next_batch(
            self._photos,
            self._rng,
            mixture=_mixture(self._plan, share),
            batch_size=self._plan.batch_size,
            canvas=_canvas(self._plan),
        )

    def _set_rate(self, share: float) -> None:
        cosine = LAST_RATE_SHARE + (1 - LAST_RATE_SHARE) * (1 + math.cos(math.pi * share)) / 2
        warm = min(1.0, (self.progress.step + 1) / WARM_UP_STEPS)
        peak = PEAK_RATE if self._plan.begins_with is None else PEAK_RATE_GOING_ON
        for group in self._learner.optimiser.param_groups:
            group["lr"] = peak * group["share"] * cosine * warm

    def _look_back(self, losses: list[float]) -> None:
        """Validate the average, note it, save, draw the curves."""
        found = asdict(validate(self._learner.average.network, self._held_out, input_px=self._plan.input_px))
        loss = float(np.mean(losses))
        entry = {"step": self.progress.step, "seconds": round(self.progress.seconds), "loss": loss, **found}
        self.progress.note(entry, self._plan.out)
        self._save()
        draw_curves(self.progress.history, self._plan.out / "curves.png")

    def _save(self) -> None:
        for name in (checkpoint.LAST, f"step{self.progress.step:06d}.pt"):
            self._learner.save(self._plan.out / name, self._plan)


def start(plan: Plan, *, is_resumed: bool) -> Run:
    """Prepare a run from the data folder.

    Raises:
        DataError: the data is missing.
        CheckpointError: there is no checkpoint to resume, or one that a new run would overwrite.
    """
    checkpoint.check_beginning(plan.out / checkpoint.LAST, is_resumed=is_resumed)
    train = training_photos(plan.data)
    held_out = coco.read_photos(coco.road_damage_file(plan.data, "val"), CLASSES)
    if "masks" in plan.without:
        train = without_masks(train)
    plan.out.mkdir(parents=True, exist_ok=True)
    run = Run(plan, photos=Photos(train, is_balanced="scenes" not in plan.without), held_out=held_out)
    if is_resumed:
        run.resume()
    return run


def progress_bar() -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())


def _mixture(plan: Plan, share: float) -> Mixture:
    has_mosaic = share < MOSAIC_UNTIL and "mosaic" not in plan.without
    return Mixture(
        drawn_share=plan.drawn_share,
        mosaic_share=MOSAIC_SHARE if has_mosaic else 0.0,
        paste_share=0.0 if "paste" in plan.without else PASTE_SHARE,
        seam_share=0.0 if "seams" in plan.without else SEAM_SHARE,
    )


def _canvas(plan: Plan) -> Canvas:
    return Canvas(
        size_px=plan.input_px,
        scales=(0.85, 1.15) if "scale" in plan.without else SCALES,
        is_tilted="tilt" not in plan.without,
        has_weather="weather" not in plan.without,
    )


def _seed(plan: Plan) -> None:
    random.seed(plan.seed)
    torch.manual_seed(plan.seed)
    torch.set_num_threads(plan.threads)
    cv2.setNumThreads(plan.threads)


def _groups(network: Detector) -> Iterable[dict[str, object]]:
    """Body slower than the rest; no decay of biases and norms."""
    for part, share in ((network.body, BODY_RATE_SHARE), (nn.ModuleList([network.neck, network.heads]), 1.0)):
        weights = [weight for weight in part.parameters() if weight.requires_grad]
        yield {
            "params": [weight for weight in weights if weight.dim() > 1],
            "weight_decay": WEIGHT_DECAY,
            "share": share,
        }
        yield {"params": [weight for weight in weights if weight.dim() <= 1], "weight_decay": 0.0, "share": share}
