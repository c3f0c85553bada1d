# pyright: basic
# (strict needs torch's types, and torch is only there where models are trained)
"""What a training run begins and goes on with; skipped where torch is not installed."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

torch = pytest.importorskip("torch", reason="training needs the extra `train`")
from models.cli import models  # noqa: E402
from models.errors import CheckpointError  # noqa: E402
from models.road_damage.training import loop  # noqa: E402
from models.road_damage.training.checkpoint import Learner, read_checkpoint  # noqa: E402
from models.road_damage.training.second_look import loop as second_look  # noqa: E402


def learner(outputs: int = 2) -> Learner:
    network = torch.nn.Linear(3, outputs)
    optimiser = torch.optim.AdamW(network.parameters())
    return Learner(network, optimiser, np.random.default_rng(1), longest_gradient=1.0)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Checkpoint of a run of five epochs."""
    learner().save(tmp_path / "last.pt", plan(tmp_path))
    return tmp_path / "last.pt"


def plan(folder: Path) -> loop.Plan:
    return loop.Plan(data=folder / "data", out=folder, epochs=5, without=("paste",))


@pytest.mark.parametrize("training", [loop, second_look], ids=["detector", "second look"])
def test_a_new_run_does_not_overwrite_another(tmp_path: Path, training) -> None:  # noqa: ANN001 - one of two modules
    (tmp_path / "last.pt").write_bytes(b"hours of work")

    with pytest.raises(CheckpointError, match="--resume"):
        training.start(training.Plan(data=tmp_path, out=tmp_path), is_resumed=False)

    assert (tmp_path / "last.pt").read_bytes() == b"hours of work"


@pytest.mark.parametrize("training", [loop, second_look], ids=["detector", "second look"])
def test_a_run_that_never_began_cannot_go_on(tmp_path: Path, training) -> None:  # noqa: ANN001 - one of two modules
    with pytest.raises(CheckpointError, match=r"no .*last\.pt"):
        training.start(training.Plan(data=tmp_path, out=tmp_path), is_resumed=True)


def test_a_run_goes_on_elsewhere_and_with_more_threads(tmp_path: Path, kept: Path) -> None:
    moved = dataclasses.replace(plan(tmp_path), data=tmp_path / "moved", out=tmp_path / "moved", threads=4)

    resumed = learner()
    resumed.resume(kept, moved)

    assert resumed.progress.step == 0


def test_a_run_does_not_go_on_with_another_plan(tmp_path: Path, kept: Path) -> None:
    longer = dataclasses.replace(plan(tmp_path), epochs=9, seed=3)

    with pytest.raises(CheckpointError, match="begun with seed 1, epochs 5; it cannot go on with seed 3, epochs 9"):
        learner().resume(kept, longer)


def test_weights_of_another_network_are_refused(kept: Path) -> None:
    with pytest.raises(CheckpointError, match="another network"):
        read_checkpoint(kept, torch.nn.Linear(3, 5))


def test_export_refuses_what_is_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "photo.pt").write_bytes(b"nothing that torch wrote")
    export = ["export", "road_damage", tmp_path / "photo.pt", "--data", tmp_path, "--version", "1", "--out", tmp_path]

    with pytest.raises(CheckpointError, match=r"photo\.pt is no checkpoint"):
        CliRunner().invoke(models, [str(word) for word in export], catch_exceptions=False)
