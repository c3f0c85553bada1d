from datetime import UTC, datetime, timedelta
from itertools import groupby

import numpy as np

from edge_agent.readings import AdvertisementReading
from edge_agent.scenarios.safe_travel.frames import id_of
from simulator.city import make_town
from simulator.people import (
    COUNTED_FROM_S,
    EXPONENT,
    LONG_ENOUGH_M,
    Rider,
    Tag,
    TagRadio,
    make_riders,
    rssi_dbm,
    tag_of,
)
from simulator.route import Motion, make_lines
from wire.tags import ephemeral_id

AT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
MOTION = Motion(make_lines(make_town(0), 1)[0])


def share_heard(tag: Tag, distance_m: float, *, is_behind_metal: bool = False) -> float:
    rng = np.random.default_rng(1)
    calls = [rssi_dbm(tag, distance_m=distance_m, is_behind_metal=is_behind_metal, rng=rng) for _ in range(500)]
    return sum(call is not None for call in calls) / len(calls)


def riders() -> list[Rider]:
    return make_riders([(MOTION, MOTION.lap_s * n / 4) for n in range(4)], seed=3)


def test_who_sits_in_the_bus_is_heard_and_who_is_far_is_not() -> None:
    tag = tag_of(0, 0)
    shares = [share_heard(tag, metres) for metres in (5.0, 30.0, 60.0, 200.0)]
    assert shares[0] > 0.95
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] < 0.05


def test_metal_a_weak_battery_and_an_empty_one_take_from_it() -> None:
    tag = tag_of(0, 0)
    assert share_heard(tag, 30.0, is_behind_metal=True) < share_heard(tag, 30.0)
    assert share_heard(Tag(key=tag.key, battery_left=0.05), 40.0) < share_heard(tag, 40.0)
    assert share_heard(Tag(key=tag.key, battery_left=0.0), 1.0) == 0.0


def test_a_tag_sends_the_id_of_its_key_and_its_count() -> None:
    tag = tag_of(7, 1)
    heard = AdvertisementReading(at=AT, rssi_dbm=-60, service_data={0xFEAA: tag.frame(AT)})
    counter_s = int(AT.timestamp()) - COUNTED_FROM_S
    assert id_of(heard) == ephemeral_id(tag.key, exponent=EXPONENT, counter_s=counter_s)


def test_riders_ride_far_enough_to_be_told_from_people_at_a_stop() -> None:
    made = riders()
    assert [rider.bus for rider in made] == [0, 2]
    assert all(rider.ridden_m(1e9) >= LONG_ENOUGH_M for rider in made)
    assert all(rider.ridden_m(rider.board_s) == 0 for rider in made)
    assert len({rider.tag.key for rider in made}) == 2


def test_a_rider_is_with_the_bus_while_aboard_and_stands_before_and_after() -> None:
    rider = riders()[0]
    middle_s = (rider.board_s + rider.leave_s) / 2
    assert rider.spot(middle_s) == MOTION.pose(rider.phase_s + middle_s).spot
    assert rider.spot(0.0) == rider.spot(rider.board_s)
    assert rider.spot(rider.leave_s + 100) == rider.spot(rider.leave_s)
    assert [rider.is_aboard(s) for s in (0.0, middle_s, rider.leave_s)] == [False, True, False]


def test_the_bus_that_carries_somebody_hears_them_best() -> None:
    made = riders()
    rider = made[0]
    s = (rider.board_s + rider.leave_s) / 2
    poses = {bus: MOTION.pose(MOTION.lap_s * bus / 4 + s) for bus in range(4)}
    heard = {
        bus: [
            one.rssi_dbm
            for one in TagRadio(bus, made[:1], rng=np.random.default_rng(bus)).heard(pose, elapsed_s=s, start_at=AT)
            if id_of(one) is not None
        ]
        for bus, pose in poses.items()
    }
    assert heard[0]
    assert all(not calls for bus, calls in heard.items() if bus != 0)


def test_a_radio_always_hears_something_at_the_right_time() -> None:
    radio = TagRadio(1, (), rng=np.random.default_rng(0))
    told = list(radio.heard(MOTION.pose(0.0), elapsed_s=3.0, start_at=AT))
    assert [one.at for one, _ in groupby(told)] == [AT + timedelta(seconds=3)]
    assert id_of(told[0]) is None
