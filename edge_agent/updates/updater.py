"""From what the cloud desires to what is in use: fetch, prepare, try, and keep or take back."""

import logging
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from edge_agent.config import AgentConfig, UpdateSettings
from edge_agent.errors import ConfigurationError, ModelError, UpdateError
from edge_agent.updates.generation import Generation, OwnFile
from edge_agent.updates.merge import check_settings
from edge_agent.updates.packages import Packages
from edge_agent.updates.slots import Slots, Trial
from edge_agent.updates.trial import LONGEST_LOOK_S, Gauge, verdict
from edge_agent.updates.wanted import MODEL, SETTINGS, SHADOW, Wanted, read_wanted, split_settings
from edge_agent.uplink.cloud import CloudAddress
from edge_agent.vision.detector import open_detector, open_shadow
from wire.errors import PackageError
from wire.messages import CameraState, Settings, TwinDesired, TwinReported
from wire.package import Package, PackageKind

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 0.5
ENDS_WITHIN_S: Final = 5.0  # then the process may end: what lies on the disk is whole at any instant


class Observed(Protocol):
    """An agent, as a trial looks at it."""

    @property
    def frames(self) -> int: ...

    @property
    def camera_state(self) -> CameraState: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What an agent begins with."""

    generation: Generation | None
    trial: Trial | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Life:
    """An agent that runs now."""

    config: AgentConfig
    gauge: Gauge
    end: threading.Event


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fetched:
    """Packages whose signatures were checked."""

    model: Package | None
    settings: Package | None
    shadow: Package | None


class Updater:
    """Hears what is desired from the publisher's thread, works in its own, and watches the agent from a third."""

    def __init__(self, own: OwnFile, settings: UpdateSettings, cloud: CloudAddress) -> None:
        self._own = own
        self._settings = settings
        self._slots = Slots(settings.folder)
        self._packages = Packages(settings.folder / "packages", cloud, wait=self._wait)
        self._newest: TwinDesired | None = None
        self._news = threading.Event()
        self._stop = threading.Event()
        self._life: _Life | None = None

    @property
    def report(self) -> TwinReported:
        return self._slots.report

    def desire(self, desired: TwinDesired) -> None:
        """Take a version, if it is newer than all before, or this program knows more of it than the one before."""
        trial, newest = self._slots.state.trial, self._newest
        known = [trial.version if trial else 0, newest.version if newest else 0]
        if desired.version > max(known) and self._is_news(desired):
            log.info("update_desired version=%d", desired.version)
            self._newest = desired
            self._news.set()

    def _is_news(self, desired: TwinDesired) -> bool:
        state = self._slots.state
        if desired.version == state.settled and state.is_partial:
            return split_settings(desired.settings)[0] != state.settings
        return desired.version > state.settled

    def start(self) -> Start:
        """What the next agent begins with; a start on trial is counted."""
        generation = self._slots.start()
        return Start(generation=generation, trial=self._slots.state.trial)

    def forgives(self, error: Exception, start: Start) -> bool:
        """Whether an error that ended an agent is held against its generation, which is left then."""
        if start.trial is not None:
            is_its_fault = self._is_on(start.trial)
        else:
            is_its_fault = start.generation is not None and isinstance(error, ConfigurationError | ModelError)
        return is_its_fault and self._slots.leave(str(error) or type(error).__name__)

    @contextmanager
    def running(self) -> Generator[None]:
        """Work while the context lasts."""
        thread = threading.Thread(target=self._run, name="updater", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._news.set()
            thread.join(ENDS_WITHIN_S)

    @contextmanager
    def watching(
        self, agent: Observed, config: AgentConfig, start: Start, end: threading.Event
    ) -> Generator[threading.Event]:
        """Watch an agent; `end` is set when another generation is to begin."""
        life = _Life(config=config, gauge=Gauge(began_s=time.monotonic(), trial_s=self._settings.trial_s), end=end)
        is_over = threading.Event()
        thread = threading.Thread(
            target=self._watch, args=(agent, life, start.trial, is_over), name="watch", daemon=True
        )
        thread.start()
        self._life = life
        if start.trial is None and self._slots.state.trial is not None:
            end.set()  # a switch came between its start and here
        try:
            yield end
        finally:
            self._life = None
            is_over.set()
            thread.join()

    def _watch(self, agent: Observed, life: _Life, trial: Trial | None, is_over: threading.Event) -> None:
        while not is_over.wait(LOOK_EVERY_S):
            life.gauge.note(at_s=time.monotonic(), frames=agent.frames, camera=agent.camera_state)
            if trial is not None and self._judge(life, trial):
                trial = None

    def _judge(self, life: _Life, trial: Trial) -> bool:
        """Judge what is on trial; whether there is a verdict."""
        found = verdict(
            before=trial.work,
            now=life.gauge.work,
            asked_per_s=0.0 if life.config.camera is None else life.config.camera.frames_per_s,
            passed_s=life.gauge.passed_s,
            trial_s=self._settings.trial_s,
        )
        if found is None or not self._is_on(trial):
            return found is not None
        if found.problem is None:
            self._slots.settle_trial()
        else:
            self._slots.leave(found.problem)
            life.end.set()
        return True

    def _is_on(self, trial: Trial) -> bool:
        current = self._slots.state.trial
        return current is not None and current.version == trial.version

    def _run(self) -> None:
        while not self._stop.is_set():
            desired = self._newest
            if desired is None or self._slots.state.trial is not None or not self._is_news(desired):
                self._wait(LOOK_EVERY_S)
            else:
                self._take(desired)

    def _take(self, desired: TwinDesired) -> None:
        try:
            self._prepare(desired)
        except Exception as error:  # a model may break anything; the bus goes on with what it has
            if not isinstance(error, UpdateError | ConfigurationError | ModelError | PackageError | OSError):
                log.exception("update_failed version=%d", desired.version)
            self._slots.settle(desired.version, str(error) or type(error).__name__)

    def _prepare(self, desired: TwinDesired) -> None:
        """Bring a desired version to its trial.

        Raises:
            Exception: why it cannot be used.
        """
        version, (settings, problem) = desired.version, split_settings(desired.settings)
        wanted = read_wanted(settings)
        if settings == self._slots.state.settings:
            self._slots.settle(version, problem, is_partial=problem is not None)
            return
        self._packages.keep_only(_packages_of(settings) | _packages_of(self._slots.state.settings))
        packages = self._fetch(desired, wanted)
        life = self._measured_life(desired)
        if packages is None or life is None:
            return
        self._slots.begin_attempt(version)
        generation = self._slots.fill(
            version=version,
            settings=settings,
            model=packages.model,
            package=packages.settings,
            shadow=packages.shadow,
        )
        config = self._own.with_generation(generation)
        if config.model != life.config.model:
            open_detector(config.model)
        if config.shadow is not None and config.shadow != life.config.shadow:
            open_shadow(config.shadow)
        self._slots.switch(generation, work=life.gauge.work, problem=problem)
        if (current := self._life) is not None:
            current.end.set()

    def _fetch(self, desired: TwinDesired, wanted: Wanted) -> _Fetched | None:
        """What is wanted, where it is; None when the version is not the newest any more."""
        model = self._package(desired, wanted.model, PackageKind.MODEL)
        package = self._package(desired, wanted.settings, PackageKind.SETTINGS)
        shadow = self._package(desired, wanted.shadow, PackageKind.MODEL)
        if package is not None:
            check_settings(package.settings())
        return _Fetched(model=model, settings=package, shadow=shadow) if self._is_newest(desired) else None

    def _package(self, desired: TwinDesired, sha256: str | None, kind: PackageKind) -> Package | None:
        if sha256 is None:
            return None
        return self._packages.take(
            sha256, kind=kind, keys=self._settings.keys, is_wanted=lambda: self._is_newest(desired)
        )

    def _measured_life(self, desired: TwinDesired) -> _Life | None:
        """Wait until it is known how the bus works now; None when the version is not the newest any more."""
        look_s = min(LONGEST_LOOK_S, self._settings.trial_s)
        while self._is_newest(desired):
            life = self._life
            if life is not None and life.gauge.passed_s >= look_s:
                return life
            self._wait(LOOK_EVERY_S)
        return None

    def _is_newest(self, desired: TwinDesired) -> bool:
        return self._newest is desired and not self._stop.is_set()

    def _wait(self, wait_s: float) -> None:
        self._news.wait(wait_s)
        self._news.clear()


def _packages_of(settings: Settings) -> set[str]:
    return {str(settings[key]) for key in (MODEL, SETTINGS, SHADOW) if key in settings}
