"""What the stub API tells of the map's layers: who is told of which, and what each drew then and draws now."""

from datetime import UTC, datetime, timedelta
from typing import Final

from cloud.findings.cells import cell_of, ring_of
from tests.e2e import stub_data as data
from tests.e2e.stub_data import LAT, LON, Json

LAYERS: Final[dict[str, Json]] = {
    "tag_coverage": {"only": ("care",), "ago_min": 3, "is_fresh": True, "from_zoom": 0, "has_past": True},
    "condition": {"only": (), "ago_min": 4000, "is_fresh": False, "from_zoom": 11, "has_past": True},
    "driving": {"only": ("admin",), "ago_min": 60, "is_fresh": True, "from_zoom": 0, "has_past": True},
    "furniture": {"only": (), "ago_min": 600, "is_fresh": True, "from_zoom": 13, "has_past": True},
    "stops": {"only": (), "ago_min": None, "is_fresh": False, "from_zoom": 10, "has_past": True},
    "findings": {"only": (), "ago_min": 0.2, "is_fresh": True, "from_zoom": 11, "has_past": True},
    "cases": {
        "only": ("admin", "operator", "viewer"),
        "ago_min": 5,
        "is_fresh": True,
        "from_zoom": 11,
        "has_past": True,
    },
    "buses": {"only": (), "ago_min": 0.1, "is_fresh": True, "from_zoom": 0, "has_past": True},
    "search": {"only": ("care",), "ago_min": 8, "is_fresh": True, "from_zoom": 0, "has_past": False},
}
_NOTHING: Final = dict.fromkeys(("state", "severity", "title", "name", "at", "value", "count", "heading_deg"))


def layer_list(role: str) -> Json:
    """The layers of a role."""
    now = datetime.now(UTC)
    return {
        "at": now.isoformat(),
        "layers": [
            {
                "id": name,
                "newest_at": (now - timedelta(minutes=layer["ago_min"])).isoformat() if layer["ago_min"] else None,
                **{key: layer[key] for key in ("is_fresh", "from_zoom", "has_past")},
            }
            for name, layer in LAYERS.items()
            if not layer["only"] or role in layer["only"]
        ],
    }


def layer(name: str, moment: str | None) -> Json:
    """What a layer draws; a moment has less than now."""
    drawn = {
        "findings": _findings(is_past=moment is not None),
        "cases": _cases(is_past=moment is not None),
        "condition": [_segment(feature) for feature in data.segments()["features"]],
        "buses": [_point("", "online", LON, LAT + 0.001, heading_deg=90.0)],
        "stops": _stops(),
        "furniture": [
            _point(
                f"t{number}",
                "missing" if number == 2 else "seen",
                *(LON + 0.002 * number - 0.004, LAT + 0.0036),
                title={"zh": "交通标志", "en": "Sign"},
                name=f"S-{number}",
            )
            for number in range(4)
        ],
        "driving": [
            _point("h1", "harsh_braking", LON - 0.002, LAT + 0.002, count=14),
            _point("h2", "speeding", LON + 0.003, LAT + 0.0025, count=4),
        ],
        "tag_coverage": [_area(east, north, "heard", count=1 + east) for east in range(4) for north in range(3)],
        "search": [
            *[_area(east, 1, "maybe", value=0.5 / (1 + east)) for east in range(3)],
            _point("l1", "last", LON + 0.001, LAT + 0.001, at=data.at(20)),
        ],
    }[name]
    return {"type": "FeatureCollection", "features": drawn, "is_complete": True}


def _drawn(geometry: Json, identity: str, kind: str, **more: object) -> Json:
    return {
        "type": "Feature",
        "geometry": geometry,
        "properties": {"id": identity, "kind": kind, "is_stale": False} | _NOTHING | more,
    }


def _point(identity: str, kind: str, lon: float, lat: float, **more: object) -> Json:
    return _drawn({"type": "Point", "coordinates": [lon, lat]}, identity, kind, **more)


def _area(east: int, north: int, kind: str, **more: object) -> Json:
    cell = cell_of(9, lon=LON + 0.004 * (east - 1), lat=LAT + 0.003 * (north - 1))
    return _drawn({"type": "Polygon", "coordinates": [ring_of(cell)]}, cell, kind, **more)


def _findings(*, is_past: bool) -> list[Json]:
    return [_finding(feature, is_past=is_past) for feature in data.FINDINGS[: 2 if is_past else 3]]


def _cases(*, is_past: bool) -> list[Json]:
    overdue = _point("c2", "overdue", LON - 0.001, LAT, state="filed", name="demo-2026-000002")
    running = _point("c1", "running", LON + 0.002, LAT, state="dispatched", name="demo-2026-000001")
    return [running] if is_past else [running, overdue]


def _stops() -> list[Json]:
    named = [
        _point(f"n{number}", "named", LON + 0.0015 * number, LAT - 0.0015, name=f"站 {number}") for number in range(4)
    ]
    return [
        *named,
        _point("stop-12", "online", LON - 0.003, LAT - 0.001, name="stop-12", at=data.at(20)),
        _point("stop-13", "offline", LON + 0.004, LAT - 0.001, name="stop-13", at=data.at(0)),
    ]


def _finding(feature: Json, *, is_past: bool) -> Json:
    known = feature["properties"]
    value = known["existence"] / 2 if is_past else known["existence"]
    lon, lat = feature["geometry"]["coordinates"]
    return _point(
        feature["id"], known["class_code"], lon, lat, state="candidate" if is_past else known["state"], value=value
    )


def _segment(feature: Json) -> Json:
    known = feature["properties"]
    more = {"name": known["name"], "at": known["last_looked_at"], "value": known["pci_estimate"]}
    return _drawn(feature["geometry"], feature["id"], known["grade"], **more, is_stale=known["is_stale"])
