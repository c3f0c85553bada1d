"""What the stub API tells: a small town, its findings, its cases at every step, its buses."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from io import BytesIO
from itertools import pairwise
from typing import Any, Final, cast

import h3
from PIL import Image, ImageDraw

from cloud.findings.cells import ring_of

Json = dict[str, Any]

START: Final = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
LON, LAT = 120.4258, 27.5184
PICTURE: Final = "a" * 64
CELLS_BELOW_ZOOM: Final = 13.0
NAMES: Final = {
    "D00": {"zh": "纵向裂缝", "en": "Longitudinal crack"},
    "D10": {"zh": "横向裂缝", "en": "Transverse crack"},
    "D20": {"zh": "龟裂", "en": "Alligator crack"},
    "D40": {"zh": "坑槽", "en": "Pothole"},
}
COLOURS: Final = ("#e6a23c", "#3f8fd2", "#8e5bc0", "#e5484d")
UNIT: Final = {"zh": "道路养护中心", "en": "Road maintenance"}
STATES: Final = (
    "reported", "filed", "dispatched", "accepted", "done", "verified", "closed", "reopened", "suspended", "returned",
)  # fmt: skip
CASE: Final = {"id": "c1", "number": "demo-2026-000001", "state": "reported"}
DESK: Final = "desk-token"
CREW: Final = "crew-token"
BOSS: Final = "boss-token"
CARER: Final = "carer-token"
TOKENS: Final = {
    DESK: {"name": "desk", "role": "operator", "unit": None, "crew": None},
    CREW: {"name": "crew-1", "role": "crew", "unit": "roads", "crew": "roads-1"},
    BOSS: {"name": "boss", "role": "admin", "unit": None, "crew": None},
    CARER: {"name": "chen", "role": "care", "unit": None, "crew": None},
}
ACTIONS: Final = {
    "reported": ["file", "reject", "correct", "merge", "comment"],
    "filed": ["dispatch", "reject", "correct", "merge", "comment"],
    "dispatched": ["reassign", "return", "suspend", "merge", "comment"],
    "accepted": ["reassign", "return", "suspend", "comment"],
    "done": ["verify", "reopen", "comment"],
    "verified": ["reopen", "close", "comment"],
    "suspended": ["resume", "comment"],
    "reopened": ["file", "reject", "correct", "dispatch", "merge", "comment"],
    "returned": ["file", "reject", "correct", "dispatch", "merge", "comment"],
}
CREW_ACTIONS: Final = {
    "dispatched": ["accept", "return", "ask_suspension", "add_photo", "comment"],
    "accepted": ["arrive", "return", "ask_suspension", "add_photo", "done", "comment"],
    "done": ["add_photo", "comment"],
}
REACHED: Final = {
    "file": "filed", "reject": "rejected", "dispatch": "dispatched", "reassign": "dispatched", "accept": "accepted",
    "return": "returned", "suspend": "suspended", "resume": "dispatched", "done": "done", "verify": "verified",
    "reopen": "reopened", "close": "closed", "merge": "merged",
}  # fmt: skip


def at(minutes: float) -> str:
    return (START + timedelta(minutes=minutes)).isoformat()


def hours_from_now(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


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
            "observation_id": f"o{number}" if kind == "seen" else None,
            "lon": LON + 0.002,
            "lat": LAT + number * 1e-5,
            "distance_m": 9.5,
            **pass_picture(is_seen=kind == "seen"),
        }
        for number, (before, after, kind) in enumerate(beliefs)
    ]


def reasons() -> Json:
    """What a finding's page has beyond the list."""
    return {
        "passes": passes(),
        "trimmed_seen": 0,
        "trimmed_missed": 0,
        "merged_into": None,
        "size": {"measure": "area_m2", "now": 0.42, "sigma": 0.03, "of": 7, "severity_share": 0.93},
        "growth": {
            "measure": "area_m2",
            "now": 0.44,
            "sigma": 0.03,
            "per_year": 0.31,
            "per_year_sigma": 0.08,
            "of": 7,
        },
    }


