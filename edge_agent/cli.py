"""`busense agent`, `busense detect` and `busense replay`."""

import logging
import signal
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import get_args

import click
from rich.console import Console

from edge_agent.agent import Agent, camera_model, open_privacy
from edge_agent.clock import BusClock
from edge_agent.config import FRAMES_PER_S, AgentConfig, Model, Precision, load_config, load_desk_config
from edge_agent.meter import telling_of
from edge_agent.preview.preview import Preview
from edge_agent.preview.replay import Recording, find_track
from edge_agent.preview.replay import replay as replay_recording
from edge_agent.preview.server import LOOPBACK, serving
from edge_agent.preview.status import BusStatus
from edge_agent.preview.summary import summary_table
from edge_agent.sources import make_sources
from edge_agent.vision.detector import OnnxDetector, open_detector
from edge_agent.vision.photos import detect_on_photos

log = logging.getLogger(__name__)

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
    config = load_config(config_file)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stop.set())
    with ExitStack() as stack:
        bus = _open_agent(config, preview_address, stack)
        log.info("agent_started device=%s messages=%d", config.identity.device, bus.counters.messages)
        try:
            with telling_of(bus, config.telemetry.address):
                bus.run(stop)
        finally:
            log.info("agent_ended %s", bus.counters)


def _open_agent(config: AgentConfig, preview_address: str | None, stack: ExitStack) -> Agent:
    """Open the agent, and the page that shows it; the stack closes both, the page first."""

    def status() -> BusStatus:
        waiting = bus.waiting
        return BusStatus(
            device=config.identity.device,
            frames_dropped=bus.counters.frames_dropped,
            messages_waiting=waiting.messages,
            pictures_waiting=waiting.pictures,
            bytes_waiting=waiting.bytes,
        )

    preview = None
    if preview_address is not None:
        preview = Preview(camera_model(config.camera), privacy=open_privacy(config), bus=status)
    detector = open_detector(config.model)
    clock = BusClock()
    sources = make_sources(config, now=clock.now, hear=clock.hear_gnss)
    bus = Agent(config, sources=sources, detector=detector, clock=clock, watcher=preview)
    stack.callback(bus.close)
    if preview is not None and preview_address is not None:
        url = stack.enter_context(serving(preview, preview_address))
        log.info("preview_open url=%s", url)
    return bus


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--output", type=_FILE, required=True, help="JSON file: images, annotations with score, categories.")
@click.option("--draw", type=_FOLDER, help="Folder for pictures with boxes.")
@click.option("--manifest", type=_FILE, default=Model().manifest, show_default=False, help="Another model.")
@click.option("--threshold", type=click.FloatRange(0, 1), help="Lowest score; default is the model's own.")
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
        frames_per_s=FRAMES_PER_S if config is None else config.camera.frames_per_s,
    )
    detector = open_detector(Model() if config is None else config.model)
    console = Console(stderr=True)
    summary = replay_recording(recording, detector=detector, draw=draw, console=console)
    Console().print(summary_table(summary))
