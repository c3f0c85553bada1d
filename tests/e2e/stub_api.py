"""The built pages with canned answers of the API behind them, which remember what was done to their cases.

It is for tests of the pages alone; `test_demo_page.py` looks at the real system.
"""

import json
import queue
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, Final
from urllib.parse import parse_qs, urlsplit

from typing_extensions import override

from cloud.api.guard import _HEADERS as SECURITY_HEADERS  # pyright: ignore[reportPrivateUsage]
from tests.e2e import stub_data as data
from tests.e2e.stub_data import Json
from tests.e2e.stub_layers import layer, layer_list
from tests.e2e.stub_people import account_answers
from tests.e2e.stub_upkeep import HeldBack

DIST: Final = Path(__file__).parents[2] / "cloud" / "dashboard" / "dist"
TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}
UPKEEP: Final = ("/quarantine", "/set-aside")
ANYBODY: Final = {"name": "anybody", "role": "viewer", "unit": None, "crew": None}


@dataclass
class Stub:
    """The state behind the answers, and what was asked of it."""

    address: str = ""
    is_cut: bool = False
    """No request is answered: a browser that is told to be offline lets some through while a page loads."""
    is_mute: bool = False
    """What a POST asks for is done, and no answer comes back."""
    cases: dict[str, Json] = field(default_factory=data.first_cases)
    overtaken: dict[str, Json] = field(default_factory=dict[str, Json])
    """What somebody else changes of a case just before the next action on it comes."""
    acted: list[tuple[str, Json]] = field(default_factory=list[tuple[str, Json]])
    """Case and body of each action, in order."""
    photos: list[tuple[str, str, int]] = field(default_factory=list[tuple[str, str, int]])
    """Case, kind and bytes of each photo."""
    decisions: list[Json] = field(default_factory=data.decisions)
    """What was said of the first finding."""
    deliveries: list[Json] = field(default_factory=data.deliveries)
    held_back: HeldBack = field(default_factory=HeldBack)
    answers: dict[str, Json] = field(default_factory=dict[str, Json])
    """Answers given before, by their idempotency key."""
    streams: list["queue.SimpleQueue[tuple[str, Json] | None]"] = field(
        default_factory=list["queue.SimpleQueue[tuple[str, Json] | None]"]
    )

    def tell(self, name: str, payload: Json) -> None:
        """Send an event to every page that listens."""
        for stream in self.streams:
            stream.put((name, dict(payload)))  # as it is now

    def change(self, case_id: str, **changes: object) -> Json:
        """Change a case as somebody else would, and tell of it."""
        item = self.cases[case_id]
        item |= {"version": item["version"] + 1} | changes
        self.tell("case", item)
        return item

    def say(self, what: str, decision_id: str, body: Json) -> None:
        """Note a decision of the desk about the first finding, or that one is taken back."""
        if what == "undo":
            (said,) = (each for each in self.decisions if each["id"] == decision_id)
            said |= {"undone_at": data.at(310), "undone_by": "desk", "undone_reason": body["reason"]}
        else:
            self.decisions.append(data.decision(what, body["reason"], other=body.get("other")))

    def act(self, case_id: str, body: Json) -> Json:
        """Do an action; the caller has checked the version."""
        self.acted.append((case_id, body))
        state = data.REACHED.get(body["action"], self.cases[case_id]["state"])
        changes: Json = {"state": state, "needs_person": False}
        if body["action"] in {"dispatch", "reassign"}:
            changes |= {"crew": body.get("crew") or "roads-1", "unit": data.UNIT, "unit_key": "roads"}
        if body["action"] == "done":
            changes |= {"done_at": body.get("at") or data.at(300)}
        if body["action"] == "reject":
            changes |= {"is_false_alarm": True}
        return self.change(case_id, **changes)


def selected_findings(wanted: dict[str, list[str]]) -> list[Json]:
    def fits(feature: Json) -> bool:
        properties = feature["properties"]
        return properties["class_code"] in wanted.get("class", data.NAMES) and properties["state"] in wanted.get(
            "state", [properties["state"]]
        )

    return [feature for feature in data.FINDINGS if fits(feature)]


def selected_deliveries(deliveries: list[Json], wanted: dict[str, list[str]]) -> list[Json]:
    return [each for each in deliveries if each["state"] in wanted.get("state", [each["state"]])]


