"""One simulation from its first frame to its score."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from simulator.county.ledger import Ledger
from simulator.county.others import Others
from simulator.fleet import Fleet, FleetPlan
from simulator.office import Ground, Office, open_office
from simulator.people import Rider
from simulator.readback import CloudReader, believed
from simulator.report import Report
from simulator.score import Score, score_claims
from simulator.watching import Watching
from simulator.wheel import Moment
from simulator.world import World

REPORT_EVERY_S: Final = 1.0
FUSED_WITHIN_S: Final = 20.0


class Simulation:
    """Drives, waits until everything arrived, and scores."""

    def __init__(
        self,
        plan: FleetPlan,
        world: World,
        *,
        stop: threading.Event,
        is_watched: bool = False,
        others: Others | None = None,
    ) -> None:
        """Build the fleet; `stop` ends everything early and without a score.

        A watched one looks every few seconds at what the cloud believes: `ledger` then tells all of it. `others` are
        the buses of a county that drive along without an agent.
        """
        self._plan, self._world, self._stop, self._others = plan, world, stop, others
        self._fleet = Fleet(plan, world, stop=stop)
        self._office = _office_of(plan, world)
        self._start_s = time.monotonic()
        self._elapsed_s = 0.0
        self._began_at = datetime.now(UTC)
        self._watching = self._watch() if is_watched else None

    @property
    def ledger(self) -> Ledger | None:
        return self._watching.ledger if self._watching else None

    @property
    def _driven_s(self) -> float:
        return self._plan.driven_s(self._elapsed_s)

    def drive(self) -> Iterator[Report]:
        """Drive to the end of the plan; a report each second.

        Raises:
            Exception: what ended an agent.
        """
        self._start_s, self._began_at = time.monotonic(), datetime.now(UTC)
        self._fleet.start()
        if self._others is not None:
            self._others.start(self._began_at, for_s=self._plan.for_s, exposures=self._fleet.exposures)
        if self._office is not None:
            self._office.start()
        with closing(CloudReader(self._plan.cloud_url)) as reader:
            while self._fleet.is_driving and not self._stop.wait(REPORT_EVERY_S):
                self._elapsed_s = time.monotonic() - self._start_s
                if self._others is not None:
                    self._others.check()
                if self._watching is not None:
                    self._watching.look(reader, elapsed_s=self._elapsed_s, began_at=self._began_at)
                yield self._report(is_running=True)

    def result(self) -> Report:
        """Wait until all is stored and fused, then score; a simulation that was stopped has no score."""
        if self._others is not None:
            self._others.close()
        is_stored = self._fleet.wait_until_stored()
        if self._office is not None:
            self._office.close()
        with closing(self._fleet):
            if self._stop.is_set():
                return self._report(is_running=False)
            with closing(CloudReader(self._plan.cloud_url)) as reader:
                return self._scored(reader, is_stored=is_stored)

    def _scored(self, reader: CloudReader, *, is_stored: bool) -> Report:
        is_fused = reader.wait_until_fused(FUSED_WITHIN_S)
        findings, group_of = reader.findings(), reader.group_of()
        sure = believed(findings, with_case=reader.findings_of_cases())
        if self._watching is not None:
            elapsed_s = time.monotonic() - self._start_s
            self._watching.note(sure, group_of=group_of, elapsed_s=elapsed_s, at=datetime.now(UTC))

        def score(*, with_candidates: bool) -> Score:
            doubtful = [each for each in findings if each.is_candidate and each not in sure]
            return score_claims(
                [finding.claim() for finding in (*sure, *(doubtful if with_candidates else ()))],
                truth=self._world.truth,
                exposed_ids=self._fleet.exposures.passes().keys(),
                group_of=group_of,
                plane=self._world.town.plane,
            )

        return replace(
            self._report(is_running=False),
            is_all_stored=is_stored,
            is_all_fused=is_fused,
            score=score(with_candidates=False),
            candidates=sum(finding.is_candidate for finding in findings),
            found_or_candidate=len(score(with_candidates=True).found),
        )

    def _watch(self) -> Watching:
        plan = self._plan
        others = self._others.count if self._others is not None else 0
        facts = {
            "county": f"{len(self._world.lines)} 条线路 lines, {plan.buses + others} 辆车 buses",
            "simulated": f"{plan.buses} 辆运行车载程序 with the real agent (其中 {plan.full} 辆用真实检测器 "
            f"of them with the real detector), {others} 辆为数值模拟 as numbers",
        }
        name = plan.city if self._world.courses else f"town-{plan.seed}"
        return Watching(self._world, self._fleet.exposures, name=name, seed=plan.seed, facts=facts)

    def _report(self, *, is_running: bool) -> Report:
        return Report(
            seed=self._plan.seed,
            truth_hash=self._world.truth.fingerprint(),
            buses=self._plan.buses,
            full_buses=self._plan.full,
            is_running=is_running,
            elapsed_s=self._elapsed_s,
            driven_s=self._driven_s,
            counts=self._fleet.counts(),
            exposed=len(self._fleet.exposures.passes()),
            others=self._others.count if self._others is not None else 0,
            sent_by_others=self._others.sent if self._others is not None else 0,
            started_at=self._fleet.started_at,
            badly_driven=()
            if is_running
            else tuple(self._moment(*one) for one in self._fleet.badly_driven(self._driven_s)),
            furniture=tuple(self._world.fixtures.told()),
            rides=tuple(self._ride(rider) for rider in self._fleet.riders),
        )

    def _moment(self, device: str, moment: Moment) -> dict[str, object]:
        begin, end = (self._fleet.started_at + timedelta(seconds=at_s) for at_s in (moment.from_s, moment.to_s))
        return {
            "device": device,
            "kind": moment.kind.value,
            "from_at": begin.isoformat(),
            "to_at": end.isoformat(),
            "is_clear": moment.is_clear,
        }

    def _ride(self, rider: Rider) -> dict[str, object]:
        return {
            "person": rider.number,
            "device": self._fleet.buses[rider.bus].device,
            "board_s": round(rider.board_s, 1),
            "leave_s": round(rider.leave_s, 1),
            "ridden_m": round(rider.ridden_m(self._driven_s), 1),
        }


def _office_of(plan: FleetPlan, world: World) -> Office | None:
    if plan.tokens is None:
        return None
    ground = Ground(truth=world.truth, plane=world.town.plane, repairs=world.repairs, fixtures=world.fixtures)
    return open_office(plan.cloud_url, plan.tokens, ground, seed=plan.seed)
