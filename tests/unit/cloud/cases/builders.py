"""A case for pure tests."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from cloud.cases.model import CaseState
from cloud.cases.orders import CaseRow
from cloud.findings.model import Severity

WEDNESDAY = datetime(2026, 11, 25, 1, tzinfo=UTC)  # nine o'clock in China


def case_row(**changes: Any) -> CaseRow:  # noqa: ANN401 - fields of any type
    usual: dict[str, Any] = {
        "id": UUID("01a20d6d-5a00-7b6f-8bad-cce966e8e23a"),
        "city": "testcity",
        "number": "testcity-2026-000001",
        "finding_id": UUID("01a20d6d-5a00-7b6f-8bad-cce966e8e23b"),
        "lon": 120.42,
        "lat": 27.51,
        "class_code": "D00",
        "severity": Severity.MEDIUM,
        "state": CaseState.FILED,
        "version": 1,
        "opened_at": WEDNESDAY,
        "filed_at": WEDNESDAY,
        "escalation": 0,
        "needs_person": False,
        "is_false_alarm": False,
        "reopened": 0,
    }
    empty: dict[str, Any] = dict.fromkeys(CaseRow.__slots__)
    return CaseRow(**(empty | usual | changes))
