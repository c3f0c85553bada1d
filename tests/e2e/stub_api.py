"""The built pages with canned answers of the API behind them: a town, three findings, a case, a bus that moves.

It is for tests of the pages alone; `test_demo_page.py` looks at the real system.
"""

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar, Final
from urllib.parse import parse_qs, urlsplit

from PIL import Image
from typing_extensions import override

from cloud.api.guard import _HEADERS as SECURITY_HEADERS  # pyright: ignore[reportPrivateUsage]

DIST: Final = Path(__file__).parents[2] / "cloud" / "dashboard" / "dist"
START: Final = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
LON, LAT = 120.4258, 27.5184
PICTURE: Final = "a" * 64
TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}
NAMES: Final = {"D00": {"zh": "纵向裂缝", "en": "Longitudinal crack"}, "D40": {"zh": "坑槽", "en": "Pothole"}}
CASE: Final = {"id": "c1", "number": "demo-2026-000001", "state": "reported"}

Json = dict[str, Any]


def at(minutes: float) -> str:
    return (START + timedelta(minutes=minutes)).isoformat()


def finding(identity: str, *, code: str, state: str, existence: float, east: float, has_case: bool = False) -> Json:
    return {
        "type": "Feature",
        "id": identity,
        "geometry": {"type": "Point", "coordinates": [LON + east, LAT]},
        "properties": {
            "class_code": code,
            "class_name": NAMES[code],
            "severity": "heavy",
            "existence": existence,
            "state": state,
            "passes_seen": 2,
            "passes_missed": 1,
            "first_seen_at": at(0),
            "last_seen_at": at(20),
            "position_sigma_m": 1.4,
            "length_m": 1.2,
            "width_m": 0.4,
            "area_m2": 0.48,
            "picture": PICTURE,
            "case": CASE if has_case else None,
        },
    }


FINDINGS: Final = [
    finding("f1", code="D40", state="open", existence=0.993, east=0.002, has_case=True),
    finding("f2", code="D00", state="candidate", existence=0.62, east=-0.001),
    finding("f3", code="D00", state="gone", existence=0.04, east=-0.003),
]


def passes() -> list[Json]:
    beliefs = [(0.1, 0.7, "seen"), (0.7, 0.55, "not_seen"), (0.55, 0.993, "seen")]
    return [
        {
            "at": at(10 * number),
            "kind": kind,
            "device": f"bus-{number + 1}",
            "confidence": 0.8 if kind == "seen" else None,
            "probability_before": before,
            "probability_after": after,
            "why": {"zh": f"依据 {number}", "en": f"Reason {number}"},
            "observation_id": None,
            "lon": LON + 0.002,
            "lat": LAT + number * 1e-5,
            "distance_m": 9.5,
            "picture": {"sha256": PICTURE, "available": True, "width_px": 640, "height_px": 400}
            if kind == "seen"
            else None,
            "box_xyxy_px": [200, 220, 320, 290] if kind == "seen" else None,
            "frame_width_px": 640,
            "frame_height_px": 400,
        }
        for number, (before, after, kind) in enumerate(beliefs)
    ]


def case_item() -> Json:
    return {
        **CASE,
        "class_code": "D40",
        "class_name": NAMES["D40"],
        "severity": "heavy",
        "opened_at": at(21),
        "due_at": at(9999),
        "unit": {"zh": "道路养护中心", "en": "Road maintenance"},
        "finding_id": "f1",
        "lon": LON,
        "lat": LAT,
        "existence": 0.993,
        "passes_seen": 2,
        "picture": PICTURE,
    }


def roads() -> Json:
    def road(number: int, line: list[list[float]]) -> Json:
        properties = {"name": f"{number}号路", "kind": "primary" if number % 3 == 0 else "residential"}
        return {"type": "Feature", "geometry": {"type": "LineString", "coordinates": line}, "properties": properties}

    steps = [(number, (number - 4) * 0.002) for number in range(9)]
    east_west = [road(number, [[LON - 0.008, LAT + step], [LON + 0.008, LAT + step]]) for number, step in steps]
    north_south = [road(number, [[LON + step, LAT - 0.008], [LON + step, LAT + 0.008]]) for number, step in steps]
    return {"type": "FeatureCollection", "features": east_west + north_south, "is_complete": True}


