"""Who acts."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What somebody is here for."""

    VIEWER = "viewer"
    CREW = "crew"
    OPERATOR = "operator"
    SAFETY = "safety"
    CARE = "care"
    FLEET = "fleet"
    ADMIN = "admin"
    GUARDIAN = "guardian"
    DRIVER = "driver"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts; a unit or areas narrow down which rows there are for them."""

    name: str
    role: Role
    unit: str | None = None
    crew: str | None = None
    areas: tuple[str, ...] = ()