def decision(kind: str, reason: str, *, other: str | None = None) -> Json:
    return {
        "id": f"d-{kind}",
        "kind": kind,
        "at": at(60),
        "actor": "desk",
        "reason": reason,
        "other_finding": other,
        "undone_at": None,
        "undone_by": None,
        "undone_reason": None,
    }


def decisions() -> list[Json]:
    return [decision("different", "井盖旁边的另一处", other="f3")]


def deliveries() -> list[Json]:
    return [
        {
            "id": f"delivery-{number}",
            "channel": ("webhook", "email", "chat")[number % 3],
            "target": ("county-12345", "duty-desk", "wecom-roads")[number % 3],
            "state": state,
            "case_id": f"c{number + 1}",
            "type": f"case.{('file', 'dispatch', 'done', 'overdue')[number % 4]}",
            "created_at": at(number * 7),
            "next_at": at(number * 7 + 30),
            "attempts": 10 if state == "dead" else 1,
            "last_error": "https://county.example/hooks answered 502" if state == "dead" else None,
            "sent_at": at(number * 7 + 1) if state == "sent" else None,
        }
        for number, state in enumerate(("dead", "dead", "waiting", "sent", "dead", "sent"))
    ]


def pass_picture(*, is_seen: bool) -> Json:
    return {
        "picture": {"sha256": PICTURE, "available": True, "width_px": 640, "height_px": 400} if is_seen else None,
        "box_xyxy_px": [200, 220, 320, 290] if is_seen else None,
        "frame_width_px": 640,
        "frame_height_px": 400,
    }


def case_item(number: int, state: str) -> Json:
    """A case; the first one is that of the finding with a case."""
    code = "D40" if number == 1 else list(NAMES)[number % len(NAMES)]
    order = STATES.index(state)
    return {
        "id": f"c{number}",
        "number": f"demo-2026-{number:06d}",
        "code": "0403" if code == "D40" else "0401",
        "class_code": code,
        "class_name": NAMES[code],
        "severity": ("heavy", "medium", "light")[number % 3],
        "state": state,
        "version": 1,
        "opened_at": at(21) if number == 1 else at(-number * 190),
        "due_at": hours_from_now(number * 3 - 8),
        "unit": UNIT if number % 4 else None,
        "unit_key": "roads" if number % 4 else None,
        "crew": f"roads-{1 + number % 2}" if 2 <= order <= 6 else None,
        "finding_id": "f1",
        "lon": LON + 0.002 + (number - 1) * 3e-4,
        "lat": LAT + (number % 3) * 2e-4,
        "existence": 0.993 - 0.02 * (number - 1),
        "passes_seen": 2,
        "picture": PICTURE,
        "filed_at": at(30) if 1 <= order <= 6 else None,
        "dispatched_at": at(31) if 2 <= order <= 6 else None,
        "accepted_at": at(45) if 3 <= order <= 6 else None,
        "arrived_at": None,
        "arrived_distance_m": 12.0 if 4 <= order <= 6 else None,
        "done_at": at(120 + 40 * number) if 4 <= order <= 6 else None,
        "verified_at": at(2000) if 5 <= order <= 6 else None,
        "closed_at": at(2500) if order == 6 else None,
        "suspension_asked_at": None,
        "suspended_until": hours_from_now(72) if state == "suspended" else None,
        "overdue_at": at(60) if number == 3 else None,
        "escalation": 1 if number == 3 else 0,
        "needs_person": state == "done",
        "is_false_alarm": False,
        "reopened": 1 if state == "reopened" else 0,
        "merged_into": None,
    }


def first_cases() -> dict[str, Json]:
    states = ["reported", *STATES[1:], "reported", "reported", "dispatched"]
    return {item["id"]: item for item in (case_item(number, state) for number, state in enumerate(states, start=1))}


