"""Every text that the server can send is hostile HTML, on every page: it is shown, never run."""

import json
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Route

from tests.e2e.browser import open_viewer
from tests.e2e.stub_data import BOSS, CREW

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

HOSTILE: Final = "<img src=x onerror=pwned=1><svg/onload=pwned=1><script>pwned=1</script>{{pwned=1}}\"'><b class=evil>"
FREE_TEXTS: Final = frozenset(
    (
        *("zh", "en", "actor", "device", "number", "crew", "unit", "label", "browser", "address", "name"),
        *("provider", "reason", "oidc_name", "way", "title", "detail", "problem", "software", "proposed_by"),
    )
)
PAGES: Final = (
    *("/", "/?finding=f1", "/findings", "/findings/f1", "/cases", "/cases/c1", "/cases/c5", "/triage"),
    *("/roads?segment=s1", "/fleet", "/statistics", "/settings", "/login", "/account", "/people", "/wall"),
)
CREATED: Final = "document.querySelectorAll('.evil, [onerror], [onload], script:not([src])').length"


def spoilt(value: Any, key: str = "") -> Any:  # noqa: ANN401 - JSON
    """The same answer with every free text replaced; keys and identifiers stay, so that the pages find them."""
    if isinstance(value, dict):
        return {name: spoilt(each, name) for name, each in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, list):
        return [spoilt(each, key) for each in value]  # pyright: ignore[reportUnknownVariableType]
    return HOSTILE if isinstance(value, str) and key in FREE_TEXTS else value


def spoil(route: Route) -> None:
    answer = route.fetch()
    if "json" not in answer.headers.get("content-type", ""):
        route.fulfill(response=answer)
        return
    route.fulfill(response=answer, body=json.dumps(spoilt(answer.json())))


@pytest.mark.parametrize("token", [BOSS, CREW])
def test_hostile_texts_are_shown_and_not_run(browser: Browser, url: str, token: str) -> None:
    pages = PAGES if token == BOSS else ("/crew", "/crew/c3")
    with open_viewer(browser, url, token=token) as viewer:
        page = viewer.page
        page.route(lambda address: "/api/v1/" in address and "/events" not in address, spoil)
        page.on("dialog", lambda dialog: pytest.fail(f"a dialog: {dialog.message}"))
        for path in pages:
            viewer.go(path)
            page.wait_for_load_state("load")
            page.wait_for_function("document.querySelector('main, .entrance, .wall, .crew, #app > *') !== null")
            assert page.evaluate("typeof window.pwned") == "undefined", path
            assert page.evaluate(CREATED) == 0, path
        page.unroute_all(behavior="ignoreErrors")  # the last page may still ask
