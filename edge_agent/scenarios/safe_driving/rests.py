"""Driving without the rest that is due, also over a restart of the agent."""

import logging
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from edge_agent.durable import replace_file
from edge_agent.ego import offset_between
from edge_agent.scenarios.safe_driving.rules import STANDING_MPS, Event, Whereabout, over_time
from wire.messages import DrivingKind

log = logging.getLogger(__name__)

GAP_S: Final = 10.0  # over less, what the bus did in between is known
SAME_PLACE_M: Final = 500.0  # a depot, and what a bus drives until its receiver has a fix
WRITE_EVERY_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Driven:
    """What is known since the last rest."""

    since: datetime | None = None  # None: the bus has not been driven since
    driven_s: float = 0.0
    rested_s: float = 0.0  # of a stand that may become a rest
    is_told: bool = False
    last: Whereabout | None = None


class LongDrivingRule:
    """Driving without the rest that is due. Who drives is not known: a change of drivers counts as none.

    What is in a gap of fixes counts neither as driving nor as rest, but for a gap as long as a rest after which the bus
    is where it was: then it stood there with its power off, or under a roof.
    """

    def __init__(self, *, driving_s: float, rest_s: float, driven: Driven | None = None) -> None:
        """Go on from what was known before."""
        self._driving_s, self._rest_s = driving_s, rest_s
        self._driven = driven or Driven()

    @property
    def driven(self) -> Driven:
        return self._driven

    def take(self, fix: Whereabout) -> Event | None:
        """Take a fix; an event once, when the rest is due."""
        before = self._driven.last
        passed_s = 0.0 if before is None else (fix.at - before.at).total_seconds()
        if before is not None and passed_s >= self._rest_s and _is_same_place(before, fix):
            self._driven = Driven(last=fix)
            return None
        self._driven = replace(self._driven, last=fix)
        if not 0 < passed_s <= GAP_S:
            return None
        return self._stand(passed_s) if fix.speed_mps < STANDING_MPS else self._drive(passed_s, fix)

    def _stand(self, passed_s: float) -> None:
        driven = self._driven
        if driven.since is None:
            return
        rested_s = driven.rested_s + passed_s
        is_rested = rested_s >= self._rest_s
        self._driven = Driven(last=driven.last) if is_rested else replace(driven, rested_s=rested_s)

    def _drive(self, passed_s: float, fix: Whereabout) -> Event | None:
        driven = self._driven
        since = driven.since or fix.at
        # A stand that was no rest, as at a stop, is part of the driving.
        driven_s = driven.driven_s + driven.rested_s + passed_s
        is_due = driven_s >= self._driving_s
        self._driven = Driven(since=since, driven_s=driven_s, is_told=driven.is_told or is_due, last=fix)
        return over_time(DrivingKind.LONG_DRIVING, since, fix) if is_due and not driven.is_told else None


class DrivenFile:
    """Where it is kept, so that an update or a crash of the agent is no rest. At most a minute is lost."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written_at: datetime | None = None

    def read(self) -> Driven:
        """What was kept; nothing if there is none, or none that can be read."""
        try:
            return _FORM.validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return Driven()
        except (OSError, ValidationError) as error:
            log.warning("driven_time_lost path=%s error=%s", self._path, error)
            return Driven()

    def keep_when_due(self, driven: Driven) -> None:
        """Write it once in a while."""
        at = None if driven.last is None else driven.last.at
        if at is None:
            return
        if self._written_at is None or abs((at - self._written_at).total_seconds()) >= WRITE_EVERY_S:
            self.keep(driven)
            self._written_at = at

    def keep(self, driven: Driven) -> None:
        """Write it now; a disk that does not take it costs the memory of a restart, no more."""
        try:
            replace_file(self._path, _FORM.dump_json(driven))
        except OSError as error:
            log.warning("driven_time_not_kept path=%s error=%s", self._path, error)


_FORM: Final = TypeAdapter(Driven)


def _is_same_place(one: Whereabout, other: Whereabout) -> bool:
    return offset_between(lon=one.lon, lat=one.lat, to_lon=other.lon, to_lat=other.lat).length_m <= SAME_PLACE_M
