"""Blurred pictures: kept on disk under their hash, sent by HTTP PUT."""

import contextlib
import hashlib
import logging
import random
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Final

import httpx
from prometheus_client import Counter

from edge_agent.durable import DRAFT_SUFFIX, make_folder, replace_file
from edge_agent.errors import PictureError
from edge_agent.uplink.cloud import CloudAddress
from edge_agent.uplink.outbox import LONGEST_PICTURE_WAIT, Outbox
from edge_agent.uplink.store import WaitingPicture

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 0.5
FIRST_WAIT_S: Final = 1.0
MAX_REFUSALS: Final = 12
"""With the waits above more than half an hour: by then a message that the cloud has was also read by the store."""
SWEEP_EVERY_S: Final = 300.0
SENT_BYTES: Final = Counter("busense_agent_picture_bytes", "Bytes of pictures that the cloud took.")
_HEADERS: Final = {"Content-Type": "image/jpeg"}
_SUFFIX: Final = ".jpg"
_DONE: Final = frozenset({HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NO_CONTENT})
_MAY_HEAL: Final = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,  # enrolment may lag behind
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.CONFLICT,  # not announced yet: its message is in quarantine, or another server is behind
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)


class PictureFolder:
    """Pictures by content hash."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, content: bytes) -> str:
        """Write a picture so that a power cut leaves all of it or nothing; its SHA-256 in hex.

        Raises:
            PictureError: the disk does not take it.
        """
        sha256 = hashlib.sha256(content).hexdigest()
        path = self._path(sha256)
        try:
            if not path.exists():
                make_folder(self._folder)
                replace_file(path, content)
        except OSError as error:
            raise PictureError(f"{path} cannot be written: {error}") from error
        return sha256

    def read(self, sha256: str) -> bytes | None:
        """Content, or None when it is gone."""
        try:
            return self._path(sha256).read_bytes()
        except OSError:
            return None

    def remove(self, sha256: str) -> None:
        """Delete a picture; one that the disk does not let go is sent again by the next sweep, and deleted then."""
        with contextlib.suppress(OSError):
            self._path(sha256).unlink()

    def names(self) -> set[str]:
        """Hashes of all pictures that lie here."""
        return {path.stem for path in self._folder.glob(f"*{_SUFFIX}")}

    def size_bytes(self, sha256: str) -> int:
        """Of a picture; 0 when it is gone."""
        try:
            return self._path(sha256).stat().st_size
        except OSError:
            return 0

    def remove_drafts(self, *, older_than_s: float) -> None:
        """Delete what a power cut left half written."""
        for path in self._folder.glob(f"*{DRAFT_SUFFIX}"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime >= older_than_s:
                    path.unlink()

    def _path(self, sha256: str) -> Path:
        return self._folder / f"{sha256}{_SUFFIX}"


class Uploader:
    """Sends pictures whose message the cloud has stored."""

    def __init__(
        self, cloud: CloudAddress, outbox: Outbox, folder: PictureFolder, *, now: Callable[[], datetime]
    ) -> None:
        self._cloud = cloud
        self._outbox = outbox
        self._folder = folder
        self._now = now
        self.sent = 0
        self.given_up = 0

    def run(self, stop: threading.Event) -> None:
        """Send until told to stop."""
        sweep_at_s = time.monotonic()
        client = self._cloud.client_once_readable(stop)
        if client is None:
            return
        with client:
            while not stop.is_set():
                if time.monotonic() >= sweep_at_s and self._outbox.is_whole:
                    self._sweep()
                    sweep_at_s = time.monotonic() + SWEEP_EVERY_S
                due = self._outbox.pictures_due(1, now=self._now())
                for picture in due:
                    self._send(client, picture)
                if not due:
                    stop.wait(LOOK_EVERY_S)

    def _sweep(self) -> None:
        """Send what lies in the folder and what the outbox has forgotten: only what was sent is deleted.

        A damaged file takes the list of pictures with it, and what was kept in memory ends with the power.
        """
        self._folder.remove_drafts(older_than_s=SWEEP_EVERY_S)
        for sha256 in sorted(self._folder.names() - self._outbox.picture_names()):
            self._outbox.adopt_picture(sha256, size=self._folder.size_bytes(sha256))
            log.warning("picture_adopted sha256=%s", sha256)

    def _send(self, client: httpx.Client, picture: WaitingPicture) -> None:
        content = self._folder.read(picture.sha256)
        if content is None:
            self._give_up(picture, "its file is gone")
            return
        try:
            answer = client.put(f"/api/v1/pictures/{picture.sha256}", content=content, headers=_HEADERS)
        except httpx.RequestError as error:
            self._try_later(picture, str(error) or type(error).__name__)
            return
        self._judge(picture, answer, picture_bytes=len(content))

    def _judge(self, picture: WaitingPicture, answer: httpx.Response, *, picture_bytes: int) -> None:
        status = answer.status_code
        if status in _DONE:
            self._outbox.remove_picture(picture.sha256)
            self._folder.remove(picture.sha256)
            self.sent += 1
            SENT_BYTES.inc(picture_bytes)
        elif not answer.is_client_error or (status in _MAY_HEAL and picture.tries < MAX_REFUSALS):
            self._try_later(picture, f"status {status}")
        else:
            self._give_up(picture, f"status {status}: {answer.text[:200]}")

    def _try_later(self, picture: WaitingPicture, reason: str) -> None:
        longest_s = min(FIRST_WAIT_S * 2.0**picture.tries, LONGEST_PICTURE_WAIT.total_seconds())
        wait_s = longest_s * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        self._outbox.delay_picture(picture.sha256, until=self._now() + timedelta(seconds=wait_s))
        log.info("picture_delayed sha256=%s wait_s=%.1f reason=%s", picture.sha256, wait_s, reason)

    def _give_up(self, picture: WaitingPicture, reason: str) -> None:
        self._outbox.remove_picture(picture.sha256)
        self._folder.remove(picture.sha256)
        self.given_up += 1
        log.warning("picture_given_up sha256=%s reason=%s", picture.sha256, reason)
