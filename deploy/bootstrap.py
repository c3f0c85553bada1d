"""Make the virtual environment of this checkout: `python3.11 deploy/bootstrap.py .venv`.

Only the standard library is needed. Where Debian's python3 comes without pip (no python3-venv), pip's wheel is taken
out of Debian's package python3-pip-whl, which a plain user can download without installing it.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"


def main() -> None:
    """Make or mend the environment."""
    environment = Path(sys.argv[1]).resolve()
    if sys.version_info[:2] != (3, 11):
        sys.exit(f"busense needs Python 3.11; this is {sys.version.split()[0]}. Set PYTHON=/path/to/python3.11")
    python = environment / "bin" / "python"
    if not works(python):
        say("making .venv")
        make_environment(environment)
    say("installing the locked packages (a minute or two the first time)")
    run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", locked("uv")])
    install_locked(python)
    run([python, "-m", "pip", "install", "--quiet", "--no-deps", "-e", ROOT])
    say("ready")


def install_locked(python: Path) -> None:
    """Install the lock file with uv; where uv does not reach the index (it reads no pip.conf), with pip."""
    wanted: list[object] = ["install", "--quiet", "--require-hashes", "-r", LOCK]
    uv: list[object] = [python, "-m", "uv", "pip", *wanted, "--python", python, "--system-certs"]
    if subprocess.run([str(word) for word in uv], capture_output=True, check=False).returncode != 0:
        say("uv did not reach the package index; pip takes longer")
        run([python, "-m", "pip", *wanted])


def works(python: Path) -> bool:
    """Whether there is an environment whose pip runs (a broken or moved one is made anew)."""
    if not python.exists():
        return False
    return subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0


def make_environment(environment: Path) -> None:
    """Make a virtual environment with pip in it, with or without Debian's python3-venv."""
    shutil.rmtree(environment, ignore_errors=True)
    command = [sys.executable, "-m", "venv", str(environment)]
    if subprocess.run(command, capture_output=True, check=False).returncode == 0:
        return
    shutil.rmtree(environment, ignore_errors=True)
    run([*command, "--without-pip"])
    with tempfile.TemporaryDirectory() as folder:
        wheel = pip_wheel_from_debian(Path(folder))
        run([environment / "bin" / "python", f"{wheel}/pip", "install", "--quiet", "--no-index", wheel])


def pip_wheel_from_debian(folder: Path) -> Path:
    """Download and unpack python3-pip-whl in a folder of our own; nothing is installed."""
    apt = ["apt-get", "-qq", "-o", f"Dir::State={folder}/state", "-o", f"Dir::Cache={folder}/cache"]
    for part in ("state/lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True)
    try:
        run([*apt, "-o", "Dir::State::status=/var/lib/dpkg/status", "update"], cwd=folder)
        run([*apt, "-o", "Dir::State::status=/var/lib/dpkg/status", "download", "python3-pip-whl"], cwd=folder)
    except (FileNotFoundError, SystemExit):
        sys.exit("pip is missing and cannot be had: install it with `apt-get install python3-venv` and try again")
    (package,) = folder.glob("*.deb")
    run(["dpkg-deb", "-x", package, folder / "unpacked"])
    (wheel,) = folder.glob("unpacked/usr/share/python-wheels/pip-*.whl")
    return wheel


def locked(name: str) -> str:
    """`name==version` as the lock file has it."""
    for line in LOCK.read_text().splitlines():
        if line.startswith(f"{name}=="):
            return line.split()[0]
    sys.exit(f"{LOCK.name} does not name {name}")


def run(command: list[object], *, cwd: Path | None = None) -> None:
    """Run a command, or end with its exit code."""
    environment = {**os.environ, "UV_NO_PROGRESS": "1", "DEBIAN_FRONTEND": "noninteractive"}
    result = subprocess.run([str(word) for word in command], cwd=cwd, env=environment, check=False)
    if result.returncode != 0:
        sys.exit(f"failed ({result.returncode}): {' '.join(str(word) for word in command)}")


def say(text: str) -> None:
    """Tell a person what happens."""
    print(f"setup: {text}", flush=True)


if __name__ == "__main__":
    main()