def summary() -> Json:
    return {
        "buses_online": 1,
        "buses_total": 2,
        "observations": 5,
        "stored_messages": 1234,
        "redelivered": 3,
        "quarantined": 0,
        "findings_by_state": {"open": 1, "candidate": 1, "gone": 1},
        "cases_by_state": {"reported": 1},
        "findings_by_class": {},
    }


def selected(wanted: dict[str, list[str]]) -> list[Json]:
    def fits(feature: Json) -> bool:
        properties = feature["properties"]
        return properties["class_code"] in wanted.get("class", NAMES) and properties["state"] in wanted.get(
            "state", [properties["state"]]
        )

    return [feature for feature in FINDINGS if fits(feature)]


def answer(path: str, wanted: dict[str, list[str]]) -> Json | None:
    """What the API says on a path; None when there is no such thing."""
    detail = {**FINDINGS[0], "properties": {**FINDINGS[0]["properties"], "passes": passes()}}
    step = {
        "at": at(21),
        "actor": "system:fusion",
        "action": "open",
        "reason": {"zh": "两次见到", "en": "Seen twice"},
        "from_state": None,
        "to_state": "reported",
    }
    classes = [
        {"code": code, "name": name, "colour": colour, "group": "surface"}
        for (code, name), colour in zip(NAMES.items(), ("#e6a23c", "#e5484d"), strict=True)
    ]
    answers: dict[str, Json] = {
        "/findings": {"type": "FeatureCollection", "features": selected(wanted), "next": None},
        "/findings/f1": detail,
        "/cases": {"items": [case_item()], "next": None},
        "/cases/c1": {**case_item(), "history": [step]},
        "/buses": {"items": []},
        "/roads": roads(),
        "/extent": {"bbox": [LON - 0.008, LAT - 0.008, LON + 0.008, LAT + 0.008]},
        "/summary": summary(),
        "/catalogue": {"classes": classes, "groups": []},
    }
    return answers.get(path)


def events() -> list[tuple[str, Json]]:
    points = [
        {"at": at(second / 60), "lon": LON + second * 1e-4, "lat": LAT, "heading_deg": 90, "speed_mps": 10}
        for second in range(20)
    ]
    seen = {
        "id": "o1",
        "device": "bus-1",
        "class_code": "D40",
        "observed_at": at(22),
        "received_at": at(22),
        "lon": LON,
        "lat": LAT,
        "confidence": 0.9,
    }
    return [("ready", {}), ("bus", {"device": "bus-1", "presence": "online", "points": points}), ("observation", seen)]


def picture() -> bytes:
    data = BytesIO()
    Image.linear_gradient("L").resize((640, 400)).convert("RGB").save(data, "PNG")
    return data.getvalue()


class StubHandler(BaseHTTPRequestHandler):
    """Answers like the API, with the real security headers."""

    protocol_version = "HTTP/1.1"
    closing: ClassVar[threading.Event]

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        api_path = url.path.removeprefix("/api/v1")
        if api_path == url.path:
            self._send_file(url.path)
        elif api_path == "/events":
            self._send_events()
        elif api_path.startswith("/pictures/"):
            self._send(HTTPStatus.OK, "image/png", picture())
        else:
            self._send_answer(answer(api_path, parse_qs(url.query)))

    def _send_answer(self, body: Json | None) -> None:
        if body is None:
            problem = {"type": "about:blank", "title": "Not Found", "status": 404}
            self._send(HTTPStatus.NOT_FOUND, "application/problem+json", json.dumps(problem).encode())
        else:
            self._send(HTTPStatus.OK, "application/json", json.dumps(body).encode())

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
        self._start(HTTPStatus.OK, "text/event-stream")
        self.end_headers()
        for number, (name, data) in enumerate(events()):
            self.wfile.write(f"id: 1-{number}\nevent: {name}\ndata: {json.dumps(data)}\n\n".encode())
        self.wfile.flush()
        self.closing.wait()

    def _start(self, status: HTTPStatus, media_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        for name, value in SECURITY_HEADERS.items():
            self.send_header(name, value)

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def stub_api(port: int = 0) -> Generator[str]:
    """Serve on a port of loopback; gives the address."""
    closing = threading.Event()
    handler = type("Handler", (StubHandler,), {"closing": closing})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    closing.set()
    server.shutdown()
    thread.join()
    server.server_close()
