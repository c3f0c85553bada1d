from datetime import UTC, datetime, timedelta

import pytest

from cloud.people.delays import BY_KIND, FORGOTTEN_AFTER, counts_for, network_of, wait_of

AT = datetime(2026, 11, 28, 12, tzinfo=UTC)


def wait(key: str, failures: int, ago_s: float = 0) -> float:
    return wait_of(key, failures=failures, last_at=AT - timedelta(seconds=ago_s), at=AT).total_seconds()


def test_some_wrong_passwords_are_free_then_each_doubles_the_wait() -> None:
    assert [wait("pair:a|b", failures) for failures in range(8)] == [0, 0, 0, 1, 2, 4, 8, 16]


@pytest.mark.parametrize("kind", sorted(BY_KIND))
def test_no_wait_is_longer_than_the_longest(kind: str) -> None:
    assert wait(f"{kind}:x", 10_000) == BY_KIND[kind].longest.total_seconds()


def test_many_who_try_one_account_make_it_wait_half_a_minute_at_most() -> None:
    assert wait("account:liu", 1_000_000) == 30


def test_waiting_passes_and_is_forgotten() -> None:
    assert wait("pair:a|b", 7, ago_s=10) == 6
    assert wait("pair:a|b", 7, ago_s=16) == 0
    assert wait("pair:a|b", 10_000, ago_s=FORGOTTEN_AFTER.total_seconds()) == 0


def test_a_known_browser_has_a_count_of_its_own() -> None:
    assert counts_for(name="liu", address="10.0.0.1", browser="b1") == ["browser:b1"]
    assert counts_for(name="liu", address="10.0.0.1", browser=None) == [
        "account:liu",
        "address:10.0.0.1",
        "pair:liu|10.0.0.1",
    ]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", "unknown"),
        ("a proxy's socket", "unknown"),
    ],
)
def test_addresses_of_one_subscriber_count_together(address: str, network: str) -> None:
    assert network_of(address) == network
