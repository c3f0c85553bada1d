"""What a run of faults is said to have come to."""

from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

from busense.chaos.audit import Audit
from busense.chaos.plan import draw
from busense.chaos.result import Result
from busense.chaos.watch import Recovery

NUMBERS: dict[str, Any] = {field.name: 0 for field in fields(Audit)}
NOTHING = replace(Audit(**NUMBERS), chain_faults=())


def test_a_fault_that_the_town_was_not_seen_to_be_over_is_no_recovery_in_no_time() -> None:
    kind_at_first = draw(1, seed=0, longest_pause_s=1.0)[0]
    recoveries = [
        Recovery(fault=kind_at_first, healed_at=datetime.now(UTC), healed_s=0.0, seconds=seconds)
        for seconds in (None, 4.0, None)
    ]
    result = Result(
        seed=0, seconds=60.0, recoveries=recoveries, audit=NOTHING, peak_memory_mb={}, ended_by_themselves=()
    )
    told = result.as_json()
    assert (told["faults"], told["not_seen_over"], told["longest_recovery_s"]) == (3, 2, 4.0)
    faults = result.as_tables()[0]
    assert [list(column.cells) for column in faults.columns] == [
        [kind_at_first.kind.name],
        ["3"],
        ["2"],
        ["4.0"],
        ["4.0"],
    ]
