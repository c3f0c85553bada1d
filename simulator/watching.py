"""A run against a real cloud as a ledger: looked at every few seconds, for the page of `--report`."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from simulator.county.ledger import Day, Ledger, Watched
from simulator.errors import SimulatorError
from simulator.exposure import Exposures
from simulator.readback import CloudReader, FindingFeature, believed
from simulator.score import score_claims
from simulator.world import World

LOOK_EVERY_S: Final = 5.0
DAY_S: Final = 86_400.0

log = logging.getLogger(__name__)


class Watching:
    """What the cameras showed and what the cloud made of it, look by look."""

    def __init__(self, world: World, exposures: Exposures, *, name: str, seed: int, facts: Mapping[str, str]) -> None:
        """Nothing was seen yet."""
        self._world, self._exposures = world, exposures
        self._watched: dict[str, Watched] = {}
        self._next_s = LOOK_EVERY_S
        self.ledger = Ledger(name=name, seed=seed, facts=dict(facts), unit="second")

    def look(self, reader: CloudReader, *, elapsed_s: float, began_at: datetime) -> None:
        """Look, if it is time to; a cloud that does not answer is asked again the next time."""
        if elapsed_s < self._next_s:
            return
        self._next_s = elapsed_s + LOOK_EVERY_S
        try:
            findings = believed(reader.findings(), with_case=reader.findings_of_cases())
            group_of = reader.group_of()
        except SimulatorError as error:
            log.info("report_look_failed reason=%s", error)
            return
        self.note(findings, group_of=group_of, elapsed_s=elapsed_s, at=began_at + timedelta(seconds=elapsed_s))

    def note(
        self, findings: Sequence[FindingFeature], *, group_of: Mapping[str, str], elapsed_s: float, at: datetime
    ) -> None:
        """Hold what is believed against the truth."""
        shown = self._exposures.passes()
        for defect in self._world.truth.defects:
            if defect.id in shown:
                item = self._watched.get(defect.id) or self._begin(defect.id, defect.class_code, elapsed_s)
                item.shown = shown[defect.id]
        score = score_claims(
            [finding.claim() for finding in findings],
            truth=self._world.truth,
            exposed_ids=shown.keys(),
            group_of=group_of,
            plane=self._world.town.plane,
        )
        for defect_id, _, metres in score.found:
            item = self._watched[defect_id]
            if item.found_day is None:
                item.found_day, item.off_m, item.shown_before_found = elapsed_s / DAY_S, round(metres, 2), item.shown
        self.ledger.days.append(
            Day(
                day=len(self.ledger.days),
                date=f"{at:%Y-%m-%d} {elapsed_s:.0f} s",
                there=len(shown),
                found=len(score.found),
                missed=len(score.missed),
                invented=len(score.invented),
                doubled=len(score.doubled),
                driven_km=0.0,
                told=0,
                told_of_nothing=0,
                rain_mm=0.0,
            )
        )

    def _begin(self, defect_id: str, class_code: str, elapsed_s: float) -> Watched:
        born_s = next(each.appears_s for each in self._world.truth.defects if each.id == defect_id)
        item = Watched(
            id=defect_id, class_code=class_code, born_day=born_s / DAY_S, shown_day=max(0.0, elapsed_s / DAY_S)
        )
        self._watched[defect_id] = item
        self.ledger.watched.append(item)
        return item
