"""What a desired twin asks for, read from its flat settings."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from edge_agent.errors import UpdateError
from wire.messages import Settings

MODEL: Final = "package.model"
SETTINGS: Final = "package.settings"
SHADOW: Final = "package.shadow"  # a model that only looks on
SHADOW_SHARE: Final = "shadow.share"
POSE: Final = {
    f"camera.{key}": key for key in ("height_m", "focal_px", "pitch_deg", "yaw_deg", "roll_deg", "forward_m", "right_m")
}
_KNOWN: Final = {MODEL, SETTINGS, SHADOW, SHADOW_SHARE, *POSE}
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Packages by the SHA-256 of their file, and how the camera sits; what is missing is as the bus's file has it."""

    model: str | None
    settings: str | None
    shadow: str | None
    shadow_share: float
    pose: Mapping[str, float]


def split_settings(settings: Settings) -> tuple[Settings, str | None]:
    """What this program can be told from afar, and words about the rest: a newer cloud may know more of a bus."""
    known = {key: value for key, value in settings.items() if key in _KNOWN}
    foreign = sorted(settings.keys() - known.keys())
    return known, f"{', '.join(foreign)} cannot be set from afar" if foreign else None


def read_wanted(settings: Settings) -> Wanted:
    """Read what is desired, as far as it is known.

    Raises:
        UpdateError: something is no value of its kind.
    """
    return Wanted(
        model=_package(settings, MODEL),
        settings=_package(settings, SETTINGS),
        shadow=_package(settings, SHADOW),
        shadow_share=_number(settings, SHADOW_SHARE) if SHADOW_SHARE in settings else 1.0,
        pose={key: _number(settings, name) for name, key in POSE.items() if name in settings},
    )


def _package(settings: Settings, key: str) -> str | None:
    name = settings.get(key)
    if name is not None and not (isinstance(name, str) and _SHA256.fullmatch(name)):
        raise UpdateError(f"{key} is {name!r}; a SHA-256 in hex is expected")
    return name


def _number(settings: Settings, key: str) -> float:
    value = settings[key]
    if isinstance(value, str | bool):
        raise UpdateError(f"{key} is {value!r}; a number is expected")
    return value
