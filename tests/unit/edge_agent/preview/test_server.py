"""Only who has the token sees anything; what is asked is bounded."""

import json
import logging
import re
import socket
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlsplit

import pytest

from edge_agent.config import MODELS
from edge_agent.errors import ConfigurationError
from edge_agent.preview.preview import Preview
from edge_agent.preview.server import COOKIE, parse_address, serving
from edge_agent.vision.privacy import Privacy
from telemetry.server import MAX_CONNECTIONS
from tests.unit.edge_agent.preview.scenes import BUS, scene
from tests.unit.edge_agent.scenes import CAMERA
from tests.waiting import wait_until

PAGES = ["/", "/page.js", "/words.js", "/page.css", "/frame.jpg", "/status.json", "/aim.json"]


@pytest.fixture(scope="module")
def preview() -> Preview:
    privacy = Privacy(MODELS / "faces" / "manifest.toml", threads=1)
    preview = Preview(CAMERA, privacy=privacy, bus=lambda: BUS)
    preview.show(scene())
    return preview


@pytest.fixture(scope="module")
def url(preview: Preview) -> Iterator[str]:
    with serving(preview, "127.0.0.1:0") as url:
        yield url


def token_of(url: str) -> str:
    return urlsplit(url).query.removeprefix("token=")


def ask(url: str, path: str, *, method: str = "GET", cookie: str | None = None) -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.request(method, path, headers={} if cookie is None else {"Cookie": cookie})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer, content


def ask_as_known(url: str, path: str) -> tuple[HTTPResponse, bytes]:
    return ask(url, path, cookie=f"{COOKIE}={token_of(url)}")


def test_token_is_random_and_long(preview: Preview) -> None:
    with serving(preview, "127.0.0.1:0") as first, serving(preview, "127.0.0.1:0") as second:
        assert token_of(first) != token_of(second)
        assert len(token_of(first)) >= 22


def test_address_with_the_token_becomes_a_cookie_that_scripts_and_other_sites_cannot_use(url: str) -> None:
    answer, _ = ask(url, f"/?token={token_of(url)}")

    assert answer.status == 303
    assert answer.getheader("Location") == "/"
    cookie = answer.getheader("Set-Cookie") or ""
    assert cookie.startswith(f"{COOKIE}={token_of(url)};")
    assert {"HttpOnly", "SameSite=Strict"} <= set(cookie.split("; "))


@pytest.mark.parametrize("path", [*PAGES, "/nothing"])
@pytest.mark.parametrize("cookie", [None, f"{COOKIE}=", f"{COOKIE}=guess", "broken=[", 'x="\\'])
def test_without_the_token_nothing_is_shown(url: str, path: str, cookie: str | None) -> None:
    answer, content = ask(url, path, cookie=cookie)

    assert answer.status == 403
    assert token_of(url).encode() not in content
    assert b"journalctl" in content


@pytest.mark.parametrize("query", ["token=guess", "token=", "token", "token=%00", "token=" + "x" * 5000])
def test_a_wrong_token_opens_nothing(url: str, query: str) -> None:
    answer, _ = ask(url, f"/?{query}")

    assert answer.status == 403
    assert answer.getheader("Set-Cookie") is None


def test_token_in_the_address_opens_only_the_page(url: str) -> None:
    assert ask(url, f"/frame.jpg?token={token_of(url)}")[0].status == 403


@pytest.mark.parametrize("path", PAGES)
def test_with_the_token_each_page_is_there_and_strict(url: str, path: str) -> None:
    answer, content = ask_as_known(url, path)

    assert answer.status == 200
    assert content
    assert answer.getheader("Cache-Control") == "no-store"
    assert answer.getheader("X-Content-Type-Options") == "nosniff"
    policy = answer.getheader("Content-Security-Policy") or ""
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


def test_page_names_no_other_place(url: str) -> None:
    for path in ("/", "/page.js", "/words.js", "/page.css"):
        assert not re.search(rb"https?:|//[a-z]+\.", ask_as_known(url, path)[1])


@pytest.mark.parametrize(
    "path", ["/nothing", "/../agent.toml", "/page/index.html", "//page.js/", "/index.html", "/%2e%2e"]
)
def test_other_paths_are_not_there(url: str, path: str) -> None:
    assert ask_as_known(url, path)[0].status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_changed(url: str, method: str) -> None:
    assert ask(url, "/", method=method, cookie=f"{COOKIE}={token_of(url)}")[0].status == 501


def test_more_questions_than_any_page_has_are_refused(url: str) -> None:
    assert ask_as_known(url, "/?a=1&b=2&c=3&d=4&e=5")[0].status == 400


@pytest.mark.parametrize("after", ["-1", "x", "nan", "inf", "1e400", ""])
def test_a_number_that_is_none_asks_for_the_newest(url: str, after: str) -> None:
    assert json.loads(ask_as_known(url, f"/status.json?after={after}")[1])["number"] == 1


@pytest.mark.parametrize(("horizon", "tilt"), [("0.5", "down"), ("0.2", "right"), ("0", "up"), ("9e9", "down")])
def test_advice_for_a_horizon(url: str, horizon: str, tilt: str) -> None:
    assert json.loads(ask_as_known(url, f"/aim.json?horizon={horizon}")[1])["tilt"] == tilt


def test_without_privacy_the_frame_is_refused_in_plain_words() -> None:
    blind = Preview(CAMERA, privacy=None, bus=lambda: BUS)
    blind.show(scene())
    with serving(blind, "127.0.0.1:0") as url:
        answer, content = ask_as_known(url, "/frame.jpg")
    assert answer.status == 503
    assert b"blur" in content


def test_too_many_connections_are_closed_and_the_page_lives_on(preview: Preview) -> None:
    with serving(preview, "127.0.0.1:0") as url:
        parts = urlsplit(url)
        place = (parts.hostname or "", parts.port or 0)
        silent = [socket.create_connection(place, timeout=10) for _ in range(MAX_CONNECTIONS)]
        with socket.create_connection(place, timeout=10) as one_too_many:
            assert one_too_many.recv(1) == b""
        for connection in silent:
            connection.close()
        wait_until(lambda: is_answered(url))


def is_answered(url: str) -> bool:
    try:
        return ask_as_known(url, "/")[0].status == 200
    except OSError:
        return False


def test_the_token_is_not_logged_by_requests(preview: Preview, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), serving(preview, "127.0.0.1:0") as url:
        ask(url, f"/?token={token_of(url)}")
    assert token_of(url) not in caplog.text


def test_an_address_open_to_the_network_is_warned_of(preview: Preview, caplog: pytest.LogCaptureFixture) -> None:
    with serving(preview, "127.0.0.1:0"):
        assert "preview_open_to_network" not in caplog.text
    with serving(preview, "0.0.0.0:0") as url:
        assert "preview_open_to_network" in caplog.text
        assert urlsplit(url).hostname == socket.gethostname()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8787", ("127.0.0.1", 8787)),
        ("8787", ("127.0.0.1", 8787)),
        (":8787", ("127.0.0.1", 8787)),
        ("[::1]:0", ("::1", 0)),
        ("bus.local:80", ("bus.local", 80)),
    ],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "localhost", "localhost:", "1.2.3.4:65536", "1.2.3.4:-1", "a:b"])
def test_what_is_no_address_is_named(text: str) -> None:
    with pytest.raises(ConfigurationError, match="HOST:PORT"):
        parse_address(text)


def test_a_taken_port_is_named(preview: Preview) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=str(port)), serving(preview, f"127.0.0.1:{port}"):
            pass
