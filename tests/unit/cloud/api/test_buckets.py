from cloud.api import buckets
from cloud.api.buckets import Buckets, Familiar


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_bucket_is_emptied_and_fills_up_by_itself() -> None:
    clock = Clock()
    asked = Buckets(per_s=2, burst=3, clock=clock)
    assert [asked.take("a") for _ in range(4)] == [0, 0, 0, 0.5]
    clock.now_s = 0.5
    assert [asked.take("a"), asked.take("a")] == [0, 0.5]


def test_each_caller_has_a_bucket() -> None:
    asked = Buckets(per_s=1, burst=1, clock=Clock())
    assert asked.take("a") == 0
    assert asked.take("b") == 0
    assert asked.wait_of("a") == 1


def test_callers_beyond_the_bound_are_forgotten_oldest_first() -> None:
    asked = Buckets(per_s=1, burst=1, clock=Clock())
    asked.take("first")
    for number in range(buckets.MOST_CALLERS):
        asked.take(str(number))
    assert asked.wait_of("first") == 0
    familiar = Familiar()
    for number in range(buckets.MOST_CALLERS + 1):
        familiar.add(str(number))
    assert "0" not in familiar
    assert "1" in familiar