def selected_cases(cases: dict[str, Json], wanted: dict[str, list[str]]) -> list[Json]:
    def fits(item: Json) -> bool:
        return (
            item["state"] in wanted.get("state", [item["state"]])
            and item["class_code"] in wanted.get("class", [item["class_code"]])
            and wanted.get("number", [""])[0] in item["number"]
            and ("overdue" not in wanted or item["overdue_at"] is not None)
            and ("needs_person" not in wanted or item["needs_person"])
        )

    return [item for item in cases.values() if fits(item)]


def answer(stub: Stub, path: str, wanted: dict[str, list[str]], who: Json) -> Json | None:
    """What the API says on a path; None when there is no such thing."""
    feature = data.FINDINGS[0]
    reasons = data.reasons() | {"decisions": stub.decisions}
    answers: dict[str, Json] = {
        "/findings": {"type": "FeatureCollection", "features": selected_findings(wanted), "next": None},
        "/findings/f1": {
            **feature,
            "properties": feature["properties"] | reasons,
        },
        "/deliveries": {"items": selected_deliveries(stub.deliveries, wanted), "next": None},
        "/map": data.map_view(selected_findings(wanted), float(wanted.get("zoom", ["15"])[0])),
        "/cases": {"items": selected_cases(stub.cases, wanted), "next": None},
        "/buses": {"items": data.buses()},
        "/roads": data.roads(),
        "/extent": {"bbox": [data.LON - 0.008, data.LAT - 0.008, data.LON + 0.008, data.LAT + 0.008]},
        "/summary": data.summary(stub.cases),
        "/catalogue": data.catalogue(),
        "/segments": data.segments(),
        "/condition/summary": data.condition_summary(),
        "/condition/worst": {"items": data.segment_items()},
        "/condition/stale": {"items": data.stale_items()},
        "/organisation": data.organisation(),
        "/furniture": {"type": "FeatureCollection", "features": [], "next": None},
        **account_answers(who),
    }
    if path.startswith("/cases/") and path.removeprefix("/cases/") in stub.cases:
        return data.case_detail(stub.cases[path.removeprefix("/cases/")], who["role"])
    if path.startswith("/segments/s"):
        return data.segment_detail(int(path.removeprefix("/segments/s")))
    if path == "/map/layers":
        return layer_list(who["role"])
    if path.startswith("/map/layers/"):
        return layer(path.removeprefix("/map/layers/"), wanted.get("at", [None])[0])
    if path == "/crew/jobs":
        return {"items": jobs(stub, who)}
    return answers.get(path)


def jobs(stub: Stub, who: Json) -> list[Json]:
    mine = [item for item in stub.cases.values() if item["state"] in {"dispatched", "accepted"}]
    return [
        {"case": data.case_detail(item, who["role"]), "distance_m": 120.0 * place}
        for place, item in enumerate(mine, start=1)
    ]


