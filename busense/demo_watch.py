"""A viewer of the live map: how long after its exposure a damage is visible."""

import contextlib
import json
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import httpx

READ_TIMEOUT_S: Final = 30.0  # a heartbeat comes every 15 s
AGAIN_AFTER_S: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One server-sent event."""

    name: str = "message"
    id: str | None = None
    data: str = ""


def parse_events(lines: Iterator[str]) -> Iterator[Event]:
    """Events out of the lines of a stream (WHATWG HTML, section 9.2.6); comments are left out."""
    name, event_id, data = "message", None, list[str]()
    for line in lines:
        if not line:
            if data:
                yield Event(name=name, id=event_id, data="\n".join(data))
            name, data = "message", []
            continue
        key, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if key == "event":
            name = value
        elif key == "id":
            event_id = value
        elif key == "data":
            data.append(value)


@dataclass(slots=True)
class Delays:
    """Milliseconds from exposure to the viewer, by what was shown."""

    without_network: frozenset[str] = frozenset()  # devices: what they saw waits for a halt
    observations_ms: dict[str, float] = field(default_factory=dict)
    carried_ms: dict[str, float] = field(default_factory=dict)  # the same of what stops carried
    findings_ms: dict[str, float] = field(default_factory=dict)
    cases: set[str] = field(default_factory=set)

    @property
    def observations(self) -> int:
        """How many were shown."""
        return len(self.observations_ms) + len(self.carried_ms)

    def take(self, event: Event, *, at: datetime) -> None:
        """Note an event; only its first showing counts."""
        if event.name not in {"observation", "finding", "case"}:
            return
        payload = json.loads(event.data)
        if event.name == "observation":
            delays_ms = self.carried_ms if payload["device"] in self.without_network else self.observations_ms
            delays_ms.setdefault(payload["id"], _since_ms(payload["observed_at"], at))
        elif event.name == "finding":
            self.findings_ms.setdefault(payload["id"], _since_ms(payload["properties"]["first_seen_at"], at))
        else:
            self.cases.add(payload["id"])


def _since_ms(moment: str, at: datetime) -> float:
    return (at - datetime.fromisoformat(moment)).total_seconds() * 1000


def quantile(values: list[float], share: float) -> float | None:
    """The value below which that share lies (nearest rank), or None without values."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Viewer:
    """Follows the stream of events in a thread, and resumes after a break where it was."""

    def __init__(self, url: str, *, without_network: Iterable[str] = ()) -> None:
        """Take the address of the cloud, and the buses whose delays are counted apart."""
        self.delays = Delays(without_network=frozenset(without_network))
        self._url = f"{url}/api/v1/events"
        self._stop = threading.Event()
        self._is_connected = threading.Event()
        self._cursor: str | None = None
        self._thread = threading.Thread(target=self._follow, name="viewer", daemon=True)

    def start(self, timeout_s: float) -> bool:
        """Begin to follow; whether the stream is open in time."""
        self._thread.start()
        return self._is_connected.wait(timeout_s)

    def stop(self) -> None:
        """Stop following; the thread ends with the next line."""
        self._stop.set()

    def _follow(self) -> None:
        with httpx.Client(timeout=httpx.Timeout(10.0, read=READ_TIMEOUT_S)) as client:
            while not self._stop.is_set():
                with contextlib.suppress(httpx.HTTPError):
                    self._read(client)
                time.sleep(AGAIN_AFTER_S)

    def _read(self, client: httpx.Client) -> None:
        headers = {"Last-Event-ID": self._cursor} if self._cursor else {}
        with client.stream("GET", self._url, headers=headers) as answer:
            answer.raise_for_status()
            self._is_connected.set()
            for event in parse_events(answer.iter_lines()):
                self.delays.take(event, at=datetime.now(UTC))
                self._cursor = event.id or self._cursor
                if self._stop.is_set():
                    return
