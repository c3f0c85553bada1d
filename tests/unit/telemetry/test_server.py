"""Whoever watches a process asks three addresses; nobody else gets anything, and the process goes on without them."""

import json
import socket
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from telemetry.server import MAX_CONNECTIONS, Needs, is_loopback, parse_address, telling


@pytest.fixture
def needs() -> Needs:
    return Needs(database="the database has not answered yet")


@pytest.fixture
def url(needs: Needs) -> Iterator[str]:
    with telling("127.0.0.1:0", process="ingest", missing=needs.missing) as url:
        assert url is not None
        yield url


def test_ready_says_in_plain_words_what_is_missing(url: str, needs: Needs) -> None:
    answer = httpx.get(f"{url}/health/ready")
    assert answer.status_code == 503
    assert answer.json()["missing"] == {"database": "the database has not answered yet"}
    needs.have("database")
    answer = httpx.get(f"{url}/health/ready")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    needs.lack("broker", "nats://broker:4222 does not answer")
    assert httpx.get(f"{url}/health/ready").json()["missing"] == {"broker": "nats://broker:4222 does not answer"}


def test_process_that_lacks_something_is_alive(url: str) -> None:
    answer = httpx.get(f"{url}/health/live")
    assert answer.status_code == 200
    assert answer.json()["process"] == "ingest"


def test_metrics_are_in_the_form_that_prometheus_reads(url: str) -> None:
    answer = httpx.get(f"{url}/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    names = {family.name for family in text_string_to_metric_families(answer.text)}
    assert "process_resident_memory_bytes" in names


def test_nothing_else_is_there(url: str) -> None:
    assert httpx.get(f"{url}/").status_code == 404
    assert httpx.post(f"{url}/metrics").status_code == 501


def test_without_an_address_nobody_listens() -> None:
    with telling(None, process="ingest", missing=dict) as url:
        assert url is None


def test_process_goes_on_when_the_address_is_taken(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with telling(url.removeprefix("http://"), process="work", missing=dict) as second:
        assert second is None
    assert "telemetry_closed" in caplog.text


def test_connections_are_bounded(url: str) -> None:
    host, port = parse_address(url.removeprefix("http://"))
    silent = [socket.create_connection((host, port)) for _ in range(MAX_CONNECTIONS)]
    try:
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{url}/health/live", timeout=5)
    finally:
        for connection in silent:
            connection.close()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("9181", ("127.0.0.1", 9181)),
        ("0.0.0.0:9181", ("0.0.0.0", 9181)),  # noqa: S104
        ("[::1]:9181", ("::1", 9181)),
    ],
)
def test_address_is_host_and_port(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "here", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:-1", "127.0.0.1:8O"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no address"):
        parse_address(text)


def test_loopback_is_told_apart() -> None:
    assert is_loopback("127.0.0.1")
    assert is_loopback("localhost")
    assert not is_loopback("0.0.0.0")  # noqa: S104


def test_answers_are_json_of_the_process(url: str) -> None:
    said = json.loads(httpx.get(f"{url}/health/ready").content)
    assert set(said) == {"status", "missing", "process", "version"}
