"""Logs: lines to read at a terminal, JSON lines for a log store. Each record says which events it is about."""

import json
import logging
import re
import sys
import traceback
from collections import deque
from collections.abc import Generator, Iterable
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final

from typing_extensions import override

MOST_IDS: Final = 100  # in one line: about 4 KB
_SHOWN_IDS: Final = 2  # at a terminal

# The form of our messages: a name, then fields. `batch_stored messages=%d wait_s=%.1f`
_EVENT: Final = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)+(?: [a-z0-9_]+=%[0-9.]*[sdf])*")
_FIELD: Final = re.compile(r" ([a-z0-9_]+)=%")
_PASSWORD: Final = re.compile(r"(://[^/\s:@]*):[^/\s@]+@")

_events: ContextVar[tuple[str, ...]] = ContextVar("events", default=())


@contextmanager
def about(event_ids: Iterable[str]) -> Generator[None]:
    """Everything that is logged meanwhile, by this thread or task, is about these events (ids of messages)."""
    token = _events.set(tuple(event_ids))
    try:
        yield
    finally:
        _events.reset(token)


def current_events() -> tuple[str, ...]:
    """Ids of the events that are being worked on."""
    return _events.get()


class Lines(logging.Formatter):
    """One readable line; a traceback follows."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    @override
    def formatMessage(self, record: logging.LogRecord) -> str:
        ids = current_events()
        shown = ",".join(ids[:_SHOWN_IDS]) + (f",… ({len(ids)})" if len(ids) > _SHOWN_IDS else "")
        return super().formatMessage(record) + (f" events={shown}" if ids else "")

    @override
    def format(self, record: logging.LogRecord) -> str:
        return _without_passwords(super().format(record))


class JsonLines(logging.Formatter):
    """One JSON object a line: `at`, `level`, `logger`, `event` with its fields (or `message`), `events`, `error`."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            **_said(record),
            "at": datetime.fromtimestamp(record.created, tz=UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if ids := current_events():
            entry["events"] = ids[:MOST_IDS]
            entry |= {"events_left_off": len(ids) - MOST_IDS} if len(ids) > MOST_IDS else {}
        if record.exc_info and record.exc_info[1] is not None:
            entry["error"] = "".join(traceback.format_exception(record.exc_info[1]))
        return _without_passwords(json.dumps(entry, ensure_ascii=False, default=str))


class LastLines(logging.Handler):
    """Keeps the last lines in memory, for who asks from afar."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.setFormatter(Lines())
        self._lines: deque[str] = deque(maxlen=count)

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(self.format(record))

    def text(self) -> str:
        """All of them, the oldest first."""
        with self.lock or nullcontext():
            return "".join(f"{line}\n" for line in self._lines)


def set_up_logs(*, is_json: bool, is_verbose: bool) -> None:
    """Log to standard error; where lines are JSON, a bug that ends the process is one of them."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if is_json else Lines())
    logging.basicConfig(level=logging.DEBUG if is_verbose else logging.INFO, handlers=[handler])
    for noisy in ("httpx", "httpcore", "nats"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    if is_json:
        sys.excepthook = lambda kind, error, trace: logging.getLogger(__name__).critical(
            "process_failed", exc_info=(kind, error, trace)
        )


def _said(record: logging.LogRecord) -> dict[str, Any]:
    if isinstance(record.msg, str) and isinstance(record.args, tuple) and _EVENT.fullmatch(record.msg):
        names = _FIELD.findall(record.msg)
        return {"event": record.msg.partition(" ")[0]} | dict(zip(names, map(_value, record.args), strict=True))
    return {"message": record.getMessage()}


def _value(value: object) -> object:
    return value if isinstance(value, bool | int | float | str) or value is None else str(value)


def _without_passwords(text: str) -> str:
    """A password that stands in an address is none of a log's business, wherever the text comes from."""
    return _PASSWORD.sub(r"\1:***@", text)
