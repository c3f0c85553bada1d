"""`busense models`: train, export, evaluate."""

import importlib
from pathlib import Path
from types import ModuleType

import click

from models.errors import TrainExtraError

DEFAULT_RUN = Path("models/road_damage/runs/latest")
name_argument = click.argument("name", type=click.Choice(["road_damage"]))
data_option = click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="The data folder, or a folder with train.json, val.json and images.",
)


@click.group()
def models() -> None:
    """Train, export and evaluate models."""


@models.command()
@name_argument
@data_option
@click.option(
    "--out", type=click.Path(path_type=Path), default=DEFAULT_RUN, show_default=True, help="The run's folder."
)
@click.option("--epochs", type=click.IntRange(1), default=27, show_default=True, help="Of 1,376 pictures each.")
@click.option("--minutes", type=click.FloatRange(0.1), help="End by training time instead of by epochs.")
@click.option("--drawn-share", type=click.FloatRange(0, 1), default=0.15, show_default=True, help="Of drawn scenes.")
@click.option(
    "--begins-with",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Checkpoint of an earlier run whose weights are the beginning; else those of ImageNet.",
)
@click.option(
    "--without",
    multiple=True,
    type=click.Choice(["paste", "tilt", "weather", "scale", "mosaic"]),
    help="Leave a method out, to see what it is worth.",
)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True)
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint in --out.")
def train(
    *,
    name: str,
    data: Path,
    out: Path,
    epochs: int,
    minutes: float | None,
    drawn_share: float,
    begins_with: Path | None,
    without: tuple[str, ...],
    seed: int,
    threads: int,
    resume: bool,
) -> None:
    """Train a model; checkpoints, curves and history go to the run's folder."""
    loop = _training(name, "loop")
    plan = loop.Plan(
        data=data,
        out=out,
        seed=seed,
        drawn_share=drawn_share,
        begins_with=begins_with,
        without=without,
        epochs=epochs,
        minutes=minutes,
        threads=threads,
    )
    run = loop.start(plan, is_resumed=resume)
    with loop.progress_bar() as bar:
        run.train(bar)
    click.echo(f"checkpoint: {run.checkpoint_path}")


@models.command()
@name_argument
@click.option("--checkpoint", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True)
@click.option("--version", required=True, help="Of the model, for the manifest.")
@click.option("--trained-on", default="", help="One line for the manifest.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of model.onnx and manifest.toml; else shipped.",
)
def export(*, name: str, checkpoint: Path, version: str, trained_on: str, out: Path | None) -> None:
    """Write model.onnx and manifest.toml from a checkpoint."""
    folder = out or Path(__file__).parent / name
    folder.mkdir(parents=True, exist_ok=True)
    sha256 = _training(name, "export").export_checkpoint(checkpoint, folder, version=version, trained_on=trained_on)
    click.echo(f"{folder / 'model.onnx'} {sha256}")


@models.command()
@name_argument
@data_option
@click.option("--model", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Folder of another model.")
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Write the result there, too."
)
def evaluate(*, name: str, data: Path, model: Path | None, json_file: Path | None) -> None:
    """Measure the shipped model on the validation photos: F1 at IoU 0.5 per class and source."""
    module = importlib.import_module(f"models.{name}.evaluate")
    report = module.evaluate(model or Path(__file__).parent / name, data)
    module.show(report)
    if json_file is not None:
        module.write(report, json_file)


def _training(name: str, part: str) -> ModuleType:
    """Import a part of the training code.

    Raises:
        TrainExtraError: a package of the extra `train` is missing.
    """
    try:
        return importlib.import_module(f"models.{name}.training.{part}")
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.startswith("models"):
            raise
        raise TrainExtraError(f"training needs {error.name}: pip install 'busense[train]'") from error