def case_detail(item: Json, role: str) -> Json:
    allowed = {"operator": ACTIONS, "crew": CREW_ACTIONS}.get(role, {})
    step = {
        "serial": 1,
        "at": at(21),
        "actor": "system:fusion",
        "action": "open",
        "reason": {"zh": "两次见到", "en": "Seen twice"},
        "from_state": None,
        "to_state": "reported",
        "details": {},
    }
    later = [
        step | {"serial": 2, "at": item[f"{name}_at"], "actor": "desk", "action": action, "from_state": "reported",
                "to_state": state, "reason": {"zh": "", "en": ""}}
        for name, action, state in (("filed", "file", "filed"), ("dispatched", "dispatch", "dispatched"),
                                    ("accepted", "accept", "accepted"), ("done", "done", "done"))
        if item[f"{name}_at"]
    ]  # fmt: skip
    return item | {
        "actions": allowed.get(item["state"], []),
        "history": [step, *later],
        "photos": [photo("before"), photo("after")] if item["done_at"] else [],
        "repair": repair(item) if item["done_at"] else None,
    }


def photo(kind: str) -> Json:
    return {"sha256": PICTURE, "kind": kind, "at": at(120), "actor": "crew-1", "width_px": 640, "height_px": 400}


def repair(item: Json) -> Json:
    def view(*, is_seen: bool, minutes: float) -> Json:
        seen = {"at": at(minutes), "device": "bus-2", "looked_share": 0.9, "kind": "seen" if is_seen else "not_seen"}
        return seen | {"confidence": 0.8 if is_seen else None} | pass_picture(is_seen=is_seen)

    return {
        "done_at": item["done_at"],
        "materials": [{"name": "沥青", "amount": 0.4, "unit": "t"}],
        "length_m": 1.2,
        "width_m": 0.5,
        "area_m2": 0.6,
        "seen_before": view(is_seen=True, minutes=20),
        "seen_after": view(is_seen=True, minutes=900) if item["state"] == "reopened" else None,
        "passes_after": [view(is_seen=False, minutes=600), view(is_seen=False, minutes=900)],
        "still_there": 0.06,
    }


def roads() -> Json:
    """A grid of streets with two avenues."""
    steps = [number * 0.002 for number in range(-4, 5)]
    lines = [[[LON + a, LAT - 0.008], [LON + a, LAT + 0.008]] for a in steps]
    lines += [[[LON - 0.008, LAT + b], [LON + 0.008, LAT + b]] for b in steps]
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "id": f"r{number}",
                "geometry": {"type": "LineString", "coordinates": line},
                "properties": {
                    "name": "人民路" if number == 4 else None,
                    "kind": "primary" if number % 9 == 4 else "residential",
                },
            }
            for number, line in enumerate(lines)
        ],
        "is_complete": True,
        "attribution": "© OpenStreetMap contributors",
    }


def map_view(features: list[Json], zoom: float) -> Json:
    """Each finding close up; from far away a patch of cells, the fullest in the middle."""
    if zoom >= CELLS_BELOW_ZOOM:
        names = ("class_code", "state", "severity", "existence")
        drawn = [
            {"id": each["id"], "lon": each["geometry"]["coordinates"][0], "lat": each["geometry"]["coordinates"][1]}
            | {name: each["properties"][name] for name in names}
            for each in features
        ]
        return {"kind": "findings", "findings": drawn, "is_complete": True}
    middle = str(h3.latlng_to_cell(LAT, LON, 8))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    patch = cast("Sequence[str]", h3.grid_disk(middle, 6))  # pyright: ignore[reportUnknownMemberType]
    return {"kind": "cells", "resolution": 8, "cells": [_cell(cell, middle) for cell in sorted(patch)]}


