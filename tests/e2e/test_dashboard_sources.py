"""The sources of the pages: types fresh and right, lint, unit tests (`npm run check`)."""

import subprocess
import tempfile
from pathlib import Path

import pytest

from deploy import build_dashboard as build


@pytest.mark.timeout(300)
def test_npm_run_check_finds_nothing() -> None:
    node = build.find_node()
    with tempfile.TemporaryDirectory() as scratch:
        build.install_packages(node, build.DASHBOARD, Path(scratch))
        done = subprocess.run(
            [*node.npm, "run", "--silent", "check"],
            cwd=build.DASHBOARD,
            env={**build.environment(node, Path(scratch)), "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
