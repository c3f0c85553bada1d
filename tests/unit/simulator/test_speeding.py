from dataclasses import replace

from simulator.city import make_town
from simulator.route import CRUISE_MPS, Motion, make_rings
from simulator.speeding import Limits, too_fast
from wire.messages import DrivingKind

TOWN = make_town(3)
RING = make_rings(TOWN, 1)[0]
LIMITS = Limits(TOWN, RING)


def test_along_a_line_the_limit_is_that_of_its_street() -> None:
    allowed = {round(3.6 * LIMITS.at(way_m)) for way_m in range(0, int(RING.length_m), 5)}
    assert allowed <= {30, 50}
    assert LIMITS.at(RING.length_m + 10) == LIMITS.at(10)


def test_where_no_limit_is_known_nobody_is_too_fast() -> None:
    nameless = Limits(replace(TOWN, streets=()), RING)
    motion = Motion(RING, cruise_mps=30.0)
    assert list(too_fast(motion, nameless, phase_s=0.0, until_s=motion.lap_s)) == []


def test_a_driver_who_is_fast_where_it_is_not_allowed_is_too_fast() -> None:
    motion = Motion(RING, cruise_mps=12.0, braking_mps2=3.8)
    moments = list(too_fast(motion, LIMITS, phase_s=0.0, until_s=motion.lap_s))
    assert {moment.kind for moment in moments} == {DrivingKind.SPEEDING}
    assert any(moment.is_clear for moment in moments)
    for moment in moments:
        pose = motion.pose((moment.from_s + moment.to_s) / 2)
        assert pose.speed_mps > LIMITS.at(pose.along_m)


def test_who_drives_as_the_town_does_is_never_too_fast() -> None:
    motion = Motion(RING, cruise_mps=CRUISE_MPS)
    assert list(too_fast(motion, LIMITS, phase_s=0.0, until_s=2 * motion.lap_s)) == []
