"""The only door through which a case changes: case, history line and news in the caller's transaction."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from cloud.cases import repository
from cloud.cases.lifecycle import next_state
from cloud.cases.model import Action, Reason, case_number
from cloud.cases.views import CASE_BY_ID, case_item_of
from cloud.db.changes import tell
from cloud.findings.catalogue import Catalogue
from cloud.findings.model import Severity
from wire.envelope import make_id


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseActions:
    """Actions of one actor at one time, within one transaction."""

    connection: Connection[Any]
    catalogue: Catalogue
    actor: str
    at: datetime

    def open_case(self, *, city: str, finding_id: UUID, class_code: str, severity: Severity, reason: Reason) -> UUID:
        """Open a case for a finding, with every sighting of it."""
        entry = self.catalogue.classes[class_code]
        serial = repository.next_serial(self.connection, city=city, year=self.at.year)
        case = repository.NewCase(
            id=UUID(make_id(self.at)),
            city=city,
            number=case_number(city=city, year=self.at.year, serial=serial),
            finding_id=finding_id,
            class_code=class_code,
            severity=severity,
            state=next_state(None, Action.OPEN),
            unit=entry.unit,
            opened_at=self.at,
            due_at=self.at + timedelta(hours=entry.filing.time_limit_h[severity]),
        )
        repository.insert_case(self.connection, case)
        repository.append_history(
            self.connection,
            case.id,
            at=self.at,
            actor=self.actor,
            action=Action.OPEN,
            reason=reason,
            from_state=None,
            to_state=case.state,
        )
        repository.attach_sightings(self.connection, case.id, finding_id=finding_id)
        self._tell(case.id)
        return case.id

    def file(self, case_id: UUID, *, reason: Reason) -> None:
        """Accept a reported case as the county's matter."""
        self._step(case_id, Action.FILE, reason)

    def add_sightings(self, case_id: UUID, *, finding_id: UUID, reason: Reason) -> None:
        """Attach what later passes saw."""
        repository.attach_sightings(self.connection, case_id, finding_id=finding_id)
        self._step(case_id, Action.ADD_SIGHTING, reason)

    def withdraw(self, case_id: UUID, *, reason: Reason) -> None:
        """Reject a case in which nobody believes any longer."""
        self._step(case_id, Action.WITHDRAW, reason)

    def reopen(self, case_id: UUID, *, finding_id: UUID, reason: Reason) -> None:
        """Take a rejected case up again, with the sightings that came since."""
        repository.attach_sightings(self.connection, case_id, finding_id=finding_id)
        self._step(case_id, Action.REOPEN, reason)

    def _step(self, case_id: UUID, action: Action, reason: Reason) -> None:
        from_state = repository.lock_state(self.connection, case_id)
        to_state = next_state(from_state, action)
        repository.set_state(self.connection, case_id, to_state)
        repository.append_history(
            self.connection,
            case_id,
            at=self.at,
            actor=self.actor,
            action=action,
            reason=reason,
            from_state=from_state,
            to_state=to_state,
        )
        self._tell(case_id)

    def _tell(self, case_id: UUID) -> None:
        with self.connection.cursor(row_factory=dict_row) as cursor:
            record = cursor.execute(CASE_BY_ID, {"id": case_id}).fetchone() or {}
        payload = case_item_of(record, catalogue=self.catalogue).model_dump(mode="json")
        tell(self.connection, kind="case", subject=str(case_id), payload=payload)
