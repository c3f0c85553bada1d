"""The buses of a county that nobody looks into: numbers, beside those that run the agent."""

import threading
from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile

from simulator.county.build import County
from simulator.county.messages import CountyFleet
from simulator.county.publish import Publisher, in_time
from simulator.exposure import Exposures


class Others:
    """Publishes in real time what they send, over one connection."""

    def __init__(self, county: County, *, from_s: float, agents: Sequence[int], publisher: Publisher) -> None:
        """Let all drive but the `agents`, from so many seconds after the scenario's first midnight."""
        self._county, self._from_s, self._agents, self._publisher = county, from_s, agents, publisher
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._failure: Exception | None = None
        self.sent = 0

    @property
    def count(self) -> int:
        """How many they are."""
        return self._county.scenario.county.buses - len(self._agents)

    def start(self, at: datetime, *, for_s: float | None, exposures: Exposures) -> None:
        """Let them drive off; `exposures` is told what they have in view."""
        fleet = CountyFleet(self._county, from_s=self._from_s, begins_at=at, agents=self._agents, exposures=exposures)
        self._thread = threading.Thread(target=self._drive, args=(fleet, at, for_s), name="others", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Ask how it goes.

        Raises:
            Exception: what ended their drive.
        """
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """End their drive, and wait until the broker has all that they said.

        Raises:
            Exception: what ended their drive before.
        """
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self.check()

    def _drive(self, fleet: CountyFleet, at: datetime, for_s: float | None) -> None:
        messages = takewhile(lambda _: not self._stop.is_set(), fleet.messages(for_s))
        try:
            self.sent = in_time(messages, self._publisher.publish, rate=1.0, begins_at=at, sleep=self._stop.wait)
            self._publisher.close()
        except Exception as error:  # noqa: BLE001 - told by `check`, to the thread that can end the simulation
            self._failure = error
