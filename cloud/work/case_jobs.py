"""What happens to cases by itself: timers, dispatch, what buses say of a repair. Each job is one transaction."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from cloud.cases import audit, clock
from cloud.cases.actions import CaseActions
from cloud.cases.handling import Handling
from cloud.cases.limits import TimerKind
from cloud.cases.model import Action, Actor, Reason, Role
from cloud.cases.orders import Order
from cloud.cases.proof import read_passes_after
from cloud.cases.repository import attach_sightings
from cloud.cases.verification import Judgement, PassAfter, after_verification, judge, still_there
from cloud.db.aside import Kind, do_apart, subjects
from cloud.errors import CaseError
from cloud.findings.catalogue import Catalogue

CLOCK: Final = Actor(name="system:clock", role=Role.SYSTEM)
DISPATCHER: Final = Actor(name="system:dispatch", role=Role.SYSTEM)
FUSION: Final = Actor(name="system:fusion", role=Role.SYSTEM)
FLEET: Final = Actor(name="system:fleet", role=Role.SYSTEM)

_TO_DISPATCH: Final = """
SELECT id FROM cases WHERE state IN ('filed', 'reopened') AND NOT (id = ANY(%s)) ORDER BY due_at NULLS LAST, id LIMIT 1
FOR UPDATE SKIP LOCKED
"""
# A repair that was verified is doubted again only where it is seen.
_TO_JUDGE: Final = """
SELECT c.id, c.finding_id, coalesce(f.merged_into, f.id) AS thing_id, c.class_code, c.state = 'verified' AS is_verified,
    CASE c.state WHEN 'done' THEN c.done_at ELSE c.verified_at END AS since_at
FROM cases c JOIN findings f ON f.id = c.finding_id
WHERE c.state IN ('done', 'verified') AND NOT (c.id = ANY(%s)) AND EXISTS (
    SELECT FROM finding_passes p WHERE p.finding_id = coalesce(f.merged_into, f.id)
        AND (c.state = 'done' AND p.at > c.done_at
            OR c.state = 'verified' AND p.at > c.verified_at AND p.kind = 'seen'))
ORDER BY c.done_at, c.id LIMIT 1 FOR UPDATE OF c SKIP LOCKED
"""
# Two cases whose findings turned out to be one: the younger one ends in the older, unless its crew is at work already.
_TWICE: Final = """
SELECT c.id, other.id AS into
FROM findings f
JOIN findings g ON g.id = f.merged_into OR g.merged_into = f.merged_into
JOIN findings h ON h.id = f.merged_into OR h.merged_into = f.merged_into
JOIN cases c ON c.finding_id = g.id AND c.state IN ('reported', 'filed', 'reopened', 'returned', 'dispatched')
JOIN cases other ON other.finding_id = h.id AND NOT is_ended(other.state)
    AND (other.id < c.id OR other.state IN ('accepted', 'suspended', 'done', 'verified'))
WHERE f.merged_into IS NOT NULL AND other.id <> c.id AND NOT (c.id = ANY(%s))
ORDER BY c.id DESC, other.id LIMIT 1 FOR UPDATE OF c SKIP LOCKED
"""
# A case that ended in another one and is of its own again: its finding no longer is that thing (a person took a merge
# back, or the passes tell so), or a person put two things into one case and one of them is seen after that was closed,
# or is still there when that was withdrawn. The other may have ended in a third one meanwhile.
_APART: Final = """
SELECT c.id, c.class_code, other.number AS was_in FROM cases c
JOIN findings f ON f.id = c.finding_id AND f.merged_into IS NULL AND f.state = 'open'
JOIN cases other ON other.id = c.merged_into
JOIN findings g ON g.id = other.finding_id
CROSS JOIN LATERAL (
    WITH RECURSIVE way AS (
        SELECT other.id, other.merged_into, other.state, other.closed_at, other.is_false_alarm
        UNION SELECT o.id, o.merged_into, o.state, o.closed_at, o.is_false_alarm
        FROM way JOIN cases o ON o.id = way.merged_into
    ) SELECT * FROM way WHERE merged_into IS NULL
) last
WHERE c.state = 'merged' AND NOT (c.id = ANY(%s))
    AND NOT EXISTS (SELECT FROM findings part JOIN cases o ON o.finding_id = part.id
        WHERE (part.id = f.id OR part.merged_into = f.id) AND NOT is_ended(o.state))
    AND (last.state = 'closed' AND f.last_seen_at > last.closed_at
        OR last.state = 'rejected' AND NOT last.is_false_alarm
        OR coalesce(g.merged_into, g.id) <> f.id AND 'system:fusion' = (
            SELECT actor FROM case_history h WHERE h.case_id = c.id AND h.action = 'merge'
            ORDER BY serial DESC LIMIT 1))
