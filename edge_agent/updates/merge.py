"""The configuration in use: the bus's own file, over it a package of settings, over it what is desired of this bus."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

from edge_agent.config import Document
from edge_agent.errors import UpdateError

FIXED: Final[tuple[str, ...]] = (
    "identity",
    "broker",
    "cloud",
    "outbox",
    "updates",
    "replay",
    "camera.source",
    "gnss.source",
    "imu.source",
    "door.file",
    "driver_camera",  # nobody turns a camera at a person on from afar
    "model.manifest",
    "shadow",
)
"""What makes a bus this bus, and what would cut it off: no package of settings may touch it."""


def check_settings(package: Mapping[str, Any]) -> None:
    """Look for what no package of settings may hold.

    Raises:
        UpdateError: names it.
    """
    found = [name for name in FIXED if _holds(package, name.split("."))]
    if found:
        raise UpdateError(f"a package of settings must not hold {', '.join(found)}")


def merged(
    own: Mapping[str, Any],
    *,
    package: Mapping[str, Any],
    pose: Mapping[str, float],
    manifest: Path | None,
    shadow: Mapping[str, Any] | None = None,
) -> Document:
    """Lay one over the other; the camera's pose, the model of this bus and the one beside it are uppermost."""
    uppermost: Document = {}
    if pose:
        uppermost["camera"] = dict(pose)
    if manifest is not None:
        uppermost["model"] = {"manifest": str(manifest)}
    if shadow is not None:
        uppermost["shadow"] = dict(shadow)
    return _over(_over(own, package), uppermost)


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> Document:
    """Tables are joined; any other value replaces the one below."""
    result = dict(below)
    for key, value in above.items():
        table, under = _table(value), _table(below.get(key))
        result[key] = value if table is None else _over(under or {}, table)
    return result


def _table(value: object) -> Mapping[str, Any] | None:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else None


def _holds(document: Mapping[str, Any], path: Sequence[str]) -> bool:
    key, *rest = path
    if not rest:
        return key in document
    table = _table(document.get(key))
    return table is not None and _holds(table, rest)
