"""What the cloud wants of a bus besides its messages: another configuration, a restart, its log."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from wire.messages import CommandKind, TwinDesired, TwinReported

log = logging.getLogger(__name__)

NO_UPDATES: Final = "this bus takes no updates: its file has no section [updates]"


class Twin(Protocol):
    """Who hears what is desired, and says what is real; asked from the publisher's thread."""

    @property
    def report(self) -> TwinReported: ...

    def desire(self, desired: TwinDesired) -> None: ...


class NoUpdates:
    """Declines whatever is desired."""

    def __init__(self) -> None:
        self.report = TwinReported(version=0, settings={})

    def desire(self, desired: TwinDesired) -> None:
        if desired.version > self.report.version:
            self.report = TwinReported(version=desired.version, settings={}, problem=NO_UPDATES)


def _no_logs() -> str:
    return "this bus keeps no lines of its log\n"


def _ignore_question(kind: CommandKind, number: str) -> None:
    log.info("question_ignored kind=%s number=%s", kind.value, number)


def _ignore_restart() -> None:
    log.info("restart_ignored")


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """Who acts on what the cloud wants; by default nobody does."""

    twin: Twin = field(default_factory=NoUpdates)
    restart: Callable[[], None] = _ignore_restart
    logs: Callable[[], str] = _no_logs
    """The last lines of the log."""
    answer: Callable[[CommandKind, str], None] = _ignore_question
    """Takes what is asked, and the id of the message that asks."""
