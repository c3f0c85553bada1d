"""Answers to what the cloud asks for: a picture of now, blurred, or the last lines of the log."""

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import httpx

from edge_agent.uplink.cloud import CloudAddress
from wire.messages import CommandKind

log = logging.getLogger(__name__)

MOST_WAITING: Final = 4
"""Nobody looks at more at once; what comes beyond is not answered."""
MAX_LETTERS: Final = 250_000  # of a log: at most a megabyte
TRIES: Final = 3
WAIT_S: Final = 5.0
_LOOK_EVERY_S: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    number: str
    content: bytes


class Answers:
    """Hears questions from the publisher's thread, gets pictures from the agent's, and sends in its own."""

    def __init__(self, cloud: CloudAddress, *, logs: Callable[[], str], wait_s: float = WAIT_S) -> None:
        self._cloud = cloud
        self._logs = logs
        self._wait_s = wait_s
        self._pictures: queue.Queue[str] = queue.Queue(MOST_WAITING)
        self._ready: queue.Queue[_Answer] = queue.Queue(MOST_WAITING)

    def ask(self, kind: CommandKind, number: str) -> None:
        """Ask for something; `number` is the id of the message that asks."""
        try:
            match kind:
                case CommandKind.SEND_PICTURE:
                    self._pictures.put_nowait(number)
                case CommandKind.SEND_LOGS:
                    self.give(number, self._logs()[-MAX_LETTERS:].encode())
                case _:
                    log.info("question_ignored kind=%s", kind.value)
        except queue.Full:
            log.warning("command_unanswered kind=%s reason=too many at once", kind.value)

    def next_picture(self) -> str | None:
        """The number under which a picture of now is wanted; none when nobody wants one."""
        try:
            return self._pictures.get_nowait()
        except queue.Empty:
            return None

    def give(self, number: str, content: bytes) -> None:
        """Give an answer; one that comes while too many wait is dropped."""
        try:
            self._ready.put_nowait(_Answer(number=number, content=content))
        except queue.Full:
            log.warning("answer_dropped number=%s", number)

    def run(self, stop: threading.Event) -> None:
        """Send until told to stop; an answer that is not taken after some tries is of no use any more."""
        client = self._cloud.client_once_readable(stop)
        if client is None:
            return
        with client:
            while not stop.is_set():
                try:
                    answer = self._ready.get(timeout=_LOOK_EVERY_S)
                except queue.Empty:
                    continue
                self._send(client, answer, stop)

    def _send(self, client: httpx.Client, answer: _Answer, stop: threading.Event) -> None:
        for _ in range(TRIES):
            try:
                status = client.put(f"/api/v1/devices/answers/{answer.number}", content=answer.content).status_code
            except httpx.RequestError as error:
                log.info("answer_delayed number=%s error=%s", answer.number, error)
            else:
                log.info("answer_sent number=%s bytes=%d status=%d", answer.number, len(answer.content), status)
                if status < HTTPStatus.INTERNAL_SERVER_ERROR:
                    return
            if stop.wait(self._wait_s):
                return
