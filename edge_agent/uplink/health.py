"""How the bus is: pure but for two looks at the machine."""

import shutil
from datetime import datetime
from pathlib import Path
from typing import Final

from edge_agent.uplink.store import Depth

_THERMAL: Final = Path("/sys/class/thermal/thermal_zone0/temp")  # Linux, in thousandths of a degree
_PLAUSIBLE_C: Final = (-100.0, 200.0)


def temperature_c() -> float | None:
    """Temperature of the processor, where the machine tells it."""
    try:
        degrees = int(_THERMAL.read_text(encoding="ascii")) / 1000
    except (OSError, ValueError):
        return None
    return degrees if _PLAUSIBLE_C[0] <= degrees <= _PLAUSIBLE_C[1] else None


def disk_free_bytes(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def oldest_age_s(depth: Depth, now: datetime) -> float:
    """Age of the oldest waiting message; 0 when none waits, or when the clock was set back."""
    return 0.0 if depth.oldest_at is None else min(max(0.0, (now - depth.oldest_at).total_seconds()), 1e9)