def _cell(cell: str, middle: str) -> Json:
    away = int(h3.grid_distance(cell, middle))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    return {
        "cell": cell,
        "ring": ring_of(cell),
        "findings": int(12_000 / 4**away) + 1,
        "worst_severity": "heavy" if away % 3 == 1 else "medium",
        "open_cases": 7 - away,
    }


def buses() -> list[Json]:
    def bus(number: int, **changes: float | str | Json) -> Json:
        return {
            "device": f"bus-{number}",
            "is_relay": False,
            "presence": "online",
            "last_seen_at": at(22),
            "lon": LON + number * 0.0015,
            "lat": LAT + 0.002,
            "heading_deg": 45.0 * number,
            "speed_mps": 8.0,
            "position_at": at(22),
            "outbox_depth": 0,
            "outbox_oldest_s": 0.0,
            "frames_per_s": 9.8,
            "camera": "working",
            "pictures_waiting": 0,
            "outbox": "disk",
            "outbox_damaged": 0,
            "given_up_by_kind": dict[str, int](),
            "pictures_given_up": 0,
            "stored_up_to": 1200 + number,
            "missing": 0,
            "given_up": 0,
            "redelivered": 2,
        } | changes

    return [
        bus(2),
        bus(3, camera="unusable", frames_per_s=9.1),
        bus(
            4,
            presence="offline",
            outbox_depth=182,
            outbox_oldest_s=5400.0,
            missing=7,
            camera="missing",
            outbox="disk_full",
            outbox_damaged=1,
            given_up_by_kind={"track": 310, "coverage": 12},
            pictures_given_up=4,
        ),
    ]


def summary(cases: dict[str, Json]) -> Json:
    states = [item["state"] for item in cases.values()]
    return {
        "buses_online": 1,
        "buses_total": 2,
        "observations": 5,
        "stored_messages": 1234,
        "redelivered": 3,
        "quarantined": 0,
        "findings_by_state": {"open": 1, "candidate": 1, "gone": 1},
        "cases_by_state": {state: states.count(state) for state in sorted(set(states))},
        "findings_by_class": {"D00": 14, "D10": 9, "D20": 6, "D40": 11},
    }


GRADES: Final = ("bad", "poor", "fair", "good", "excellent", "unknown")


def segment_condition(number: int) -> Json:
    """The worse the lower the number; every sixth was hardly seen, every fifth is out of date."""
    grade = GRADES[number % 6]
    pci = None if grade == "unknown" else 52.0 + 10 * (number % 6) - number % 4
    return {
        "name": f"{('人民', '建设', '解放', '滨江')[number % 4]}路" if number % 3 else None,
        "kind": "residential",
        "length_m": 222.0,
        "pci_estimate": pci,
        "pci_low": pci - 6 if pci else None,
        "pci_high": min(100, pci + 4) if pci else None,
        "grade": grade,
        "surveyed_share": 0.2 if pci is None else 0.85,
        "last_looked_at": at(-60 * number),
        "findings": number % 5,
        "is_stale": number % 5 == 0,
    }


def segment_lines() -> list[list[list[float]]]:
    steps = [number * 0.002 for number in range(-4, 4)]
    return [
        [[LON + a, LAT + b], [LON + a + 0.002, LAT + b]] if east else [[LON + a, LAT + b], [LON + a, LAT + b + 0.002]]
        for a in steps
        for b in steps
        for east in (True, False)
    ]


def segments() -> Json:
    features = [
        {
            "type": "Feature",
            "id": f"s{number}",
            "geometry": {"type": "LineString", "coordinates": line},
            "properties": segment_condition(number),
        }
        for number, line in enumerate(segment_lines())
    ]
    return {"type": "FeatureCollection", "features": features, "is_complete": True}


def segment_items() -> list[Json]:
    return [{"id": f"s{number}", "lon": LON, "lat": LAT} | segment_condition(number) for number in range(24)]


