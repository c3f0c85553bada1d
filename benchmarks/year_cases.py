"""The cases of a year: the cloud's rules propose, a desk judges by the truth, crews repair, later passes verify."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from benchmarks.year_findings import Finding
from cloud.cases.handling import Handling
from cloud.cases.lifecycle import ENDED, next_state
from cloud.cases.model import Action, CaseState, Role
from cloud.cases.verification import Judgement, PassAfter, judge
from cloud.findings.catalogue import Catalogue
from cloud.findings.model import FindingState
from cloud.findings.rates import PassRates
from cloud.scenarios.road_damage.assess import Belief, CaseStanding, assess
from simulator.county.damage import Damages, Indices
from simulator.county.ledger import Meaning, Opened
from simulator.county.scenario import Repairs

NEAR_M: Final = 8.0
BAD_HOLDS_DAYS: Final = (0.0, 25.0)
GOOD_HOLDS_DAYS: Final = (600.0, 3000.0)


@dataclass(slots=True, kw_only=True, eq=False)
class Case:
    """One case and what is known of it."""

    finding: Finding
    opened: Opened
    state: CaseState
    attached: int
    is_false_alarm: bool = False
    done_at: datetime | None = None
    waits_since: float = 0.0


@dataclass(slots=True, kw_only=True)
class Office:
    """Everybody who handles cases."""

    damages: Damages
    catalogue: Catalogue
    handling: Handling
    repairs: Repairs
    midnight: datetime  # the first local one
    rng: np.random.Generator
    cases: dict[Finding, Case] = field(default_factory=dict[Finding, Case])
    all: list[Opened] = field(default_factory=list[Opened])

    def settle(self, joined: Iterable[tuple[Finding, Finding]]) -> None:
        """Findings became one: the older case stays."""
        for finding, heir in joined:
            case = self.cases.pop(finding, None)
            if case is not None and (heir not in self.cases or self.cases[heir].state in ENDED):
                case.finding, heir.has_case = heir, True
                self.cases[heir] = case

    def assess(self, touched: Iterable[Finding], *, day: float) -> None:
        """Do what the rules propose for what a day touched."""
        for finding in sorted(touched, key=lambda each: each.number):
            fused = finding.fused
            seen = sum(weighed.taken.seen is not None for weighed in fused.passes)
            case = self.cases.get(finding)
            belief = Belief(
                state=fused.state,
                existence=fused.existence,
                passes_seen=seen,
                passes_missed=len(fused.passes) - seen,
            )
            standing = self._standing(case) if case else None
            for proposal in assess(belief, standing, filing=self.catalogue.classes[fused.class_code].filing):
                case = self._do(finding, case, proposal.action, day=day)

    def work(self, *, day: float) -> None:
        """One working day: the desk judges, passes are held against repairs, crews drive out."""
        for case in list(self.cases.values()):
            if case.state in {CaseState.REPORTED, CaseState.FILED, CaseState.REOPENED, CaseState.RETURNED}:
                self._judge(case, day=day)
            elif case.state is CaseState.DONE:
                self._verify(case, day=day)
        waiting = [case for case in self.cases.values() if case.state is CaseState.DISPATCHED]
        for case in sorted(waiting, key=lambda each: (each.waits_since, each.opened.number))[: self.repairs.jobs_a_day]:
            self._repair(case, day=day)

    def is_done(self, finding: Finding) -> bool:
        """Whether a person says that there is nothing more (repaired, or never was)."""
        case = self.cases.get(finding)
        return case is not None and case.state in {CaseState.DONE, CaseState.VERIFIED, *ENDED}

    def near(self, finding: Finding, *, day: float) -> Indices:
        """What lies open near a finding, nearest first."""
        metres = self._away_m(finding)
        there = np.flatnonzero((metres <= NEAR_M) & self.damages.is_there(day) & self.damages.is_damage)
        return there[np.argsort(metres[there])]

    def _standing(self, case: Case) -> CaseStanding:
        seen = len(case.finding.growing.things)
        return CaseStanding(
            state=case.state, unattached=max(0, seen - case.attached), is_false_alarm=case.is_false_alarm
        )

    def _do(self, finding: Finding, case: Case | None, action: Action, *, day: float) -> Case:
        if action is Action.OPEN or case is None:
            finding.has_case = True
            self.cases[finding] = self._open(finding, day=day)
            return self.cases[finding]
        case.state = next_state(case.state, action, Role.SYSTEM)
        case.attached = len(finding.growing.things)
        if action is Action.REOPEN:
            case.waits_since = day
        return case

    def _open(self, finding: Finding, *, day: float) -> Case:
        near = self.near(finding, day=day)
        others = {
            int(each)
            for case in self.cases.values()
            if case.finding is not finding and case.state not in ENDED and case.finding.fused.state is FindingState.OPEN
            for each in self.near(case.finding, day=day)[:1]
        }
        opened = Opened(
            number=len(self.all) + 1,
            class_code=finding.fused.class_code,
            opened_day=round(day, 2),
            meaning=self._meaning(finding, near),
            is_double=bool(len(near)) and int(near[0]) in others,
        )
        self.all.append(opened)
        state = next_state(None, Action.OPEN, Role.SYSTEM)
        return Case(finding=finding, opened=opened, state=state, attached=len(finding.growing.things), waits_since=day)

    def _meaning(self, finding: Finding, near: Indices) -> Meaning:
        if len(near):
            return "damage"
        is_fake = (self._away_m(finding) <= NEAR_M) & ~self.damages.is_damage
        return "lookalike" if bool(is_fake.any()) else "nothing"

    def _away_m(self, finding: Finding) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        spot = self.damages.plane.spot(lon=finding.fused.lon, lat=finding.fused.lat)
        return np.hypot(self.damages.east_m - spot.east_m, self.damages.north_m - spot.north_m)

    def _judge(self, case: Case, *, day: float) -> None:
        """The desk sees the truth as a person sees a picture."""
        if not len(self.near(case.finding, day=day)) and case.state is not CaseState.REOPENED:
            case.state = next_state(case.state, Action.REJECT, Role.OPERATOR)
            case.is_false_alarm = case.opened.meaning != "damage"
            case.opened.rejected_day = round(day, 2)
            return
        if case.state is CaseState.REPORTED:
            case.state = next_state(case.state, Action.FILE, Role.OPERATOR)
        case.state = next_state(case.state, Action.DISPATCH, Role.OPERATOR)

    def _repair(self, case: Case, *, day: float) -> None:
        """Repair all that is near, some of it badly."""
        case.state = next_state(next_state(case.state, Action.ACCEPT, Role.CREW), Action.DONE, Role.CREW)
        near = self.near(case.finding, day=day)
        is_bad = len(near) > 0 and self.rng.random() < self.repairs.bad_share
        holds = self.rng.uniform(*(BAD_HOLDS_DAYS if is_bad else GOOD_HOLDS_DAYS), len(near))
        self.damages.repair(near, day=day, holds_days=holds)
        case.done_at = self.midnight + timedelta(days=day)
        case.opened.done_day = round(day, 2) if case.opened.done_day is None else case.opened.done_day
        case.opened.is_bad_repair |= is_bad

    def _verify(self, case: Case, *, day: float) -> None:
        judgement = judge(_passes_after(case), rules=self.handling.verification)
        if judgement is Judgement.VERIFIED:
            case.state = next_state(next_state(case.state, Action.VERIFY, Role.SYSTEM), Action.CLOSE, Role.SYSTEM)
            case.opened.verified_day = round(day, 2)
            case.attached = len(case.finding.growing.things)
        elif judgement is Judgement.STILL_THERE:
            case.state = next_state(case.state, Action.REOPEN, Role.SYSTEM)
            case.opened.reopened += 1
            case.waits_since = day


def _passes_after(case: Case) -> list[PassAfter]:
    return [
        PassAfter(
            looked_share=weighed.taken.looked_share,
            is_seen=weighed.taken.seen is not None,
            rates=PassRates(
                hit=weighed.hit,
                false_alarm=weighed.false_alarm,
                surer=weighed.surer,
                is_measured=weighed.is_measured,
            ),
        )
        for weighed in case.finding.fused.passes
        if case.done_at is not None and weighed.taken.at > case.done_at
    ]
