"""What the stub API tells of messages of the quarantine and of work set aside, and remembers of what was done."""

import json
from dataclasses import dataclass, field
from typing import Final

from tests.e2e.stub_data import Json, at

_BAD: Final = {
    "specversion": "1.0",
    "id": "01a20cad-51d8-7338-916c-781817a855ef",
    "source": "/demo/bus-7",
    "type": "busense.detection.v1",
    "data": {"class_code": "D40", "lon": 120.4012, "latitude": 27.5031, "heading_deg": 12.5},
}


def _message(number: int, reason: str, detail: str, *, payload: str | None = None) -> Json:
    text = json.dumps(_BAD) if payload is None else payload
    return {
        "id": number,
        "state": "waiting",
        "received_at": at(number * 3),
        "topic": f"busense/v1/demo/bus-{number}/detection",
        "reason": reason,
        "detail": detail,
        "city": "demo",
        "device": f"bus-{number}",
        "event_id": _BAD["id"],
        "size_bytes": len(text),
        "settled_at": None,
        "mended_by": None,
        "discard_reason": None,
        "payload": text,
        "deeds": [],
    }


def _messages() -> list[Json]:
    return [
        _message(4, "unknown_device", "bus-4 is not enrolled in demo"),
        _message(3, "not_json", "line 1 column 1: a value is expected", payload="\\xff\\x00 bad"),
        _message(2, "bad_data", "data.lat: Field required"),
        _message(1, "bad_data", "data.lat: Field required"),
    ]


def _work() -> list[Json]:
    return [
        {
            "id": 9,
            "state": "waiting",
            "at": at(50),
            "kind": "fusion",
            "subject": {"kind": "observation", "city": "demo", "device": "bus-3", "cell": "8930d5a1c8bffff"},
            "reason": "CheckViolation: poisoned",
            "detail": "Traceback (most recent call last):\n  …\npsycopg.errors.CheckViolation: poisoned",
            "settled_at": None,
            "discard_reason": None,
            "deeds": [],
        }
    ]


@dataclass
class HeldBack:
    """Messages and work, as they are now."""

    messages: list[Json] = field(default_factory=_messages)
    work: list[Json] = field(default_factory=_work)

    def get(self, path: str, wanted: dict[str, list[str]]) -> Json | None:
        """Answer a list or one of its members; none for other paths."""
        _, things, *number = path.split("/")
        if things not in {"quarantine", "set-aside"}:
            return None
        items = self.messages if things == "quarantine" else self.work
        if number:
            return next((item for item in items if str(item["id"]) == number[0]), None)
        chosen = [
            item
            for item in items
            if item["state"] in wanted.get("state", [item["state"]])
            and item["reason"] in wanted.get("reason", [item["reason"]])
        ]
        waiting = [item["reason"] for item in self.messages if item["state"] == "waiting"]
        counts = [{"reason": reason, "count": waiting.count(reason)} for reason in dict.fromkeys(waiting)]
        return {"items": chosen, "next": None, "waiting": counts}

    def post(self, path: str, body: Json) -> Json:
        """Do something with one, or with all."""
        _, things, *rest = path.split("/")
        if rest == ["replay"]:
            chosen = [item for item in self.messages if body["reason"] in {None, item["reason"]}]
            stored = sum(self._replay(item, body["rule"])["state"] == "done" for item in chosen)
            return {"stored": stored, "stay": len(chosen) - stored, "next": None}
        items = self.messages if things == "quarantine" else self.work
        (item,) = (each for each in items if str(each["id"]) == rest[0])
        match rest[1]:
            case "mend":
                is_readable = body["rename"] == {"/data/latitude": "/data/lat"}
                payload = item["payload"].replace("latitude", "lat") if is_readable else item["payload"]
                fault = None if is_readable else item["reason"]
                detail = None if is_readable else item["detail"]
                return {
                    "payload": payload,
                    "is_for_it": True,
                    "is_readable": is_readable,
                    "reason": fault,
                    "detail": detail,
                }
            case "replay":
                return self._replay(item, body["rule"])
            case "return":
                return self._note(item, "return", state="done")
            case _:
                return self._note(
                    item, "discard", reason=body["reason"], state="discarded", discard_reason=body["reason"]
                )

    def _replay(self, item: Json, rule: Json | None) -> Json:
        is_stored = rule is not None and item["reason"] == rule["reason"]
        changes: Json = (
            {"state": "done", "settled_at": at(100), "mended_by": rule["name"]} if is_stored and rule else {}
        )
        return self._note(item, "replay", details={"is_stored": is_stored, "rule": rule}, **changes)

    def _note(
        self, item: Json, action: str, *, reason: str | None = None, details: Json | None = None, **changes: object
    ) -> Json:
        item["deeds"].append(
            {"at": at(99 + len(item["deeds"])), "actor": "boss", "action": action, "reason": reason}
            | {"details": details or {}}
        )
        item |= changes
        return item
