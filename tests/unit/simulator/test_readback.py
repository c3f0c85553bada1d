import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from typing_extensions import override

from simulator.errors import SimulatorError
from simulator.readback import CloudReader

Answer = Callable[[dict[str, list[str]]], object]


class Cloud:
    """Answers as the API does; `answers` by path below /api/v1."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked = 0
        cloud = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                cloud.asked += 1
                parts = urlsplit(self.path)
                answer = cloud.answers.get(parts.path.removeprefix("/api/v1"))
                self.send_response(200 if answer else 404)
                self.end_headers()
                if answer is not None:
                    self.wfile.write(json.dumps(answer(parse_qs(parts.query))).encode())

            @override
            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    cloud = Cloud()
    thread = threading.Thread(target=cloud.server.serve_forever, daemon=True)
    thread.start()
    yield cloud
    cloud.server.shutdown()
    cloud.server.server_close()
    thread.join()


@pytest.fixture
def reader(cloud: Cloud) -> Iterator[CloudReader]:
    reader = CloudReader(cloud.url)
    yield reader
    reader.close()


def _finding(name: str, state: str = "open") -> dict[str, Any]:
    properties = {"class_code": "D40", "state": state, "existence": 0.9, "passes_seen": 1, "passes_missed": 0}
    return {"id": name, "geometry": {"type": "Point", "coordinates": [120.0, 27.0]}, "properties": properties}


def test_rejected_findings_are_read_too(cloud: Cloud, reader: CloudReader) -> None:
    cloud.answers["/findings"] = lambda query: {"features": [_finding(state, state) for state in query["state"]]}
    assert {finding.id for finding in reader.findings()} == {"candidate", "open", "gone", "rejected"}


def test_findings_that_became_cases_come_from_all_pages(cloud: Cloud, reader: CloudReader) -> None:
    cloud.answers["/cases"] = lambda query: (
        {"items": [{"finding_id": "b"}]} if "cursor" in query else {"items": [{"finding_id": "a"}], "next": "second"}
    )
    assert reader.findings_of_cases() == {"a", "b"}


def test_findings_come_from_all_pages(cloud: Cloud, reader: CloudReader) -> None:
    def page(query: dict[str, list[str]]) -> object:
        if "cursor" in query:
            return {"features": [_finding("b", "candidate")], "next": None}
        return {"features": [_finding("a")], "next": "second"}

    cloud.answers["/findings"] = page
    findings = reader.findings()
    assert [(finding.id, finding.is_believed, finding.is_candidate) for finding in findings] == [
        ("a", True, False),
        ("b", False, True),
    ]
    assert (findings[0].claim().lon, findings[0].claim().lat) == (120.0, 27.0)


def test_groups_come_from_the_catalogue(cloud: Cloud, reader: CloudReader) -> None:
    cloud.answers["/catalogue"] = lambda _: {"classes": [{"code": "D40", "group": "surface", "colour": "#fff"}]}
    assert reader.group_of() == {"D40": "surface"}


def test_it_waits_until_every_observation_has_its_finding(cloud: Cloud, reader: CloudReader) -> None:
    cloud.answers["/findings"] = lambda _: {"features": [_finding("a")], "next": None}
    cloud.answers["/observations"] = lambda _: {
        "items": [{"id": "o", "finding_id": "a" if cloud.asked > 8 else None}],
        "next": None,
    }
    assert reader.wait_until_fused(10)
    assert cloud.asked > 8


def test_observations_that_have_their_finding_are_not_asked_for_again(cloud: Cloud, reader: CloudReader) -> None:
    asked: list[str] = []

    def page(query: dict[str, list[str]]) -> object:
        after = int(query.get("after", ["0"])[0])
        asked.append(str(after))
        return {"items": [{"id": "o", "finding_id": "a"}], "next": None if after == 5 else str(after + 1)}

    cloud.answers["/findings"] = lambda _: {"features": [_finding("a")], "next": None}
    cloud.answers["/observations"] = page
    assert reader.wait_until_fused(10)
    assert asked[:6] == ["0", "1", "2", "3", "4", "5"]
    assert set(asked[6:]) == {"5"}


def test_it_does_not_wait_for_ever(cloud: Cloud, reader: CloudReader) -> None:
    cloud.answers["/findings"] = lambda _: {"features": [], "next": None}
    cloud.answers["/observations"] = lambda _: {"items": [{"id": "o", "finding_id": None}], "next": None}
    assert not reader.wait_until_fused(0.5)


def test_a_cloud_that_refuses_is_named(cloud: Cloud, reader: CloudReader) -> None:
    with pytest.raises(SimulatorError, match="catalogue"):
        reader.group_of()


def test_pages_without_end_are_refused(cloud: Cloud, reader: CloudReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.readback.MAX_PAGES", 3)
    cloud.answers["/findings"] = lambda _: {"features": [], "next": "again"}
    with pytest.raises(SimulatorError, match="does not end"):
        reader.findings()
