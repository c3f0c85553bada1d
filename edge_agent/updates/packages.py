"""Packages from the cloud: fetched piece by piece, whatever the network and the power do, and kept by their hash."""

import contextlib
import hashlib
import logging
import random
import re
from collections.abc import Callable, Collection
from http import HTTPStatus
from pathlib import Path
from typing import Final

import httpx
from prometheus_client import Counter

from edge_agent.durable import make_folder, replace_file, sync, sync_folder
from edge_agent.errors import EdgeError, UpdateError
from edge_agent.uplink.cloud import CloudAddress
from wire.errors import PackageError
from wire.package import MAX_BYTES, Package, PackageKind, read_package

log = logging.getLogger(__name__)

FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 300.0
MAX_REFUSALS: Final = 16
"""With the waits about half an hour: by then a server that was behind knows the package."""
MAX_WRONG: Final = 3  # whole files with another hash
SYNC_EVERY_BYTES: Final = 1_048_576
_MAX_SIGNATURE_BYTES: Final = 4096
_CONTENT_RANGE: Final = re.compile(r"bytes (\d{1,12})-\d{1,12}/(\d{1,12})")
_SUFFIX: Final = ".package"
_DRAFT_SUFFIX: Final = ".part"
_SIGNATURE_SUFFIX: Final = ".minisig"
FETCHED_BYTES: Final = Counter("busense_agent_package_bytes", "Bytes of packages that were fetched.")


class _RefusedError(EdgeError):
    """The server, our disk or the file of authorities says no; that may heal."""


class _WrongError(EdgeError):
    """What came is not what was asked for; begin anew."""


class Packages:
    """Files by SHA-256 in a folder, and the cloud they come from."""

    def __init__(self, folder: Path, cloud: CloudAddress, *, wait: Callable[[float], object]) -> None:
        """`wait` waits so many seconds, or less when there is news."""
        self._folder = folder
        self._cloud = cloud
        self._wait = wait

    def take(
        self, sha256: str, *, kind: PackageKind, keys: Collection[str], is_wanted: Callable[[], bool]
    ) -> Package | None:
        """Fetch a package, for as long as it takes; None when it is not wanted any more.

        Raises:
            UpdateError: it is not to be had, not what it should be, or nobody whom we trust has signed it.
        """
        if not self._fetch_all(sha256, is_wanted=is_wanted):
            return None
        try:
            content, signature = self._path(sha256).read_bytes(), self._signature(sha256).read_text("ascii", "replace")
            package = read_package(content, signature=signature, keys=tuple(keys))
        except (OSError, PackageError) as error:
            self.remove(sha256)
            raise UpdateError(f"package {sha256[:8]}: {error}") from error
        if package.about.kind is not kind:
            raise UpdateError(f"package {sha256[:8]} is of kind {package.about.kind}; {kind} is expected")
        return package

    def remove(self, sha256: str) -> None:
        for path in (self._path(sha256), self._draft(sha256), self._signature(sha256)):
            with contextlib.suppress(OSError):
                path.unlink()

    def keep_only(self, names: Collection[str]) -> None:
        """Delete all other packages, and what was begun of them."""
        for path in self._folder.glob("*"):
            if path.stem not in names:
                with contextlib.suppress(OSError):
                    path.unlink()

    def _fetch_all(self, sha256: str, *, is_wanted: Callable[[], bool]) -> bool:
        failures = refusals = wrong = 0
        while is_wanted():
            had = _size(self._draft(sha256))
            try:
                with self._client() as client:
                    if self._fetch_file(client, sha256, is_wanted) and self._fetch_signature(client, sha256):
                        return True
                continue
            except httpx.RequestError as error:
                reason = str(error) or type(error).__name__
            except _RefusedError as error:
                reason, refusals = str(error), refusals + 1
            except OSError as error:
                reason, refusals = f"the disk does not take it: {error}", refusals + 1
            except _WrongError as error:
                reason, wrong = str(error), wrong + 1
                self.remove(sha256)
            if refusals >= MAX_REFUSALS or wrong >= MAX_WRONG:
                raise UpdateError(f"package {sha256[:8]} is not to be had: {reason}")
            failures = 0 if _size(self._draft(sha256)) > had else failures + 1
            self._wait_after(failures, sha256, reason)
        return False

    def _client(self) -> httpx.Client:
        try:
            return self._cloud.client()
        except OSError as error:
            raise _RefusedError(f"cloud.ca_file {self._cloud.ca_file} cannot be read: {error}") from error

    def _wait_after(self, failures: int, sha256: str, reason: str) -> None:
        longest_s = min(FIRST_WAIT_S * 2.0**failures, LONGEST_WAIT_S)
        wait_s = longest_s * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        log.info("package_delayed sha256=%s wait_s=%.1f reason=%s", sha256, wait_s, reason)
        self._wait(wait_s)

    def _fetch_file(self, client: httpx.Client, sha256: str, is_wanted: Callable[[], bool]) -> bool:
        """Fetch what is missing; False when it is not wanted any more."""
        path, draft = self._path(sha256), self._draft(sha256)
        if path.exists():
            return True
        make_folder(self._folder)
        while _hash(draft) != sha256:
            had = _size(draft)
            headers = {"Range": f"bytes={had}-", "Accept-Encoding": "identity"}
            with client.stream("GET", f"/api/v1/devices/packages/{sha256}", headers=headers) as answer:
                ends_at = _end_of(answer, had=had)
                if not _append(answer, draft, had=had, is_wanted=is_wanted):
                    return False
            _check_part(draft, sha256, had=had, ends_at=ends_at)
        draft.replace(path)
        sync_folder(self._folder)
        log.info("package_fetched sha256=%s bytes=%d", sha256, _size(path))
        return True

    def _fetch_signature(self, client: httpx.Client, sha256: str) -> bool:
        path = self._signature(sha256)
        if not path.exists():
            answer = client.get(f"/api/v1/devices/packages/{sha256}/signature")
            if answer.status_code != HTTPStatus.OK:
                raise _refusal(answer.status_code)
            if len(answer.content) > _MAX_SIGNATURE_BYTES:
                raise _WrongError("its signature is too long")
            replace_file(path, answer.content)
        return True

    def _path(self, sha256: str) -> Path:
        return self._folder / f"{sha256}{_SUFFIX}"

    def _draft(self, sha256: str) -> Path:
        return self._folder / f"{sha256}{_DRAFT_SUFFIX}"

    def _signature(self, sha256: str) -> Path:
        return self._folder / f"{sha256}{_SIGNATURE_SUFFIX}"


