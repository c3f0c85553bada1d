"""Known weaknesses in what the lock files name, without a network: `python deploy/audit.py FOLDER`.

FOLDER holds advisories in the form of OSV, one JSON file each, as https://osv.dev hands them out by ecosystem (PyPI and
npm, `all.zip`), unpacked. Bring a fresh one before a release: what the folder does not know is not found.
The lock files themselves are looked at too: each package must be of one version, with the hash of its file.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from packaging.version import InvalidVersion, Version

ROOT = Path(__file__).resolve().parent.parent
PYTHON_LOCK = ROOT / "requirements.lock"
NPM_LOCK = ROOT / "cloud" / "dashboard" / "package-lock.json"
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)")
_DASHES = re.compile(r"[-_.]+")


class Package(NamedTuple):
    """A package of one version."""

    ecosystem: str
    name: str
    version: str


class Weakness(NamedTuple):
    """An advisory that names a package of ours."""

    package: Package
    advisory: str
    summary: str


def python_packages(text: str) -> list[Package]:
    """Packages of a lock file of Python.

    Raises:
        ValueError: a line is no exact version, or has no hash.
    """
    found: list[Package] = []
    for block in re.split(r"\n(?=\S)", text.strip()):
        if block.startswith("#"):
            continue
        pinned = _PINNED.match(block)
        if pinned is None or "--hash=sha256:" not in block:
            raise ValueError(f"{block[:80]!r}: NAME==VERSION with a --hash=sha256 is expected")
        found.append(Package("PyPI", _plain(pinned[1]), pinned[2]))
    return found


def npm_packages(text: str) -> list[Package]:
    """Packages of a lock file of npm.

    Raises:
        ValueError: one has no hash.
    """
    found: list[Package] = []
    for path, entry in json.loads(text)["packages"].items():
        if path:  # the first is our own
            name = entry.get("name") or path.rpartition("node_modules/")[2]
            if "integrity" not in entry:
                raise ValueError(f"{path}: an integrity is expected")
            found.append(Package("npm", name, entry["version"]))
    return found


def weaknesses(packages: Iterable[Package], advisories: Iterable[dict[str, Any]]) -> Iterator[Weakness]:
    """Advisories that name one of these packages in its version."""
    known: dict[tuple[str, str], set[Package]] = {}
    for package in packages:
        known.setdefault((package.ecosystem, package.name), set()).add(package)
    for advisory in advisories:
        if "withdrawn" in advisory:
            continue
        for affected in advisory.get("affected", []):
            of = affected.get("package", {})
            name = _plain(of.get("name", "")) if of.get("ecosystem") == "PyPI" else of.get("name", "")
            for package in sorted(known.get((of.get("ecosystem", ""), name), ())):
                if _is_affected(package.version, affected):
                    yield Weakness(package, advisory["id"], advisory.get("summary", ""))


def read_advisories(folder: Path) -> Iterator[dict[str, Any]]:
    """All advisories in a folder."""
    for path in sorted(folder.rglob("*.json")):
        yield json.loads(path.read_text())


def _is_affected(version: str, affected: dict[str, Any]) -> bool:
    if version in affected.get("versions", []):
        return True
    spans = (each["events"] for each in affected.get("ranges", []) if each.get("type") in {"ECOSYSTEM", "SEMVER"})
    return any(_is_within(version, events) for events in spans)


def _is_within(version: str, events: Iterable[dict[str, str]]) -> bool:
    """Whether the newest event up to a version is one that begins a weakness; a version that is none is affected."""
    is_weak = False
    try:
        ours = Version(version)
        for kind, at in sorted(
            ((kind, Version(text)) for event in events for kind, text in event.items() if kind != "limit"),
            key=lambda event: (event[1], event[0] == "introduced"),
        ):
            if kind == "last_affected":
                is_weak = is_weak and ours <= at
            elif ours >= at:
                is_weak = kind == "introduced"
    except InvalidVersion:
        return True
    return is_weak


def _plain(name: str) -> str:
    return _DASHES.sub("-", name).lower()


def main(folder: Path) -> int:
    """Tell what is weak; how many."""
    packages = [*python_packages(PYTHON_LOCK.read_text()), *npm_packages(NPM_LOCK.read_text())]
    advisories = list(read_advisories(folder))
    if not advisories:
        print(f"{folder} holds no advisories: nothing was looked for")
        return 1
    found = list(weaknesses(packages, advisories))
    for weakness in found:
        print(f"{weakness.package.name} {weakness.package.version}: {weakness.advisory} {weakness.summary}")
    print(f"{len(packages)} packages, {len(advisories)} advisories: {len(found)} weaknesses")
    return len(found)


if __name__ == "__main__":
    sys.exit(min(main(Path(sys.argv[1])), 1))
