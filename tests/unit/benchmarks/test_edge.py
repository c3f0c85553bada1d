"""The bare network's turn that is compared with a frame is the one right after it."""

import time
from dataclasses import replace

from benchmarks.edge import Turns
from tests.unit.edge_agent.preview.scenes import scene

SCENE = replace(scene(found=None), steps_ms={"network": 40.0, "watch": 0.0})
LONG_S = 0.05


def test_what_lies_before_a_drives_first_frame_is_compared_with_nothing() -> None:
    turns = Turns(bare=lambda _: None)
    for _ in range(2):
        turns.bare = _works_long
        turns.show(SCENE)
        turns.bare = lambda _: None
        for _ in range(2):
            turns.show(SCENE)
        turns.begun = None

    assert len(turns.frames) == len(turns.bare_runs) == len(turns.steps_ms["network"]) == 4
    assert max(run.cpu_s for run in turns.bare_runs) < LONG_S, "the first frame's run belongs to no frame"


def _works_long(_: int) -> None:
    begun_s = time.process_time()
    while time.process_time() - begun_s < LONG_S:
        pass
