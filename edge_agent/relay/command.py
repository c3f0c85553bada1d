"""`busense relay` at a stop."""

import signal
import threading
from pathlib import Path

import click

from edge_agent.config import load_relay_config
from edge_agent.relay.relay import Relay
from telemetry.server import Needs, telling


@click.command()
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    envvar="BUSENSE_RELAY_CONFIG",
    help="TOML file.",
)
def relay(config_file: Path) -> None:
    """The program of a stop: carry what buses without a network hand over to the cloud, and bring its answers back."""
    config = load_relay_config(config_file)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stop.set())
    needs = Needs(stop="not connected yet", broker="not connected yet")
    with telling(config.telemetry.address, process="relay", missing=needs.missing):
        Relay(config, needs=needs).run(stop)