class StubHandler(BaseHTTPRequestHandler):
    """Answers like the API, with the real security headers."""

    protocol_version = "HTTP/1.1"
    stub: ClassVar[Stub]

    def do_GET(self) -> None:
        if self.stub.is_cut:
            self.close_connection = True
            return
        url = urlsplit(self.path)
        api_path = url.path.removeprefix("/api/v1")
        if api_path == url.path:
            self._send_file(url.path)
        elif api_path in {"/events", "/guardian/events"}:
            self._send_events()
        elif api_path.startswith("/pictures/"):
            self._send(HTTPStatus.OK, "image/png", data.picture())
        elif api_path == "/crew/jobs" and self._who()["role"] != "crew":
            self._send_problem(HTTPStatus.FORBIDDEN, "only a crew has jobs")
        elif api_path.startswith(UPKEEP):
            self._send_held_back(self.stub.held_back.get(api_path, parse_qs(url.query)))
        else:
            self._send_answer(answer(self.stub, api_path, parse_qs(url.query), self._who()))

    def do_POST(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        if self.stub.is_cut:
            self.close_connection = True
            return
        path = url.path.removeprefix("/api/v1")
        if path.startswith(UPKEEP):
            self._send_held_back(self.stub.held_back.post(path, json.loads(body)))
            return
        key, who = self.headers["Idempotency-Key"], self._who()
        _, things, case_id, what = url.path.removeprefix("/api/v1").split("/")
        if who["role"] == "viewer":
            self._send_problem(HTTPStatus.UNAUTHORIZED, "a token is expected")
        elif key in self.stub.answers:
            self._answer(self.stub.answers[key])
        elif things in {"findings", "finding-decisions"}:
            self.stub.say(what, case_id, json.loads(body))
            self._send_answer({"id": "d9"})
        elif things == "deliveries":
            (dead,) = (each for each in self.stub.deliveries if each["id"] == case_id)
            dead |= {"state": "waiting", "attempts": 0}
            self._send(HTTPStatus.NO_CONTENT, "application/json", b"")
        elif what == "photos":
            self.stub.photos.append((case_id, parse_qs(url.query)["kind"][0], len(body)))
            self._remember(key, data.case_detail(self.stub.cases[case_id], who["role"]))
        else:
            self._act(case_id, json.loads(body), key, who)

    def _send_held_back(self, body: Json | None) -> None:
        if self._who()["role"] == "admin":
            self._send_answer(body)
        else:
            self._send_problem(HTTPStatus.FORBIDDEN, "this needs upkeep")

    def _act(self, case_id: str, body: Json, key: str, who: Json) -> None:
        present = self.stub.cases[case_id]
        present |= self.stub.overtaken.pop(case_id, {})
        if body["version"] != present["version"]:
            case = data.case_detail(present, who["role"])
            self._send_problem(HTTPStatus.CONFLICT, "version 1 is stale", case=case)
        else:
            self._remember(key, data.case_detail(self.stub.act(case_id, body), who["role"]))

    def _remember(self, key: str, body: Json) -> None:
        self.stub.answers[key] = json.loads(json.dumps(body))
        self._answer(body)

    def _answer(self, body: Json) -> None:
        if self.stub.is_mute:
            self.close_connection = True
        else:
            self._send_answer(body)

    def _who(self) -> Json:
        token = (self.headers["Authorization"] or "").removeprefix("Bearer ")
        return data.TOKENS.get(token, ANYBODY)

    def _send_answer(self, body: Json | None) -> None:
        if body is None:
            self._send_problem(HTTPStatus.NOT_FOUND, "there is no such thing")
        else:
            self._send(HTTPStatus.OK, "application/json", json.dumps(body).encode())

    def _send_problem(self, status: HTTPStatus, detail: str, **more: Json) -> None:
        problem = {"type": "about:blank", "title": status.phrase, "status": status, "detail": detail} | more
        self._send(status, "application/problem+json", json.dumps(problem).encode())

    def _send_file(self, path: str) -> None:
        file = DIST / path.lstrip("/")
        if not file.is_file():
            file = DIST / "index.html"
        self._send(HTTPStatus.OK, TYPES[file.suffix], file.read_bytes())

    def _send(self, status: HTTPStatus, media_type: str, body: bytes) -> None:
        self._start(status, media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _send_events(self) -> None:
        self.close_connection = True
        stream: queue.SimpleQueue[tuple[str, Json] | None] = queue.SimpleQueue()
        for event in data.events():
            stream.put(event)
        self.stub.streams.append(stream)
        self._start(HTTPStatus.OK, "text/event-stream")
        self.end_headers()
        number = 0
        while (event := stream.get()) is not None:
            name, payload = event
            self.wfile.write(f"id: 1-{number}\nevent: {name}\ndata: {json.dumps(payload)}\n\n".encode())
            self.wfile.flush()
            number += 1

    def _start(self, status: HTTPStatus, media_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        for name, value in SECURITY_HEADERS.items():
            self.send_header(name, value)

    @override
    def handle(self) -> None:
        try:
            super().handle()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the page went away

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def running_stub(port: int = 0) -> Generator[Stub]:
    """Serve on a port of loopback; gives the state behind the answers, with the address."""
    stub = Stub()
    handler = type("Handler", (StubHandler,), {"stub": stub})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    stub.address = f"http://127.0.0.1:{server.server_address[1]}"
    yield stub
    for stream in stub.streams:
        stream.put(None)
    server.shutdown()
    thread.join()
    server.server_close()


@contextmanager
def stub_api(port: int = 0) -> Generator[str]:
    """Serve on a port of loopback; gives the address."""
    with running_stub(port) as stub:
        yield stub.address
