"""The only door through which a request changes: row, what its sender wrote, history line, in one transaction."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from pydantic import TypeAdapter

from cloud.cases.chain import REQUESTS, Deed
from cloud.cases.handling import Handling
from cloud.cases.model import Detail, Details, Reason
from cloud.cases.working_time import end_of_workday
from cloud.db.steps import drain
from cloud.errors import OrderError, StaleVersionError
from cloud.people.model import Actor, Role
from cloud.people.vault import Vault
from cloud.requests import repository
from cloud.requests.model import RequestKind, RequestRow, RequestState, Step, request_number, state_after
from wire.envelope import make_id

SYSTEM: Final = Actor(name="system:requests", role=Role.SYSTEM)
SENDER: Final = Actor(name="sender", role=Role.SYSTEM)
_NEEDS_WORDS: Final = (Step.ANSWER, Step.REFUSE)
_DECIDES: Final = (RequestState.ANSWERED, RequestState.REFUSED)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wrote on the public form."""

    kind: RequestKind
    name: str
    contact: str
    text: str
    place: str
    from_at: datetime | None = None
    to_at: datetime | None = None


_WISH: Final = TypeAdapter(Wish)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A step with what belongs to it."""

    step: Step
    words: str = ""
    """Why it is refused, or what is answered; they go when what was asked goes, their SHA-256 stays."""
    pictures: Sequence[str] = ()
    details: Details = field(default_factory=dict[str, Detail])


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestActions:
    """Steps of one actor at one time, within one transaction."""

    connection: Connection[Any]
    handling: Handling
    vault: Vault
    actor: Actor
    at: datetime

    def receive(self, wish: Wish, *, city: str) -> RequestRow:
        """Take what somebody asks, and start its clock."""
        calendar, clock = self.handling.working_calendar, self.handling.requests
        year = self.at.astimezone(calendar.zone).year
        serial = repository.next_serial(self.connection, city=city, year=year)
        warn_after = clock.answer_within_days - clock.warn_days_before
        request = RequestRow(
            id=UUID(make_id(self.at)),
            number=request_number(city=city, year=year, serial=serial),
            kind=wish.kind,
            state=RequestState.RECEIVED,
            version=1,
            received_at=self.at,
            warn_at=end_of_workday(calendar, self.at, warn_after),
            due_at=end_of_workday(calendar, self.at, clock.answer_within_days),
        )
        repository.insert(self.connection, request, city=city, wish=self.vault.seal(_WISH.dump_json(wish).decode()))
        self._note(request, Order(step=Step.RECEIVE), from_state=None, to_state=request.state)
        return request

    def check(self, request_id: UUID, step: Step, *, version: int | None) -> tuple[RequestRow, RequestState]:
        """Lock a request if a step may be done with it, and tell where it leads; before what cannot be undone.

        Raises:
            RequestNotFoundError, StaleVersionError, ActionNotAllowedError, ActionForbiddenError: as `act`.
        """
        request = repository.lock(self.connection, request_id)
        if version is not None and version != request.version:
            raise StaleVersionError(f"request {request.number} is at version {request.version}, not {version}")
        return request, state_after(request, step, self.actor.role)

    def act(self, request_id: UUID, order: Order, *, version: int | None = None) -> RequestRow:
        """Do what is ordered.

        Args:
            request_id: of a request that is there.
            order: the step with what belongs to it.
            version: that the caller saw last; none for the clock.

        Raises:
            RequestNotFoundError: there is no such request.
            StaleVersionError: it has changed since.
            ActionNotAllowedError: not in this state, for this kind, or for this role.
            OrderError: the words are missing.
        """
        request, to_state = self.check(request_id, order.step, version=version)
        if order.step in _NEEDS_WORDS and not order.words.strip():
            raise OrderError(f"{order.step}: words for who asked are expected")
        changed = replace(
            request,
            state=to_state,
            version=request.version + 1,
            decided_at=self.at if to_state in _DECIDES else request.decided_at,
            closed_at=self.at if to_state is RequestState.CLOSED else request.closed_at,
        )
        repository.update(self.connection, changed)
        if order.words:
            repository.keep_answer(self.connection, request_id, self.vault.seal(order.words))
        self._note(request, order, from_state=request.state, to_state=to_state)
        return changed

    def _note(
        self, request: RequestRow, order: Order, *, from_state: RequestState | None, to_state: RequestState
    ) -> None:
        details = dict(order.details)
        if order.words:
            details["words_sha256"] = hashlib.sha256(order.words.encode()).hexdigest()
        if order.pictures:
            details["pictures"] = list(order.pictures)
        deed = Deed(
            at=self.at,
            actor=self.actor.name,
            action=order.step,
            reason=_REASONS[order.step],
            from_state=from_state,
            to_state=to_state,
            details=details,
        )
        REQUESTS.append(self.connection, request.id, deed)
        _log.info("request_step number=%s step=%s state=%s", request.number, order.step, to_state)


def run_clock(connection: Connection[Any], *, handling: Handling, at: datetime) -> int:
    """Note the requests that must be answered soon, or should have been; how many. In autocommit."""
    return drain(connection, lambda: _pass_a_mark(connection, handling=handling, at=at))


def _pass_a_mark(connection: Connection[Any], *, handling: Handling, at: datetime) -> bool:
    mark = repository.take_mark(connection, at=at)
    if mark is None:
        return False
    door = RequestActions(connection=connection, handling=handling, vault=Vault(), actor=SYSTEM, at=at)
    request = door.act(mark.request_id, Order(step=mark.step))
    _log.warning("request_%s number=%s due=%s", mark.step, request.number, request.due_at)
    return True


def read_wish(text: str) -> Wish:
    """Read what `receive` kept, after it was unsealed."""
    return _WISH.validate_json(text)


_REASONS: Final = {
    Step.RECEIVE: Reason(zh="经公示页提交", en="sent by the public notice"),
    Step.CHECK_IDENTITY: Reason(zh="已核实申请人身份", en="it is known who asks"),
    Step.EXPORT: Reason(zh="已导出所选图片", en="the chosen pictures were handed out"),
    Step.ERASE: Reason(zh="已删除所选图片", en="the chosen pictures were erased"),
    Step.ANSWER: Reason(zh="已答复", en="it was answered"),
    Step.REFUSE: Reason(zh="不予办理，理由已告知申请人", en="it was refused, and who asked was told why"),
    Step.CLOSE: Reason(zh="已办结", en="nothing more is to be done"),
    Step.WARN: Reason(zh="答复期限临近", en="the time to answer ends soon"),
    Step.OVERDUE: Reason(zh="已超过答复期限", en="the time to answer is over"),
}
