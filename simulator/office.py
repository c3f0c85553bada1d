"""Simulated people: a desk that judges what is reported, and crews that drive out and repair, some of them badly.

They use the API as pages do. The desk sees the truth as a person sees a picture: what is there is filed, what is not
is rejected. A crew that was sent to nothing gives the case back.
"""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx
import numpy as np

from simulator.devices import read_secret
from simulator.furniture import Fixture, Fixtures
from simulator.plane import Plane, distance_m
from simulator.repairs import Repairs
from simulator.truth import Defect, Truth

POLL_S: Final = 1.0
WATER: Final = "FLOOD"  # nobody can miss it
TIMEOUT_S: Final = 10.0
NEAR_M: Final = 8.0  # of a case, within which a crew looks for the damage
WORK_S: Final = (3.0, 8.0)  # from accepting a job to having done it
JOBS_WITH_A_BAD_ONE: Final = 4  # of so many jobs one is done badly
MATERIALS: Final = [{"name": "冷补料", "amount": 2.0, "unit": "袋"}]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What people find when they look at a place."""

    truth: Truth
    plane: Plane
    repairs: Repairs
    fixtures: Fixtures = field(default_factory=Fixtures)

    def is_real(self, case: dict[str, Any]) -> bool:
        """Whether what a case says is so."""
        is_near = self.defects_near(lon=case["lon"], lat=case["lat"])
        return bool(is_near or self._fixture(case)) or case["class_code"] == WATER

    def put_right(self, case: dict[str, Any]) -> None:
        """Do what a case asks for; water is pumped away, which takes its time."""
        if case["class_code"] == WATER:
            return
        fixture = self._fixture(case)
        if fixture is None:
            self.repair(lon=case["lon"], lat=case["lat"])
        else:
            self.fixtures.restore(fixture)

    def _fixture(self, case: dict[str, Any]) -> Fixture | None:
        return self.fixtures.with_problem_near(case["class_code"], plane=self.plane, lon=case["lon"], lat=case["lat"])

    def defects_near(self, *, lon: float, lat: float) -> list[Defect]:
        """Damage that is still there, nearest first."""
        there = [defect for defect in self.truth.defects if self.repairs.is_there(defect)]
        place = self.plane.spot(lon=lon, lat=lat)
        apart = {each.id: distance_m(place, self.plane.spot(lon=each.lon, lat=each.lat)) for each in there}
        return sorted((each for each in there if apart[each.id] <= NEAR_M), key=lambda each: apart[each.id])

    def repair(self, *, lon: float, lat: float) -> None:
        """Repair all that is near; what one photo shows is repaired together."""
        near = self.defects_near(lon=lon, lat=lat)
        sites = {defect.site_id for defect in near} - {None}
        for defect in self.truth.defects:
            if defect in near or defect.site_id in sites:
                self.repairs.add(defect)


class Caller:
    """One person with a token."""

    def __init__(self, cloud_url: str, token_file: Path) -> None:
        headers = {"Authorization": f"Bearer {read_secret(token_file)}"}
        self.client = httpx.Client(base_url=f"{cloud_url}/api/v1", headers=headers, timeout=TIMEOUT_S)

    def act(self, case: dict[str, Any], action: str, **more: Any) -> dict[str, Any] | None:  # noqa: ANN401 - JSON
        """Take an action; none when somebody was faster."""
        answer = self.client.post(
            f"/cases/{case['id']}/actions",
            json={"action": action, "version": case["version"]} | more,
            headers={"Idempotency-Key": str(uuid4())},
        )
        if answer.is_success:
            return answer.json()
        log.info("action_refused case=%s action=%s status=%d", case["number"], action, answer.status_code)
        return None


class Desk:
    """Files what is there, rejects what is not."""

    def __init__(self, caller: Caller, ground: Ground) -> None:
        self._caller, self._ground = caller, ground

    def work(self) -> None:
        """Judge what was reported or given back."""
        question = {"state": ["reported", "returned"], "limit": 20}
        for case in self._caller.client.get("/cases", params=question).raise_for_status().json()["items"]:
            if self._ground.is_real(case):
                self._caller.act(case, "file", reason="照片可见破损")
            else:
                self._caller.act(case, "reject", reason="照片未见破损")


class Crew:
    """Has people enough for all its jobs at once."""

    def __init__(self, caller: Caller, ground: Ground, *, rng: np.random.Generator) -> None:
        self._caller, self._ground, self._rng = caller, ground, rng
        self._done_at_s: dict[str, float] = {}
        self._is_next_bad = _bad_ones(rng)

    def work(self) -> None:
        """Accept what is new, and finish what took long enough."""
        for case in self._jobs():
            if case["state"] == "dispatched":
                self._accept(case)
            elif case["state"] == "accepted" and time.monotonic() >= self._done_at_s.setdefault(case["id"], 0.0):
                self._finish(case)

    def _jobs(self) -> Iterator[dict[str, Any]]:
        for job in self._caller.client.get("/crew/jobs").raise_for_status().json()["items"]:
            yield job["case"]

    def _accept(self, case: dict[str, Any]) -> None:
        if self._caller.act(case, "accept") is not None:
            self._done_at_s[case["id"]] = time.monotonic() + self._rng.uniform(*WORK_S)

    def _finish(self, case: dict[str, Any]) -> None:
        """Arrive, repair (a crew that repaired badly once takes care the next time), and say so; or give it back."""
        arrived = self._caller.act(case, "arrive", lon=case["lon"], lat=case["lat"], accuracy_m=5.0)
        if arrived is None:
            return
        is_first = case["reopened"] == 0
        if is_first and not self._ground.is_real(case):
            self._caller.act(arrived, "return", reason="现场未见破损")
            return
        if not (is_first and next(self._is_next_bad)):
            self._ground.put_right(case)
        self._caller.act(arrived, "done", materials=MATERIALS)


def _bad_ones(rng: np.random.Generator) -> Iterator[bool]:
    """One in so many, at a place that chance chooses."""
    while True:
        bad = int(rng.integers(JOBS_WITH_A_BAD_ONE))
        yield from (number == bad for number in range(JOBS_WITH_A_BAD_ONE))


class Office:
    """All of them, each in turn, in one thread."""

    def __init__(self, people: Sequence[Desk | Crew], *, stop: threading.Event) -> None:
        self._people, self._stop = people, stop
        self._thread = threading.Thread(target=self._run, name="office", daemon=True)

    def start(self) -> None:
        """Open."""
        self._thread.start()

    def close(self) -> None:
        """Wait until everybody has left."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(POLL_S):
            for person in self._people:
                try:
                    person.work()
                except httpx.HTTPError as error:
                    log.warning("office_waits error=%s", type(error).__name__)


def open_office(cloud_url: str, tokens: Path, ground: Ground, *, seed: int) -> Office:
    """Make the people whose tokens lie in a folder: `desk.token`, `crew-*.token`."""
    people: list[Desk | Crew] = [Desk(Caller(cloud_url, tokens / "desk.token"), ground)]
    for number, path in enumerate(sorted(tokens.glob("crew-*.token"))):
        people.append(Crew(Caller(cloud_url, path), ground, rng=np.random.default_rng((seed, 7, number))))
    return Office(people, stop=threading.Event())
