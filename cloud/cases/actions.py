"""The only door through which a case changes: case, history line, timers and news in the caller's transaction."""

import logging
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from cloud.cases import clock, outbox, repository, verdicts
from cloud.cases.chain import CASES, Deed
from cloud.cases.dispatch import assign, read_loads
from cloud.cases.effects import Circumstances, effect_of, is_with
from cloud.cases.handling import Handling, shipped_handling
from cloud.cases.lifecycle import ENDED, next_state
from cloud.cases.limits import Limits
from cloud.cases.model import Action, Actor, CaseState, Details, Reason, case_number
from cloud.cases.orders import CaseRow, Order
from cloud.cases.scope import require_in_scope
from cloud.cases.views import CASES_BY_ID, case_item_of
from cloud.db.changes import tell_all
from cloud.errors import (
    ActionForbiddenError,
    ActionNotAllowedError,
    CaseNotFoundError,
    OrderError,
    StaleVersionError,
)
from cloud.findings.catalogue import Catalogue
from cloud.findings.model import Severity
from cloud.metrics import CASE_STEPS
from wire.envelope import make_id

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseActions:
    """Actions of one actor at one time, within one transaction."""

    connection: Connection[Any]
    catalogue: Catalogue
    actor: Actor
    at: datetime
    handling: Handling | None = None  # without it the shipped one
    untold: set[UUID] | None = None  # cases that viewers are told of together at the end; none: each at once

    @contextmanager
    def telling_once(self) -> Generator[Self]:
        """Let many steps be taken; viewers are told how each case stands after the last."""
        together = replace(self, untold=set())
        yield together
        if together.untold:
            self._tell_of(together.untold)

    def open_case(self, *, city: str, finding_id: UUID, class_code: str, severity: Severity, reason: Reason) -> UUID:
        """Open a case for a finding, with every sighting of it."""
        year = self.at.astimezone(self._circumstances.limits.handling.working_calendar.zone).year
        serial = repository.next_serial(self.connection, city=city, year=year)
        case = repository.NewCase(
            id=UUID(make_id(self.at)),
            city=city,
            number=case_number(city=city, year=year, serial=serial),
            finding_id=finding_id,
            class_code=class_code,
            severity=severity,
            state=next_state(None, Action.OPEN, self.actor.role),
            unit=self.catalogue.classes[class_code].unit,
            opened_at=self.at,
        )
        repository.insert_case(self.connection, case)
        order = Order(action=Action.OPEN, reason=reason)
        self._note(case.id, order, from_state=None, to_state=case.state, details={})
        repository.attach_sightings(self.connection, case.id, finding_id=finding_id)
        self._tell(case.id)
        return case.id

    def act(self, case_id: UUID, order: Order, *, version: int | None = None) -> CaseRow:
        """Do what is ordered.

        Args:
            case_id: of a case that is there.
            order: the action with what belongs to it.
            version: that the caller saw last; none for one who decides by what lies in the database now.

        Raises:
            CaseNotFoundError: there is no such case.
            StaleVersionError: it has changed since.
            ActionNotAllowedError: not in this state, or not for this role or crew.
            OrderError: the order lacks something, or says something that cannot be.
        """
        self._check_scope(case_id)
        case = self._locked(case_id, order)
        if version is not None and version != case.version:
            raise StaleVersionError(f"case {case.number} is at version {case.version}, not {version}: look at it again")
        self._check_crew(case)
        effect = effect_of(case, self._with_assignment(case, order), self._circumstances_of(case, order))
        if order.into is not None and effect.case.merged_into == order.into:
            self._check_target(order.into)
        if case.state in ENDED and effect.case.state not in ENDED:
            self._check_alone(case)
        repository.update_case(self.connection, effect.case)
        serial = self._note(case_id, order, from_state=case.state, to_state=effect.case.state, details=effect.details)
        if effect.case != case:
            clock.set_timers(self.connection, effect.case, limits=self._circumstances.limits)
        verdicts.note(self.connection, before=case, order=order, serial=serial, actor=self.actor, at=self.at)
        self._tell(case_id)
        return effect.case

    def check(self, case_id: UUID, action: Action) -> CaseRow:
        """Lock a case and check that this actor may do this now.

        Raises:
            CaseNotFoundError, ActionNotAllowedError, ActionForbiddenError: not.
        """
        self._check_scope(case_id)
        case = repository.lock_case(self.connection, case_id)
        self._check_crew(case)
        next_state(case.state, action, self.actor.role)
        return case

    def add_sightings(self, case_id: UUID, *, finding_id: UUID, reason: Reason) -> None:
        """Attach what later passes saw."""
        repository.attach_sightings(self.connection, case_id, finding_id=finding_id)
        self.act(case_id, Order(action=Action.ADD_SIGHTING, reason=reason))

    @property
    def _circumstances(self) -> Circumstances:
        limits = Limits(catalogue=self.catalogue, handling=self.handling or shipped_handling())
        return Circumstances(actor=self.actor, at=self.at, limits=limits)

    def _circumstances_of(self, case: CaseRow, order: Order) -> Circumstances:
        if order.action is not Action.CORRECT or case.filed_at is None:
            return self._circumstances
        pauses = repository.read_pauses(self.connection, case.id, since=case.filed_at)
        return replace(self._circumstances, pauses=pauses)

    def _check_scope(self, case_id: UUID) -> None:
        handling = self._circumstances.limits.handling
        require_in_scope(self.connection, case_id, actor=self.actor, handling=handling)

    def _check_crew(self, case: CaseRow) -> None:
        if not is_with(self.actor, unit=case.unit, crew=case.crew):
            raise ActionForbiddenError(f"case {case.number} is not with {self.actor.crew or self.actor.name}")

    def _with_assignment(self, case: CaseRow, order: Order) -> Order:
        """Choose who is sent where the order leaves it open."""
        if order.action not in {Action.DISPATCH, Action.REASSIGN} or order.unit is not None or order.crew is not None:
            return order
        chosen = assign(
            case,
            catalogue=self.catalogue,
            handling=self._circumstances.limits.handling,
            loads=read_loads(self.connection),
        )
        return replace(order, unit=chosen.unit, crew=chosen.crew)

    def _locked(self, case_id: UUID, order: Order) -> CaseRow:
        """Lock a case; of one that is merged and the other the smaller first, or two that cross wait for each other."""
        if order.into is not None and order.into < case_id:
            with suppress(CaseNotFoundError):  # `_check_target` says so
                repository.lock_case(self.connection, order.into)
        return repository.lock_case(self.connection, case_id)

    def _check_target(self, into: UUID) -> None:
        """A case may only be merged into one that is still dealt with."""
        try:
            self._check_scope(into)
            target = repository.lock_case(self.connection, into)
        except CaseNotFoundError as error:
            raise OrderError(f"into: {error}") from error
        if target.state in ENDED:
            raise OrderError(f"into: case {target.number} is {target.state}")

    def _check_alone(self, case: CaseRow) -> None:
        """A thing has one open case: one that has ended comes back only where no other took its place."""
        if (other := repository.open_case_beside(self.connection, case)) is not None:
            raise ActionNotAllowedError(f"the damage of case {case.number} is dealt with in case {other}")

    def _note(
        self, case_id: UUID, order: Order, *, from_state: CaseState | None, to_state: CaseState, details: Details
    ) -> int:
        deed = Deed(
            at=self.at,
            actor=self.actor.name,
            action=order.action,
            reason=order.reason,
            from_state=from_state,
            to_state=to_state,
            details=details,
        )
        serial = CASES.append(self.connection, case_id, deed)
        outbox.put(self.connection, case_id=case_id, serial=serial)
        CASE_STEPS.labels(order.action.value).inc()
        _log.info("case_step case=%s action=%s role=%s state=%s", case_id, order.action, self.actor.role, to_state)
        return serial

    def _tell(self, case_id: UUID) -> None:
        if self.untold is None:
            self._tell_of([case_id])
        else:
            self.untold.add(case_id)

    def _tell_of(self, case_ids: Iterable[UUID]) -> None:
        with self.connection.cursor(row_factory=dict_row) as cursor:
            records = cursor.execute(CASES_BY_ID, {"ids": list(case_ids)}).fetchall()
        items = [case_item_of(record, catalogue=self.catalogue) for record in records]
        changes = [(str(item.id), item.model_dump(mode="json")) for item in items]
        tell_all(self.connection, kind="case", changes=changes)