def stale_items() -> list[Json]:
    """The first is on the way of two buses, the others of none."""
    passes = [
        {"device": device, "passes": 14, "last_at": at(0), "next_expected_at": at(minutes)}
        for device, minutes in (("bus-2", 900), ("bus-3", 960))
    ]
    return [item | {"passes": [] if number else passes} for number, item in enumerate(segment_items()[::5])]


def segment_detail(number: int) -> Json:
    feature: Json = segments()["features"][number]
    more: Json = {
        "lanes": 2,
        "width_m": 7.5,
        "surface": "asphalt",
        "looks": 31,
        "damage_ratio_percent": 6.4,
        "assessed_at": at(0),
        "retired_at": None,
        "history": [
            {"day": f"2026-11-{day:02d}", "pci_estimate": 90 - day, "pci_low": 84 - day, "pci_high": 94 - day,
             "surveyed_share": 0.8, "findings": 2, "last_looked_at": at(0)}
            for day in range(10, 25, 2)
        ],
        "found": [
            {"id": "f1", "class_code": "D40", "class_name": NAMES["D40"], "severity": "heavy", "existence": 0.99,
             "state": "open", "along_m": 82.0, "length_m": 1.2, "width_m": 0.5, "area_m2": 0.6, "lon": LON, "lat": LAT,
             "last_seen_at": at(20)},
            {"id": "f2", "class_code": "D20", "class_name": NAMES["D20"], "severity": "light", "existence": 0.4,
             "state": "candidate", "along_m": 120.0, "length_m": None, "width_m": None, "area_m2": None, "lon": LON,
             "lat": LAT, "last_seen_at": at(20)},
        ],
        "surveys": [],
        "passes": [{"device": "bus-2", "passes": 14, "last_at": at(0), "next_expected_at": at(900)}],
    }  # fmt: skip
    return feature | {"properties": feature["properties"] | more}


def condition_summary() -> Json:
    return {
        "segments": 128,
        "surveyed_segments": 107,
        "length_km": 28.4,
        "surveyed_length_km": 22.1,
        "stale_after_days": 14,
        "stale_segments": 26,
        "pci_estimate": 78.6,
        "grades": {
            grade: {"segments": 10, "length_km": length}
            for grade, length in zip(GRADES, (2.1, 3.4, 5.2, 6.8, 4.6, 6.3), strict=True)
        },
    }


def organisation() -> Json:
    crews = [("roads-1", "养护一班", "Road crew 1", 0.001), ("roads-2", "养护二班", "Road crew 2", -0.006)]
    return {
        "units": [{"key": "roads", "name": UNIT}],
        "crews": [
            {"key": key, "name": {"zh": zh, "en": en}, "unit": "roads", "lon": LON + east, "lat": LAT, "jobs": 2}
            for key, zh, en, east in crews
        ],
    }


def catalogue() -> Json:
    classes = [
        {"code": code, "name": name, "colour": colour, "group": "surface"}
        for (code, name), colour in zip(NAMES.items(), COLOURS, strict=True)
    ]
    return {"classes": classes, "groups": []}


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
    pole = seen | {"id": "o2", "device": "bus-2", "class_code": "POLE"}
    bus = {"device": "bus-1", "presence": "online", "points": points}
    return [("ready", {}), ("bus", bus), ("observation", pole), ("observation", seen)]


def picture() -> bytes:
    """A drawn road with a dark patch where the box is."""
    image = Image.new("RGB", (640, 400), "#9fb3c4")
    pen = ImageDraw.Draw(image)
    pen.polygon([(0, 400), (640, 400), (380, 150), (260, 150)], fill="#5b6066")
    for top, bottom in pairwise(range(160, 401, 30)):
        pen.line([(320, top), (320, bottom - 12)], fill="#d8d8d0", width=4)
    pen.ellipse([210, 228, 312, 284], fill="#2d2f33")
    data = BytesIO()
    image.save(data, "PNG")
    return data.getvalue()
