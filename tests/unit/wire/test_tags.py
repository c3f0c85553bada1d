"""Vectors: RadiusNetworks/ephemeral_calc (spec/encryptor_spec.rb), a Python resolver's test, and a scanner's test."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wire.tags import beacon_id, ephemeral_id, ephemeral_ids

KEY = bytes.fromhex("0102030405060708090A111213141516")


@pytest.mark.parametrize(
    ("key", "exponent", "counter_s", "expected"),
    [
        (KEY.hex(), 10, 0, "a9b76a71c5f89290"),
        (KEY.hex(), 10, 2000, "4144413e45fefa58"),
        ("7c91330e61dfea4606b5b3ecb4457d76", 0, 0, "436bfe57d5a09505"),
    ],
)
def test_ids_are_those_that_others_have_published(key: str, exponent: int, counter_s: int, expected: str) -> None:
    assert ephemeral_id(bytes.fromhex(key), exponent=exponent, counter_s=counter_s) == expected


def test_an_id_stands_for_its_whole_period_and_no_longer() -> None:
    ids = [ephemeral_id(KEY, exponent=10, counter_s=counter_s) for counter_s in (1024, 2047, 2048)]
    assert ids[0] == ids[1] != ids[2]


@settings(deadline=None)
@given(first=st.integers(0, 2**22 - 200), exponent=st.integers(0, 10), count=st.integers(1, 200))
def test_many_at_once_are_the_same_as_one_by_one(first: int, exponent: int, count: int) -> None:
    together = dict(ephemeral_ids(KEY, exponent=exponent, first=first, last=first + count - 1))
    for step in (first, first + count // 2, first + count - 1):
        assert together[step] == ephemeral_id(KEY, exponent=exponent, counter_s=step << exponent)


def test_another_key_or_period_gives_other_ids() -> None:
    others = [ephemeral_id(KEY, exponent=11, counter_s=0), ephemeral_id(bytes(16), exponent=10, counter_s=0)]
    assert len({*others, ephemeral_id(KEY, exponent=10, counter_s=0)}) == 3


def test_a_counter_goes_on_after_32_bits() -> None:
    assert ephemeral_id(KEY, exponent=10, counter_s=2**32 + 5) == ephemeral_id(KEY, exponent=10, counter_s=5)


def test_a_beacon_of_a_trial_has_an_id_of_the_same_form() -> None:
    first = beacon_id(uuid=bytes(range(16)), major=1, minor=2)
    assert len(first) == 16
    assert first != beacon_id(uuid=bytes(range(16)), major=1, minor=3)