def _end_of(answer: httpx.Response, *, had: int) -> int:
    """Where the whole file ends; a part may end before, an answer with all of it ends where it ends."""
    match answer.status_code:
        case HTTPStatus.PARTIAL_CONTENT:
            told = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
            if told is None or int(told[1]) != had:
                raise _WrongError("another part came than was asked for")
            return int(told[2])
        case HTTPStatus.OK:
            return 0
        case HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise _WrongError(f"{had} bytes are more than the server has")
        case status:
            raise _refusal(status)


def _check_part(draft: Path, sha256: str, *, had: int, ends_at: int) -> None:
    """Look whether there is more now, and all that there is in the end."""
    size = _size(draft)
    if size >= ends_at and (found := _hash(draft)) != sha256:
        raise _WrongError(f"what came has the SHA-256 {found}")
    if size == had and size < ends_at:
        raise httpx.RemoteProtocolError("nothing came")


def _append(answer: httpx.Response, draft: Path, *, had: int, is_wanted: Callable[[], bool]) -> bool:
    """Append what comes; an answer with the whole file begins it anew."""
    if answer.status_code == HTTPStatus.OK:
        had, mode = 0, "wb"
    else:
        mode = "ab"
    with draft.open(mode) as file:
        unsynced = 0
        for block in answer.iter_bytes():
            had += len(block)
            if had > MAX_BYTES:
                raise _WrongError(f"it is larger than {MAX_BYTES} bytes")
            file.write(block)
            FETCHED_BYTES.inc(len(block))
            unsynced += len(block)
            if unsynced >= SYNC_EVERY_BYTES:
                sync(file)
                unsynced = 0
            if not is_wanted():
                return False
        sync(file)
    return True


def _refusal(status: int) -> Exception:
    """A server that fails is like one that is not there."""
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return httpx.RemoteProtocolError(f"the server answers {status}")
    return _RefusedError(f"the server answers {status}")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _hash(path: Path) -> str | None:
    """Of a file; None when there is none."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