ORDER BY c.id LIMIT 1 FOR UPDATE OF c SKIP LOCKED
"""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseJobs:
    """The jobs, by the county's rules. The connection is in autocommit."""

    connection: Connection[Any]
    catalogue: Catalogue
    handling: Handling
    now: Callable[[], datetime]

    def run(self) -> int:
        """Do all that is to be done now; returns how much it was."""
        done = sum(1 for _ in self._fire())
        done += sum(1 for _ in self._each(Kind.MERGE, _TWICE, self._merge))
        done += sum(1 for _ in self._each(Kind.MERGE, _APART, self._separate))
        if self.handling.dispatch.by_itself:
            done += sum(1 for _ in self._each(Kind.DISPATCH, _TO_DISPATCH, self._dispatch))
        done += sum(1 for _ in self._each(Kind.JUDGE, _TO_JUDGE, self._judge))
        with self.connection.transaction():
            audit.seal(self.connection, at=self.now())
        return done

    def _fire(self) -> Iterator[None]:
        while True:
            with self.connection.transaction():
                timer = clock.take_due(self.connection, at=self.now())
                if timer is None:
                    return
                do_apart(self.connection, [timer], self._ring, kind=Kind.TIMER, subject_of=_subject_of_timer)
            yield

    def _ring(self, timers: Sequence[clock.DueTimer]) -> None:
        for timer in timers:
            order = Order(action=_ACTIONS[timer.kind], reason=_REASONS[timer.kind], step=timer.step)
            self._act(CLOCK, timer.case_id, order)

    def _each(self, kind: Kind, statement: Any, job: Callable[[dict[str, Any]], bool]) -> Iterator[None]:  # noqa: ANN401 - SQL
        """Take rows one by one, each in its transaction; one with which nothing is to be done is not taken again."""
        looked_at = [UUID(subject["case_id"]) for subject in subjects(self.connection, kind)]
        while True:
            with self.connection.transaction():
                with self.connection.cursor(row_factory=dict_row) as cursor:
                    row = cursor.execute(statement, (looked_at,)).fetchone()
                if row is None:
                    return
                looked_at.append(row["id"])
                done = do_apart(
                    self.connection, [row], lambda rows: all(map(job, rows)), kind=kind, subject_of=_subject_of_case
                )
            if any(done):
                yield

    def _dispatch(self, row: dict[str, Any]) -> bool:
        return self._act(DISPATCHER, row["id"], Order(action=Action.DISPATCH, reason=_BY_ITSELF))

    def _merge(self, row: dict[str, Any]) -> bool:
        return self._act(FUSION, row["id"], Order(action=Action.MERGE, reason=_ONE_THING, into=row["into"]))

    def _separate(self, row: dict[str, Any]) -> bool:
        is_apart = self._act(FUSION, row["id"], Order(action=Action.SEPARATE, reason=_two_things(row["was_in"])))
        entry = self.catalogue.classes.get(row["class_code"])
        if is_apart and entry is not None and entry.filing.by_itself:
            self._act(FUSION, row["id"], Order(action=Action.FILE, reason=_FILED))
        return is_apart

    def _judge(self, row: dict[str, Any]) -> bool:
        passes = read_passes_after(
            self.connection,
            row["finding_id"],
            done_at=row["since_at"],
            class_code=row["class_code"],
            catalogue=self.catalogue,
        )
        rules = self.handling.verification
        rules = after_verification(rules) if row["is_verified"] else rules
        judgement = judge(passes, rules=rules)
        if judgement is Judgement.WAIT or (judgement is Judgement.VERIFIED and row["is_verified"]):
            return False
        belief = still_there(passes, rules=rules)
        if judgement is Judgement.VERIFIED:
            return self._act(FLEET, row["id"], Order(action=Action.VERIFY, reason=_verified(passes, belief)))
        attach_sightings(self.connection, row["id"], finding_id=row["thing_id"])
        return self._act(FLEET, row["id"], Order(action=Action.REOPEN, reason=_still_there(passes, belief)))

    def _act(self, actor: Actor, case_id: UUID, order: Order) -> bool:
        """Do it; what cannot be done is said in the log and left to a person."""
        actions = CaseActions(
            connection=self.connection, catalogue=self.catalogue, handling=self.handling, actor=actor, at=self.now()
        )
        try:
            with self.connection.transaction():
                actions.act(case_id, order)
        except CaseError as error:
            _log.warning("case_job_refused case=%s action=%s error=%s", case_id, order.action, error)
            return False
        return True


