"""What was true and what was claimed, day by day: all that a report is drawn from. Kept as one JSON file."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from pydantic import TypeAdapter, ValidationError

from simulator.errors import LedgerError
from telemetry.replaced import replaced

Meaning = Literal["damage", "lookalike", "nothing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One day's end. Counts, unless the name says otherwise."""

    day: int
    date: str
    there: int  # damage that lies open and came into view before
    found: int  # of it, believed
    missed: int
    invented: int  # believed where nothing is
    doubled: int
    driven_km: float
    told: int
    told_of_nothing: int
    rain_mm: float


@dataclass(slots=True, kw_only=True)
class Watched:
    """One damage (or one that broke up again), since it first came into view."""

    id: str
    class_code: str
    born_day: float
    shown_day: float
    shown: int = 0  # passes that had it in view
    told: int = 0  # of them, those that told it
    shown_before_found: int | None = None
    found_day: float | None = None
    off_m: float | None = None  # when found
    gone_day: float | None = None  # repaired


@dataclass(slots=True, kw_only=True)
class Opened:
    """One case."""

    number: int
    class_code: str
    opened_day: float
    meaning: Meaning
    is_double: bool
    rejected_day: float | None = None
    done_day: float | None = None  # the first repair
    is_bad_repair: bool = False  # any of them
    reopened: int = 0
    verified_day: float | None = None


@dataclass(slots=True, kw_only=True)
class Seen:
    """Passes of damage in one quality of picture."""

    shown: int = 0
    told: int = 0


@dataclass(slots=True, kw_only=True)
class Ledger:
    """All of it; `facts` are lines for the head of the report.

    Times are in days; a run of minutes against a real cloud is drawn in seconds.
    """

    name: str
    seed: int
    facts: dict[str, str]
    unit: Literal["day", "second"] = "day"
    days: list[Day] = field(default_factory=list[Day])
    watched: list[Watched] = field(default_factory=list[Watched])
    opened: list[Opened] = field(default_factory=list[Opened])
    by_quality: dict[str, Seen] = field(default_factory=dict[str, Seen])
    by_month: dict[str, Seen] = field(default_factory=dict[str, Seen])

    def write(self, path: Path) -> None:
        """Write so that a reader finds the old or the new file, never half of one."""
        with replaced(path) as file:
            file.write(_LEDGER.dump_json(self, indent=1))


_LEDGER: Final = TypeAdapter(Ledger)


def read_ledger(path: Path) -> Ledger:
    """Read it again.

    Raises:
        LedgerError: it cannot be read.
    """
    try:
        return _LEDGER.validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise LedgerError(f"{path}: {error}") from error
