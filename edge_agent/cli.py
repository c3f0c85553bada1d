"""`busense agent` and `busense detect`."""

import logging
import signal
import sys
import threading
from pathlib import Path

import click

from edge_agent.agent import Agent, utc_now
from edge_agent.config import Model, load_config
from edge_agent.sources import make_sources
from edge_agent.vision.detector import OnnxDetector, open_detector
from edge_agent.vision.photos import detect_on_photos

log = logging.getLogger(__name__)

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option("--config", "config_file", type=_FILE, required=True, envvar="BUSENSE_AGENT_CONFIG", help="TOML file.")
def agent(config_file: Path) -> None:
    """The program on the bus: look at the road, keep what was seen, send it until the cloud has it."""
    config = load_config(config_file)
    detector = open_detector(config.model)
    bus = Agent(config, sources=make_sources(config, now=utc_now), detector=detector)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stop.set())
    log.info("agent_started device=%s stream=%s", config.identity.device, bus.counters.stream)
    try:
        bus.run(stop)
    finally:
        log.info("agent_ended %s", bus.counters)
        bus.close()


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--output", type=_FILE, required=True, help="JSON file: images, annotations with score, categories.")
@click.option("--draw", type=click.Path(path_type=Path, file_okay=False), help="Folder for pictures with boxes.")
@click.option("--manifest", type=_FILE, default=Model().manifest, show_default=False, help="Another model.")
@click.option("--threshold", type=click.FloatRange(0, 1), help="Lowest score; default is the model's own.")
@click.option("--threads", type=click.IntRange(1, 64), default=2, show_default=True)
def detect(
    *, paths: tuple[Path, ...], output: Path, draw: Path | None, manifest: Path, threshold: float | None, threads: int
) -> None:
    """Find road damage on photos or folders of photos and write it in the form of COCO.

    Photos that cannot be read are named and left out; the exit code is then 1.
    """
    detector = OnnxDetector(manifest, threads=threads, threshold=threshold)
    unreadable = detect_on_photos(detector, paths, output=output, draw=draw)
    for path in unreadable:
        click.echo(f"cannot be read: {path}", err=True)
    sys.exit(1 if unreadable else 0)
