"""Everything that a run needs to go on exactly where it stopped, in one file."""

import copy
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

EMA_DECAY = 0.998
EMA_WARM_UP = 200.0  # steps


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
            "plan": {key: str(value) if isinstance(value, Path) else value for key, value in asdict(plan).items()},
        }
        beside = path.with_suffix(".new")
        torch.save(content, beside)
        os.replace(beside, path)  # noqa: PTH105 (atomic by contract)

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            FileNotFoundError: there is none.
        """
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        self.network.load_state_dict(content["network"])
        self.average.network.load_state_dict(content["average"])
        self.average.steps = content["average_steps"]
        self.optimiser.load_state_dict(content["optimiser"])
        self._rng.bit_generator.state = content["rng"]
        torch.set_rng_state(content["torch_rng"])
        self.progress = Progress(step=content["step"], seconds=content["seconds"], history=content["history"])


def exportable(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read the averaged weights of a checkpoint and its last validation."""
    content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return content["average"], content["history"][-1]
