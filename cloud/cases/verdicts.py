"""What people say about findings: it teaches the detector."""

from datetime import datetime
from typing import Any, Final

from psycopg import Connection

from cloud.cases.model import Action, Actor, Role
from cloud.cases.orders import CaseRow, Order

_NOTE: Final = """
INSERT INTO case_verdicts (case_id, serial, finding_id, verdict, said_class, true_class, actor, at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""


def note(
    connection: Connection[Any], *, before: CaseRow, order: Order, serial: int, actor: Actor, at: datetime
) -> None:
    """Keep what an order of a person says about the finding, if it says something."""
    if actor.role is Role.SYSTEM:
        return
    verdict, true_class = _verdict(before, order)
    if verdict is not None:
        values = (before.id, serial, before.finding_id, verdict, before.class_code, true_class, actor.name, at)
        connection.execute(_NOTE, values)


def _verdict(case: CaseRow, order: Order) -> tuple[str | None, str | None]:
    if order.action is Action.REJECT:
        return "false_alarm", None
    if order.action is Action.CORRECT and order.class_code not in (None, case.class_code):
        return "other_class", order.class_code
    is_taken_back = order.action is Action.REOPEN and case.is_false_alarm
    if is_taken_back or order.action in {Action.FILE, Action.DONE}:  # looked at it at the desk, or had it repaired
        return "confirmed", case.class_code
    return None, None
