from busense.chaos.plan import KINDS, draw


def test_same_seed_draws_the_same_faults() -> None:
    assert draw(200, seed=7, longest_pause_s=2.0) == draw(200, seed=7, longest_pause_s=2.0)


def test_other_seed_draws_others() -> None:
    assert draw(200, seed=7, longest_pause_s=2.0) != draw(200, seed=8, longest_pause_s=2.0)


def test_each_kind_comes_before_any_comes_twice() -> None:
    kinds = [fault.kind for fault in draw(200, seed=7, longest_pause_s=2.0)]
    assert set(kinds[: len(KINDS)]) == set(KINDS)


def test_short_plan_has_as_many_as_asked_for() -> None:
    assert [fault.number for fault in draw(3, seed=7, longest_pause_s=2.0)] == [1, 2, 3]


def test_fault_lasts_as_long_as_its_kind_may() -> None:
    for fault in draw(500, seed=1, longest_pause_s=2.0):
        shortest, longest = fault.kind.seconds
        assert shortest <= fault.seconds <= longest
        assert 0 <= fault.pause_s <= 2


def test_names_of_kinds_are_different() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS)
