from dataclasses import replace

from simulator.repairs import HOLDS_S, Repairs
from simulator.world import make_world

DEFECT = make_world(seed=0, buses=3, frames=None).truth.defects[0]


def test_damage_is_there_from_when_it_appears_until_it_is_repaired() -> None:
    now_s, repairs, late = [0.0], Repairs(), replace(DEFECT, id="late", appears_s=30.0)
    repairs.begin(lambda: now_s[0])
    assert repairs.is_there(DEFECT)
    assert not repairs.is_there(late)
    now_s[0] = 30.0
    assert repairs.is_there(late)
    repairs.add(late)
    assert not repairs.is_there(late)
    assert repairs.is_there(DEFECT)


def test_a_repair_holds_for_a_while() -> None:
    now_s, repairs = [100.0], Repairs()
    repairs.begin(lambda: now_s[0])
    repairs.add(DEFECT)
    now_s[0] = 100.0 + HOLDS_S[0] - 1
    assert not repairs.is_there(DEFECT)
    now_s[0] = 100.0 + HOLDS_S[1]
    assert repairs.is_there(DEFECT)
