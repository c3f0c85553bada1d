"""Two slots and the file that says which is in use: always one whole generation, or the bus's own file.

A generation is prepared in the slot that is not in use; replacing `state.json` is the one instant at which it begins.
"""

import logging
import threading
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from prometheus_client import Counter
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from edge_agent.durable import make_folder, replace_file
from edge_agent.errors import UpdateError
from edge_agent.updates.generation import Generation, read_generation, write_generation
from edge_agent.updates.trial import MAX_STARTS, Work
from wire.messages import Settings, TwinReported
from wire.package import Package
from wire.units import Count, Text

log = logging.getLogger(__name__)

STATE: Final = "state.json"
UPDATES: Final = Counter("busense_agent_updates", "Versions that were desired and settled.", ["outcome"])
_LONGEST_WORDS: Final = 512


class Slot(StrEnum):
    """A folder for one generation."""

    A = "a"
    B = "b"


@checked_dataclass(frozen=True, slots=True, kw_only=True, config=ConfigDict(strict=True))
class Trial:
    """A version that is in use and has not proven itself yet."""

    version: Count
    settings: Settings
    before: Slot | None  # to which it falls back; none is the bus's own file
    work: Work  # how the bus worked with it
    starts: Count = 0
    problem: Text | None = None  # what of this version the program does not know, and leaves out


@checked_dataclass(frozen=True, slots=True, kw_only=True, config=ConfigDict(strict=True))
class Attempt:
    """A version that is opened on paper: whoever dies of it begins again with the same."""

    version: Count
    starts: Count


@checked_dataclass(frozen=True, slots=True, kw_only=True, config=ConfigDict(strict=True))
class State:
    """All that must be known after a power cut."""

    settled: Count = 0  # the highest desired version that is in use and proven, or given up
    settings: Settings  # those in use and proven
    problem: Text | None = None
    is_partial: bool = False  # the problem is what the program did not know: the next program may
    slot: Slot | None = None  # in use; none is the bus's own file
    trial: Trial | None = None
    attempt: Attempt | None = None


_STATE: Final = TypeAdapter(State)


class Slots:
    """The slots in a folder; usable from several threads, by one process at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.RLock()
        self._state = self._read()

    @property
    def state(self) -> State:
        return self._state

    @property
    def report(self) -> TwinReported:
        """What the cloud is told: what is settled; a version on trial is not yet."""
        state = self._state
        return TwinReported(version=state.settled, settings=state.settings, problem=state.problem)

    def start(self) -> Generation | None:
        """The generation to begin with, none for the bus's own file; a start on trial is counted first."""
        with self._lock:
            self._count_start()
            while (slot := self._state.slot) is not None:
                try:
                    return read_generation(self._folder / slot)
                except UpdateError as error:
                    self.leave(str(error))
            return None

    def begin_attempt(self, version: int) -> None:
        """Count an attempt to open a version.

        Raises:
            UpdateError: the program has ended each time.
            OSError: it cannot be counted.
        """
        with self._lock:
            last = self._state.attempt
            starts = last.starts if last is not None and last.version == version else 0
            if starts >= MAX_STARTS:
                raise UpdateError(f"the program ended {starts} times while it opened this version")
            self._write(replace(self._state, attempt=Attempt(version=version, starts=starts + 1)))

    def fill(
        self,
        *,
        version: int,
        settings: Settings,
        model: Package | None,
        package: Package | None,
        shadow: Package | None = None,
    ) -> Generation:
        """Prepare a generation in the slot that is not in use.

        Raises:
            UpdateError: what was written cannot be read again.
            OSError: the disk does not take it.
        """
        folder = self._folder / self._free()
        write_generation(folder, version=version, settings=settings, model=model, package=package, shadow=shadow)
        return read_generation(folder)

    def switch(self, generation: Generation, *, work: Work, problem: str | None = None) -> None:
        """Put what was prepared in use, on trial; `work` is how the bus works now, `problem` what was left out.

        Raises:
            OSError: the disk does not take it; what was in use stays.
        """
        with self._lock:
            trial = Trial(
                version=generation.version,
                settings=generation.settings,
                before=self._state.slot,
                work=work,
                problem=_plain(problem),
            )
            self._write(replace(self._state, slot=self._free(), trial=trial, attempt=None))
        log.info("update_on_trial version=%d", generation.version)

    def settle(self, version: int, problem: str | None = None, *, is_partial: bool = False) -> None:
        """A version needs no change, or is given up before its trial."""
        with self._lock:
            settled = replace(
                self._state, settled=version, problem=_plain(problem), is_partial=is_partial, attempt=None
            )
            self._put(settled)
        _tell(version, problem, "unchanged" if problem is None else "refused")

    def settle_trial(self) -> None:
        """What is on trial has proven itself."""
        with self._lock:
            trial = self._state.trial
            if trial is None:
                return
            proven = replace(
                self._state,
                settled=trial.version,
                settings=trial.settings,
                problem=trial.problem,
                is_partial=trial.problem is not None,
                trial=None,
            )
            self._put(proven)
        _tell(trial.version, None, "passed")

    def leave(self, problem: str) -> bool:
        """Leave what is in use: from a trial to what was before, else to the bus's own file; False when that is it."""
        with self._lock:
            state, trial, words = self._state, self._state.trial, _plain(problem)
            if trial is not None:
                fallen = replace(
                    state, settled=trial.version, problem=words, is_partial=False, slot=trial.before, trial=None
                )
                self._put(fallen)
                _tell(trial.version, problem, "fell_back")
            elif state.slot is not None:
                self._put(replace(state, settings={}, problem=words, is_partial=False, slot=None))
                log.error("update_unusable slot=%s problem=%s", state.slot.value, words)
            return trial is not None or state.slot is not None

    def _count_start(self) -> None:
        trial = self._state.trial
        if trial is None:
            return
        if trial.starts >= MAX_STARTS:
            self.leave(f"it was started {trial.starts} times and did not last until the end of its trial")
            return
        try:
            self._write(replace(self._state, trial=replace(trial, starts=trial.starts + 1)))
        except OSError as error:
            self.leave(f"a start on trial cannot be noted on the disk: {error}")

    def _free(self) -> Slot:
        return Slot.B if self._state.slot is Slot.A else Slot.A

    def _read(self) -> State:
        path = self._folder / STATE
        try:
            return _STATE.validate_json(path.read_bytes())
        except FileNotFoundError:
            return State(settings={})
        except (OSError, ValidationError) as error:
            log.error("updates_unreadable path=%s error=%s", path, error)  # noqa: TRY400 - no trace needed
            return State(settings={}, problem=f"{STATE} cannot be read: the bus's own file is in use")

    def _put(self, state: State) -> None:
        """Go over to a state whether or not the disk takes it: going back is always allowed."""
        try:
            self._write(state)
        except OSError as error:
            log.error("updates_not_noted error=%s", error)  # noqa: TRY400 - no trace needed
            self._state = state

    def _write(self, state: State) -> None:
        make_folder(self._folder)
        replace_file(self._folder / STATE, _STATE.dump_json(state))
        self._state = state


def _plain(words: str | None) -> str | None:
    """One line that the contract takes."""
    if words is None:
        return None
    return "".join(letter if letter.isprintable() else " " for letter in words)[:_LONGEST_WORDS].strip()


def _tell(version: int, problem: str | None, outcome: str) -> None:
    UPDATES.labels(outcome).inc()
    if problem is None:
        log.info("update_settled version=%d outcome=%s", version, outcome)
    else:
        log.warning("update_settled version=%d outcome=%s problem=%s", version, outcome, problem)
