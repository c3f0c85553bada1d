# ruff: noqa: ANN401 - JSON is of any type
"""Simulated people against an API that is played by the test."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from simulator.frames import DrawnScenery
from simulator.office import JOBS_WITH_A_BAD_ONE, Caller, Crew, Desk, Ground
from simulator.repairs import Repairs
from simulator.world import make_world

WORLD = make_world(seed=0, buses=3, frames=None)
DEFECT = WORLD.truth.defects[0]


@dataclass
class Api:
    """The operations center as far as people use it."""

    cases: list[dict[str, Any]]
    taken: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    asked_states: list[str] = field(default_factory=list[str])
    status: int = 200

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET" and request.url.path.endswith("/crew/jobs"):
            return httpx.Response(200, json={"items": [{"case": case} for case in self.cases]})
        if request.method == "GET":
            self.asked_states = request.url.params.get_list("state")
            return httpx.Response(200, json={"items": self.cases})
        body = json.loads(request.content)
        self.taken.append((request.url.path.split("/")[-2], body["action"]))
        return httpx.Response(self.status, json=self.cases[0] | {"version": body["version"] + 1})

    def caller(self, folder: Path) -> Caller:
        (folder / "x.token").write_text("secret")
        caller = Caller("http://test", folder / "x.token")
        caller.client = httpx.Client(base_url="http://test/api/v1", transport=httpx.MockTransport(self.answer))
        return caller


def case(**changes: Any) -> dict[str, Any]:
    usual = {"id": "case-1", "number": "n", "version": 1, "state": "reported", "reopened": 0, "class_code": "D40"}
    return usual | {"lon": DEFECT.lon, "lat": DEFECT.lat} | changes


def ground() -> Ground:
    return Ground(truth=WORLD.truth, plane=WORLD.town.plane, repairs=Repairs())


def test_nobody_misses_water_over_the_road() -> None:
    flood = case(class_code="FLOOD", lon=0.0)
    there = ground()
    there.put_right(flood)  # it goes by itself
    assert there.is_real(flood)


def test_desk_files_what_is_there_and_rejects_what_is_not(tmp_path: Path) -> None:
    api = Api([case(), case(id="case-2", lon=0.0)])
    Desk(api.caller(tmp_path), ground()).work()

    assert api.taken == [("case-1", "file"), ("case-2", "reject")]


def test_crew_repairs_one_of_so_many_badly(tmp_path: Path) -> None:
    some = WORLD.truth.defects[: 2 * JOBS_WITH_A_BAD_ONE]
    jobs = [case(id=each.id, state="accepted", lon=each.lon, lat=each.lat) for each in some]
    api, place = Api(jobs), ground()
    Crew(api.caller(tmp_path), place, rng=np.random.default_rng(1)).work()

    assert [action for _, action in api.taken] == ["arrive", "done"] * len(some)
    assert sum(place.repairs.is_there(each) for each in some) == 2


def test_crew_takes_care_after_a_case_was_opened_again(tmp_path: Path) -> None:
    some = WORLD.truth.defects[:JOBS_WITH_A_BAD_ONE]
    jobs = [case(id=each.id, state="accepted", reopened=1, lon=each.lon, lat=each.lat) for each in some]
    api, place = Api(jobs), ground()
    Crew(api.caller(tmp_path), place, rng=np.random.default_rng(1)).work()

    assert not any(place.repairs.is_there(each) for each in some)


def test_crew_that_finds_nothing_gives_the_case_back_and_the_desk_rejects_it(tmp_path: Path) -> None:
    api = Api([case(state="accepted", lon=0.0)])
    Crew(api.caller(tmp_path), ground(), rng=np.random.default_rng(1)).work()
    api.cases = [case(state="returned", lon=0.0)]
    Desk(api.caller(tmp_path), ground()).work()

    assert [action for _, action in api.taken] == ["arrive", "return", "reject"]
    assert "returned" in api.asked_states


def test_crew_that_was_too_late_repairs_nothing(tmp_path: Path) -> None:
    api, place = Api([case(state="accepted")], status=409), ground()
    Crew(api.caller(tmp_path), place, rng=np.random.default_rng(1)).work()

    assert [action for _, action in api.taken] == ["arrive"]
    assert place.repairs.is_there(DEFECT)


def test_crew_works_for_a_while_before_it_is_done(tmp_path: Path) -> None:
    api = Api([case(state="dispatched")])
    crew = Crew(api.caller(tmp_path), ground(), rng=np.random.default_rng(1))
    crew.work()
    api.cases = [case(state="accepted")]
    crew.work()

    assert [action for _, action in api.taken] == ["accept"]


def test_camera_no_longer_shows_what_was_repaired() -> None:
    (line,) = [line for line in WORLD.lines if line.id == DEFECT.line_id]
    motion = WORLD.motions[WORLD.lines.index(line)]
    poses = [motion.pose(float(second)) for second in range(200)]
    pose = next(each for each in poses if 6 < DEFECT.along_m - each.along_m < 14)
    repairs = Repairs()
    scenery = DrawnScenery(WORLD.truth, seed=0, repairs=repairs)

    assert DEFECT.id in {shown.defect_id for shown in scenery.look(line, pose, cheap=False).shown}
    repairs.add(DEFECT)
    assert DEFECT.id not in {shown.defect_id for shown in scenery.look(line, pose, cheap=False).shown}
