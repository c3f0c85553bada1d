"""`busense models`: train, export, evaluate."""

import importlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from edge_agent.vision.model_file import load_manifest
from models.errors import TrainExtraError
from telemetry.finite import FiniteRange
from telemetry.result_file import RESULT_FILE

STRIDE_PX = 32  # of the coarsest grid
DEFAULT_RUN = Path("models/road_damage/runs/latest")
name_argument = click.argument("name", type=click.Choice(["road_damage"]))
TRAINED_ON = "photos of RDD2022 China_MotorBike, Road Damage Dataset 2018 Chiba, Annotated Potholes; drawn scenes"
CHECKPOINT = click.Path(path_type=Path, exists=True, dir_okay=False)
data_option = click.option(
    "--data",
    envvar="BUSENSE_DATA",
    show_envvar=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="The data folder, or a folder with train.json, val.json and images.",
)


def _multiple_of_the_stride(_: click.Context, __: click.Parameter, side_px: int) -> int:
    if side_px % STRIDE_PX:
        raise click.BadParameter(f"{side_px} is no multiple of {STRIDE_PX}")
    return side_px


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
@click.option("--minutes", type=FiniteRange(0.1), help="End by training time instead of by epochs.")
@click.option("--drawn-share", type=FiniteRange(0, 1), default=0.12, show_default=True, help="Of drawn scenes.")
@click.option(
    "--input-px",
    type=click.IntRange(64, 1024),
    default=384,
    show_default=True,
    callback=_multiple_of_the_stride,
    help="Side of a square picture, as used later.",
)
@click.option(
    "--begins-with",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Checkpoint of an earlier run, or a shipped ONNX file, whose weights are the beginning; else ImageNet's.",
)
@click.option(
    "--without",
    multiple=True,
    type=click.Choice(["masks", "scenes", "paste", "seams", "tilt", "weather", "scale", "mosaic"]),
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
    input_px: int,
    begins_with: Path | None,
    without: tuple[str, ...],
    seed: int,
    threads: int,
    resume: bool,
) -> None:
    """Train a model.

    Checkpoints, curves and history go to the run's folder.
    """
    loop = _training(name, "loop")
    plan = loop.Plan(
        data=data,
        out=out,
        seed=seed,
        drawn_share=drawn_share,
        input_px=input_px,
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


@models.command("train-second-look")
@name_argument
@data_option
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The run's folder.")
@click.option("--steps", type=click.IntRange(1), default=8000, show_default=True, help="Of 32 views each.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True)
@click.option("--resume", is_flag=True, help="Go on from the checkpoint in --out.")
def train_second_look(*, name: str, data: Path, out: Path, steps: int, seed: int, threads: int, resume: bool) -> None:
    """Train a second look.

    It is the small network that looks at each box of a detector again, from close by.
    """
    loop = _training(name, "second_look.loop")
    run = loop.start(loop.Plan(data=data, out=out, steps=steps, seed=seed, threads=threads), is_resumed=resume)
    with progress() as bar:
        run.train(bar)
    click.echo(f"checkpoint: {run.checkpoint_path}")


@models.command("add-second-look")
@name_argument
@click.argument("checkpoint", type=CHECKPOINT)
@data_option
@click.option("--version", required=True, help="Of the model with it, for the manifest.")
@click.option("--trained-on", default=TRAINED_ON, show_default=True, help="One line for the manifest.")
@click.option("--model", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Folder of another model.")
def add_second_look(
    *, name: str, checkpoint: Path, data: Path, version: str, trained_on: str, model: Path | None
) -> None:
    """Put a second look beside a model.

    Calibration, threshold and manifest are made anew.
    """
    folder = model or Path(__file__).parent / name
    training, release = _training(name, "second_look.export"), importlib.import_module(f"models.{name}.release")
    with tempfile.TemporaryDirectory() as scratch, progress() as bar:
        network = Path(scratch) / "second_look.onnx"
        training.export_second_look(checkpoint, network)
        input_px = load_manifest(folder / "manifest.toml").input_width
        wanted = release.Release(version=version, input_px=input_px, trained_on=trained_on)
        made = release.add_second_look(network, folder, wanted, data=data, bar=counter(bar))
    click.echo(f"{folder / 'manifest.toml'} threshold {made.threshold}")


@models.command()
@name_argument
@click.argument("checkpoint", type=CHECKPOINT)
@click.option(
    "--with",
    "others",
    type=CHECKPOINT,
    multiple=True,
    help="Average with this one, too, or with a shipped ONNX file; may be repeated.",
)
@data_option
@click.option("--version", required=True, help="Of the model, for the manifest.")
@click.option("--trained-on", default=TRAINED_ON, show_default=True, help="One line for the manifest.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the files and the manifest; else that of the shipped model.",
)
def export(
    *,
    name: str,
    checkpoint: Path,
    others: tuple[Path, ...],
    data: Path,
    version: str,
    trained_on: str,
    out: Path | None,
) -> None:
    """Make what is shipped from checkpoints.

    That is the network in fp32 and int8, calibration, threshold and manifest.
    """
    folder = out or Path(__file__).parent / name
    training, release = _training(name, "export"), importlib.import_module(f"models.{name}.release")
    with tempfile.TemporaryDirectory() as scratch, progress() as bar:
        network = Path(scratch) / "network.onnx"
        input_px = training.export_checkpoints(checkpoint, others, network, data=data)
        wanted = release.Release(version=version, input_px=input_px, trained_on=trained_on)
        made = release.make_release(network, folder, wanted, data=data, bar=counter(bar))
    click.echo(f"{folder / 'manifest.toml'} threshold {made.threshold}")


@models.command()
@name_argument
@data_option
@click.option("--model", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Folder of another model.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for tables, curves and contact sheets of the worst misses and false alarms (red; truth is green, "
    "found ones orange).",
)
@click.option("--json", "json_file", type=RESULT_FILE, help="Write the figures there, too.")
@click.option("--ship", is_flag=True, help="Write error_model.json, the card's figures and its plot beside the model.")
def evaluate(
    *, name: str, data: Path, model: Path | None, out: Path | None, json_file: Path | None, ship: bool
) -> None:
    """Measure a model on photos.

    F1 on the validation photos by source, class and size, calibration, and false alarms on roads without damage.
    """
    module, report = (_needing_extra(f"models.{name}.{part}") for part in ("evaluate", "report"))
    if ship or out is not None:
        _needing_extra(f"models.{name}.plots")  # told before minutes of measuring
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)  # so is a folder that cannot be made
    folder = model or Path(__file__).parent / name
    with progress() as bar:
        found = module.evaluate(folder, data, bar=counter(bar))
        if ship:
            module.ship(found, folder, bar=counter(bar))
            _needing_extra(f"models.{name}.plots").draw_failures(found, folder)
    report.show(found.report, Console(width=130))
    if json_file is not None:
        report.write_json(found.report, json_file)
    if out is not None:
        (out / "tables.md").write_text(report.as_markdown(found.report), encoding="utf-8")
        _needing_extra(f"models.{name}.plots").draw_plots(found, out)
        importlib.import_module(f"models.{name}.sheet").write_sheets(found.outcomes, out, found.report.threshold)


def progress() -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())


def counter(bar: Progress) -> Callable[[str, int], Callable[[], None]]:
    """A line of the bar for each thing that is done several times."""

    def begin(words: str, times: int) -> Callable[[], None]:
        task = bar.add_task(words, total=times)
        return lambda: bar.advance(task)

    return begin


def _training(name: str, part: str) -> ModuleType:
    return _needing_extra(f"models.{name}.training.{part}")


def _needing_extra(module: str) -> ModuleType:
    """Import what needs the extra `train`.

    Raises:
        TrainExtraError: a package of it is missing.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.startswith("models"):
            raise
        raise TrainExtraError(f"this needs {error.name}: pip install 'busense[train]'") from error
