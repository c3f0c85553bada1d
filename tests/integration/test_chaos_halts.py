"""`busense chaos` that is interrupted while it has stopped a part."""

from pathlib import Path

import pytest

from busense.chaos.halts import Halts
from busense.chaos.watch import tree
from busense.local.postgres import LocalPostgres


def test_an_interrupted_chaos_leaves_no_process_that_stands_still(tmp_path: Path) -> None:
    server = LocalPostgres(tmp_path / "postgres", is_durable=False)
    server.start()
    processes = tree(server.pid)

    def interrupted() -> None:
        with Halts() as halts:
            halts.halt(processes)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    server.stop()
    assert len(processes) > 1
    assert not [pid for pid in processes if Path(f"/proc/{pid}").exists()]
