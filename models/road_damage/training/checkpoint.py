"""Everything that a run needs to go on exactly where it stopped, in one file."""

import copy
import json
import os
import pickle
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from models.errors import CheckpointError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

LAST = "last.pt"  # name of the checkpoint that a run goes on from
EMA_DECAY = 0.998
EMA_WARM_UP = 200.0  # steps
FREE = frozenset({"data", "out", "threads"})  # of a plan: where and how fast, not what


SomeNetwork = TypeVar("SomeNetwork", bound=nn.Module)


class Average(Generic[SomeNetwork]):
    """Moving average of a network's weights; it is what gets validated and exported."""

    def __init__(self, network: SomeNetwork) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(requires_grad=False)
        self.steps = 0

    @torch.no_grad()
    def follow(self, network: nn.Module) -> None:
        self.steps += 1
        decay = min(EMA_DECAY, self.steps / (self.steps + EMA_WARM_UP))
        for own, other in zip(self.network.state_dict().values(), network.state_dict().values(), strict=True):
            if own.dtype.is_floating_point:
                own.lerp_(other, 1 - decay)
            else:
                own.copy_(other)


@dataclass(slots=True, kw_only=True)
class Progress:
    """Where a run stands."""

    step: int = 0
    seconds: float = 0.0  # spent training, over all its sittings
    history: list[dict[str, Any]] = field(default_factory=list)  # one entry per validation

    def note(self, entry: dict[str, Any], out: Path) -> None:
        """Keep what a validation found, and write it into the run's folder."""
        self.history.append(entry)
        with (out / "history.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")


class Learner(Generic[SomeNetwork]):
    """What learns in a run, with all that it needs to go on exactly where it stopped."""

    def __init__(
        self,
        network: SomeNetwork,
        optimiser: torch.optim.Optimizer,
        rng: np.random.Generator,
        *,
        longest_gradient: float,
    ) -> None:
        self.network = network
        self.optimiser = optimiser
        self.average = Average(network)
        self.progress = Progress()
        self._rng = rng
        self._longest_gradient = longest_gradient

    def learn(self, loss: Tensor) -> float:
        """One step down; returns the loss."""
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), self._longest_gradient)
        self.optimiser.step()
        self.average.follow(self.network)
        return float(loss.item())

    def save(self, path: Path, plan: "DataclassInstance") -> None:
        """Write to a neighbour first: a power cut leaves the old checkpoint or the new one."""
        content = {
            "network": self.network.state_dict(),
            "average": self.average.network.state_dict(),
            "average_steps": self.average.steps,
            "optimiser": self.optimiser.state_dict(),
            "rng": self._rng.bit_generator.state,
            "torch_rng": torch.get_rng_state(),
            "step": self.progress.step,
            "seconds": self.progress.seconds,
            "history": self.progress.history,
            "plan": _as_kept(plan),
        }
        beside = path.with_suffix(".new")
        torch.save(content, beside)
        os.replace(beside, path)  # noqa: PTH105 (atomic by contract)

    def resume(self, path: Path, plan: "DataclassInstance") -> None:
        """Go on from a checkpoint.

        Raises:
            CheckpointError: there is none, or it is of a run with another network or plan.
        """
        content = read_checkpoint(path, self.network)
        _check_same(path, content["plan"], _as_kept(plan))
        self.network.load_state_dict(content["network"])
        self.average.network.load_state_dict(content["average"])
        self.average.steps = content["average_steps"]
        self.optimiser.load_state_dict(content["optimiser"])
        self._rng.bit_generator.state = content["rng"]
        torch.set_rng_state(content["torch_rng"])
        self.progress = Progress(step=content["step"], seconds=content["seconds"], history=content["history"])


def check_beginning(path: Path, *, is_resumed: bool) -> None:
    """A new run overwrites none, and one that goes on has something to go on from.

    Raises:
        CheckpointError: it is otherwise.
    """
    if is_resumed and not path.is_file():
        raise CheckpointError(f"nothing to resume: there is no {path}")
    if not is_resumed and path.exists():
        raise CheckpointError(
            f"{path.parent} holds a run already: --resume goes on with it, --out names another folder"
        )


def read_checkpoint(path: Path, network: nn.Module) -> dict[str, Any]:
    """Read what `Learner.save` wrote of a run that trains such a network.

    Raises:
        CheckpointError: it is something else, or of another network.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, pickle.UnpicklingError) as error:
        raise CheckpointError(f"{path} is no checkpoint of a training run") from error
    if not isinstance(content, dict) or not {"average", "plan"} <= content.keys():
        raise CheckpointError(f"{path} is no checkpoint of a training run")
    average: dict[str, Tensor] = content["average"]
    wanted = network.state_dict()
    if {name: value.shape for name, value in average.items()} != {name: value.shape for name, value in wanted.items()}:
        raise CheckpointError(f"{path} is a checkpoint of another network")
    return content


def _as_kept(plan: "DataclassInstance") -> dict[str, Any]:
    return {key: str(value) if isinstance(value, Path) else value for key, value in asdict(plan).items()}


def _check_same(path: Path, begun: dict[str, Any], wanted: dict[str, Any]) -> None:
    other = [name for name in wanted if name not in FREE and name in begun and begun[name] != wanted[name]]
    if other:
        was, now = (", ".join(f"{name} {plan[name]}" for name in other) for plan in (begun, wanted))
        raise CheckpointError(f"{path} was begun with {was}; it cannot go on with {now}")
