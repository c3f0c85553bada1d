"""The command `busense`: each side brings its own commands, loaded when they are called."""

import errno
import importlib
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from io import TextIOWrapper
from types import FrameType
from typing import Final, cast

import click
from typing_extensions import override

from busense.errors import MissingExtraError
from telemetry.logs import set_up_logs
from wire.errors import BusenseError


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a command lives and which extra it needs."""

    module: str
    extra: str
    help: str


COMMANDS: Final = {
    "demo": _Place("busense.demo", "simulator", "A town of buses on this machine, from camera to map."),
    "chaos": _Place("busense.chaos.command", "simulator", "Break a running town and account for every message."),
    "doctor": _Place(
        "busense.doctor", "cloud", "Say in plain words what is wrong with the configuration and the servers."
    ),
    "agent": _Place("edge_agent.cli", "edge", "The program on the bus."),
    "detect": _Place("edge_agent.cli", "edge", "Find road damage on photos."),
    "replay": _Place("edge_agent.cli", "edge", "A recording through the bus's pipeline, drawn; no network."),
    "migrate": _Place("cloud.cli", "cloud", "Bring the database to this version."),
    "ingest": _Place("cloud.cli", "cloud", "Take messages from the broker into the database."),
    "work": _Place("cloud.cli", "cloud", "Make findings and cases of what was observed."),
    "serve": _Place("cloud.cli", "cloud", "The API and the pages."),
    "fleet": _Place("cloud.commands.fleet", "cloud", "Buses: admit them, revoke them, tell the broker."),
    "bridge": _Place("cloud.commands.bridge", "cloud", "Terminals of others: serve JT/T 808, admit them."),
    "release": _Place("cloud.commands.release", "cloud", "Packages for buses: pack, sign, give to the cloud."),
    "enrol": _Place("edge_agent.enrol_command", "edge", "On a bus: get a certificate for a code; renew it."),
    "relay": _Place("edge_agent.relay.command", "edge", "At a stop: carry what buses without a network hand over."),
    "roads": _Place("cloud.cli", "cloud", "The road network: import it."),
    "furniture": _Place("cloud.commands.furniture", "cloud", "Street furniture: import the county's list."),
    "catalogue": _Place("cloud.cli", "cloud", "The catalogue of classes and rules: check it."),
    "people": _Place("cloud.commands.people", "cloud", "Accounts: add one, make a one-time link or a token."),
    "travel": _Place("cloud.commands.travel", "cloud", "People who travel with a tag: names of stops."),
    "audit": _Place("cloud.cli", "cloud", "The chain of what was done with cases: verify it."),
    "dataset": _Place("cloud.cli", "cloud", "What people said of findings, as a training set."),
    "aside": _Place("cloud.commands.aside", "cloud", "Work that failed and waits: list, show, give back, discard."),
    "backup": _Place("cloud.commands.backup", "cloud", "All rows of one instant and all pictures, into a folder."),
    "restore": _Place("cloud.commands.backup", "cloud", "Fill an empty system from a backup."),
    "retention": _Place("cloud.commands.retention", "cloud", "Purge what is too old, prove it; legal holds."),
    "trace": _Place("cloud.commands.trace", "cloud", "The way of one event from the bus to the case, by its id."),
    "quarantine": _Place(
        "cloud.commands.quarantine", "cloud", "Messages that could not be stored: list, show, replay, discard."
    ),
    "deliveries": _Place("cloud.commands.deliveries", "cloud", "What others were told: list dead letters, send again."),
    "blur": _Place("edge_agent.vision.blur_command", "edge", "Make a photo safe: faces and plates unreadable."),
    "models": _Place("models.cli", "edge", "Train, export and evaluate models."),
    "simulate": _Place("simulator.cli", "simulator", "Buses in an invented town, against a real broker."),
    "county": _Place("simulator.county.cli", "simulator", "Thousands of buses as numbers: record, publish, report."),
}


class LazyGroup(click.Group):
    """A group that imports a command only when it is called, so that a bus needs no web server."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = COMMANDS.get(cmd_name)
        return _load(cmd_name, place) if place is not None else None

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, place.help) for name, place in COMMANDS.items()])


def _load(name: str, place: _Place) -> click.Command:
    try:
        module = importlib.import_module(place.module)
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.partition(".")[0] in _OURS:
            raise
        raise MissingExtraError(
            f"`busense {name}` needs {error.name}, which is not installed: pip install 'busense[{place.extra}]'"
        ) from error
    return cast("click.Command", getattr(module, name))


_OURS: Final = frozenset({"busense", "cloud", "edge_agent", "models", "simulator", "telemetry", "wire"})


_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("busense"), prog_name="busense")
@click.option("--verbose", "-v", is_flag=True, help="Log more.")
@click.option(
    "--logs",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    envvar="BUSENSE_LOGS",
    show_envvar=True,
    help="Lines to read, or JSON lines for a log store.",
)
def busense(logs: str, *, verbose: bool) -> None:
    """Buses as the moving sensors of a county."""
    set_up_logs(is_json=logs == "json", is_verbose=verbose)


class _Terminated(BaseException):
    """SIGTERM came; not to be caught on the way."""


@contextmanager
def _ended_in_order() -> Generator[None]:
    """SIGTERM lets a command put away what it has begun, as Ctrl-C does, and then ends it as it always would."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise _Terminated

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    except _Terminated:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)


def main() -> None:
    """Run; an error of ours, a file that cannot be used and a full disk are one plain line.

    Anything else is a bug and shows where it happened.
    """
    if isinstance(sys.stdout, TextIOWrapper):
        # A terminal that has no Chinese ends no command.
        sys.stdout.reconfigure(errors="backslashreplace")  # pyright: ignore[reportUnknownMemberType]
    try:
        with _ended_in_order():
            busense(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except BusenseError as error:
        click.echo(f"busense: {error}", err=True)
        sys.exit(1)
    except OSError as error:
        if error.filename is None and error.errno not in _FULL:
            raise
        click.echo(f"busense: {error.strerror}{'' if error.filename is None else f': {error.filename}'}", err=True)
        sys.exit(1)
