"""What the tests of the pages share: one browser for a file, a stub of the API for a test."""

from collections.abc import Generator

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.browser import TIMEOUT_MS, running_browser
from tests.e2e.stub_api import DIST, Stub, running_stub

expect.set_options(timeout=TIMEOUT_MS / 2)


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    """A browser, if the pages are built and one is there."""
    if not (DIST / "index.html").is_file():
        pytest.skip("the pages are not built (make dashboard): skipped the look at them")
    with running_browser() as running:
        yield running


@pytest.fixture
def stub() -> Generator[Stub]:
    """A fresh stub of the API."""
    with running_stub() as running:
        yield running


@pytest.fixture
def url(stub: Stub) -> str:
    """Where the stub is."""
    return stub.address
