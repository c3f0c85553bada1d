from busense.demo_travel import name_of, score_travel

FAR = {"person": 0, "device": "bus-1", "board_s": 2.0, "leave_s": 60.0, "ridden_m": 400.0}
SHORT = {"person": 1, "device": "bus-3", "board_s": 2.0, "leave_s": 60.0, "ridden_m": 100.0}


def test_only_rides_that_can_be_told_are_asked_for() -> None:
    told = [(name_of(0), "boarded", "bus-1"), (name_of(0), "left_bus", "bus-1")]
    assert score_travel([FAR, SHORT], told, driven_s=220.0) == {
        "people": 2,
        "rides": 1,
        "rides_told": 1,
        "leavings": 1,
        "leavings_told": 1,
        "told_wrong": 0,
    }
    assert score_travel([FAR, SHORT], told, driven_s=100.0)["leavings"] == 0


def test_another_bus_is_wrong() -> None:
    score = score_travel([FAR], [(name_of(0), "boarded", "bus-2")], driven_s=220.0)
    assert (score["rides_told"], score["told_wrong"]) == (0, 1)


def test_names_do_not_repeat() -> None:
    assert len({name_of(number) for number in range(100)}) == 100