def _subject_of_case(row: dict[str, Any]) -> dict[str, Any]:
    return {"case_id": str(row["id"])}


def _subject_of_timer(timer: clock.DueTimer) -> dict[str, Any]:
    return {
        "case_id": str(timer.case_id),
        "kind": timer.kind,
        "step": timer.step,
        "fire_at": timer.fire_at.isoformat(),
    }


_ACTIONS: Final = {
    TimerKind.WARN: Action.WARN,
    TimerKind.OVERDUE: Action.OVERDUE,
    TimerKind.ESCALATE: Action.ESCALATE,
    TimerKind.RESUME: Action.RESUME,
    TimerKind.CALL_PERSON: Action.CALL_PERSON,
    TimerKind.CLOSE: Action.CLOSE,
}
_REASONS: Final = {
    TimerKind.WARN: Reason(zh="时限将到", en="the time limit is near"),
    TimerKind.OVERDUE: Reason(zh="超过时限", en="the time limit has passed"),
    TimerKind.ESCALATE: Reason(zh="超时未处置，升级督办", en="still overdue: escalated"),
    TimerKind.RESUME: Reason(zh="挂起期满，恢复计时", en="the suspension has ended"),
    TimerKind.CALL_PERSON: Reason(
        zh="规定时间内车辆核查不足，转人工核查", en="too few passes in time: a person has to look"
    ),
    TimerKind.CLOSE: Reason(zh="核查通过，自动结案", en="verified and not seen since"),
}
_ONE_THING: Final = Reason(zh="两处发现实为同一处", en="both findings turned out to be one thing")
_FILED: Final = Reason(zh="按目录自动立案", en="filed by itself, as the catalogue says of this class")
_BY_ITSELF: Final = Reason(zh="按区域、距离和任务量自动派遣", en="dispatched by area, distance and load")


def _two_things(number: str) -> Reason:
    return Reason(
        zh=f"案件 {number} 已不包括此处，恢复为单独案件",
        en=f"case {number} is not about it any longer: of its own again",
    )


def _verified(passes: list[PassAfter], belief: float) -> Reason:
    looks = sum(not taken.is_seen for taken in passes)
    return Reason(
        zh=f"处置后 {looks} 次经过未见，仍存在的概率降至 {belief:.1%}",
        en=f"passes after the repair that did not see it: {looks}; probability that it is still there {belief:.1%}",
    )


def _still_there(passes: list[PassAfter], belief: float) -> Reason:
    sightings = sum(taken.is_seen for taken in passes)
    return Reason(
        zh=f"处置后又有 {sightings} 次经过看到，仍存在的概率 {belief:.0%}",
        en=f"seen by {sightings} of {len(passes)} passes after the repair; still there with probability {belief:.0%}",
    )
