"""`busense agent`, `busense detect` and `busense replay`."""

import signal
import sys
from pathlib import Path
from typing import get_args

import click
from rich.console import Console

from edge_agent.agent import camera_model
from edge_agent.config import FRAMES_PER_S, Model, Precision, load_desk_config
from edge_agent.lives import Lives
from edge_agent.preview.replay import Recording, find_track
from edge_agent.preview.replay import replay as replay_recording
from edge_agent.preview.server import LOOPBACK
from edge_agent.preview.summary import summary_table
from edge_agent.vision.detector import OnnxDetector, open_detector
from edge_agent.vision.photos import detect_on_photos
from telemetry.finite import FiniteRange

_FILE = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.option("--config", "config_file", type=_FILE, required=True, envvar="BUSENSE_AGENT_CONFIG", help="TOML file.")
@click.option(
    "--preview",
    "preview_address",
    is_flag=False,
    flag_value=LOOPBACK,
    metavar="HOST:PORT",
    help=f"Show what the camera sees on a page, for mounting it; without an address on {LOOPBACK}.",
)
def agent(config_file: Path, preview_address: str | None) -> None:
    """The program on the bus: look at the road, keep what was seen, send it until the cloud has it."""
    lives = Lives(config_file, preview_address=preview_address)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: lives.stop())
    lives.run()


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--output", type=_FILE, required=True, help="JSON file: images, annotations with score, categories.")
@click.option("--draw", type=_FOLDER, help="Folder for pictures with boxes.")
@click.option("--manifest", type=_FILE, default=Model().manifest, show_default=False, help="Another model.")
@click.option("--threshold", type=FiniteRange(0, 1), help="Lowest score; default is the model's own.")
@click.option("--threads", type=click.IntRange(1, 64), default=2, show_default=True)
@click.option("--precision", type=click.Choice(get_args(Precision)), default="fp32", show_default=True)
def detect(
    *,
    paths: tuple[Path, ...],
    output: Path,
    draw: Path | None,
    manifest: Path,
    threshold: float | None,
    threads: int,
    precision: Precision,
) -> None:
    """Find road damage on photos or folders of photos and write it in the form of COCO.

    Photos that cannot be read are named and left out; the exit code is then 1.
    """
    detector = OnnxDetector(manifest, threads=threads, threshold=threshold, precision=precision)
    unreadable = detect_on_photos(detector, paths, output=output, draw=draw)
    for path in unreadable:
        click.echo(f"cannot be read: {path}", err=True)
    sys.exit(1 if unreadable else 0)


@click.command()
@click.argument("frames", metavar="FILE", type=click.Path(path_type=Path, exists=True))
@click.option("--draw", type=_FOLDER, help="Folder for the frames with boxes, tracks, horizon and verdict.")
@click.option("--track", "track_file", type=_FILE, help="CSV, GPX or NMEA; default: the one that lies there.")
@click.option("--config", "config_file", type=_FILE, help="The bus's TOML file: its camera and model are used.")
def replay(*, frames: Path, draw: Path | None, track_file: Path | None, config_file: Path | None) -> None:
    """Run a video or a folder of frames through the pipeline, without any network.

    The track may also be called track.csv, .gpx or .nmea in the folder, or like the video. Without one each frame is
    looked at by itself. Drawn frames are not blurred: they stay at the desk, beside the recording.
    """
    config = None if config_file is None else load_desk_config(config_file)
    recording = Recording(
        frames=frames,
        track=track_file or find_track(frames),
        camera=None if config is None else camera_model(config.camera),
        upside_down=config is not None and config.camera.upside_down,
        frames_per_s=FRAMES_PER_S if config is None else config.camera.frames_per_s,
    )
    detector = open_detector(Model() if config is None else config.model)
    console = Console(stderr=True)
    summary = replay_recording(recording, detector=detector, draw=draw, console=console)
    Console().print(summary_table(summary))
