import pytest

from edge_agent.laps import Laps


def test_a_step_ended_twice_gets_the_sum() -> None:
    laps = Laps()
    laps.end("track")
    laps.end("network")
    first_ms = laps.steps_ms["track"]
    laps.end("track")
    assert list(laps.steps_ms) == ["track", "network"]
    assert laps.steps_ms["track"] >= first_ms >= 0


def test_parts_are_taken_out_of_their_step() -> None:
    whole, split = Laps(), Laps()
    split.end("network", parts_ms={"resize": 4.0, "fuse": 2.0})
    whole.end("network")
    assert split.steps_ms["resize"] == 4.0
    assert split.steps_ms["network"] == pytest.approx(whole.steps_ms["network"] - 6.0, abs=1.0)
