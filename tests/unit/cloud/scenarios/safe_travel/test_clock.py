from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.scenarios.safe_travel.clock import DRIFT, Battery, TagClock, drift_ppm
from cloud.scenarios.safe_travel.resolve import FixedTag, Match, Resolver, RotatingTag, ids_between
from wire.tags import ephemeral_id

AT = datetime(2026, 3, 2, tzinfo=UTC)
KEY = bytes(range(16))
TAG = UUID(int=1)
EXPONENT = 10


def tag(key: bytes = KEY, *, number: int = 1, counter_s: int = 65_280, at: datetime = AT) -> RotatingTag:
    return RotatingTag(id=UUID(int=number), key=key, exponent=EXPONENT, clock=TagClock.set_at(at, counter_s=counter_s))


@settings(deadline=None)
@given(
    drift=st.floats(-DRIFT, DRIFT),
    days=st.floats(0, 400),
    late_s=st.floats(0, 1023),
    reader_s=st.floats(-2.5, 2.5),
)
def test_a_tag_is_known_however_its_counter_drifts(drift: float, days: float, late_s: float, reader_s: float) -> None:
    passed_s = days * 86_400
    counter_s = int(65_280 + passed_s * (1 + drift))
    sent = ephemeral_id(KEY, exponent=EXPONENT, counter_s=int(counter_s - late_s))
    found = Resolver([tag()]).resolve(sent, at=AT + timedelta(seconds=passed_s + reader_s))
    assert found is not None
    assert found.tag == TAG


def test_an_id_of_another_time_is_not_resolved() -> None:
    sent = ephemeral_id(KEY, exponent=EXPONENT, counter_s=65_280)
    assert Resolver([tag()]).resolve(sent, at=AT + timedelta(hours=3)) is None


def test_an_id_that_two_tags_could_have_sent_is_nobodys() -> None:
    sent = ephemeral_id(KEY, exponent=EXPONENT, counter_s=65_280)
    assert Resolver([tag(), tag(number=2)]).resolve(sent, at=AT) is None


def test_a_tag_of_a_trial_is_known_at_any_time() -> None:
    fixed = FixedTag(id=UUID(int=3), fixed_id="00112233445566aa")
    assert Resolver([tag(), fixed]).resolve("00112233445566aa", at=AT) == Match(fixed.id, None)


def test_a_table_holds_few_ids_of_each_tag() -> None:
    table = ids_between([tag()], from_at=AT, to_at=AT + timedelta(hours=1))
    assert len(table) == 6  # 3600 s of 1024 s each, begun within one, and the one before


@settings(deadline=None)
@given(
    drift=st.floats(-DRIFT, DRIFT),
    heard_h=st.lists(st.integers(1, 2000), min_size=1, max_size=12),
    late_s=st.integers(0, 1023),
)
def test_what_is_heard_narrows_the_bounds_and_never_loses_the_truth(
    drift: float, heard_h: list[int], late_s: int
) -> None:
    clock = TagClock.set_at(AT, counter_s=65_280)
    for hours in heard_h:
        at = AT + timedelta(hours=hours)
        counter_s = 65_280 + hours * 3600 * (1 + drift)
        step = int(counter_s - late_s) >> EXPONENT
        step = max(step, (int(counter_s) >> EXPONENT) - 1)
        narrowed = clock.narrowed(exponent=EXPONENT, step=step, at=at)
        wide, narrow = clock.bounds_s(narrowed.known_at), (narrowed.low_s, narrowed.high_s)
        assert wide[0] <= narrow[0] <= narrow[1] <= wide[1]
        clock = narrowed
    now = clock.known_at
    truth_s = 65_280 + (now - AT).total_seconds() * (1 + drift) - now.timestamp()
    assert clock.low_s - 1e-3 <= truth_s <= clock.high_s + 1e-3


def test_what_cannot_be_says_nothing() -> None:
    clock = TagClock.set_at(AT, counter_s=65_280)
    assert clock.narrowed(exponent=EXPONENT, step=1, at=AT + timedelta(hours=1)) is clock


def test_a_new_battery_may_have_set_the_counter_back_by_a_day() -> None:
    later = AT + timedelta(days=3)
    sent = ephemeral_id(KEY, exponent=EXPONENT, counter_s=65_280 + 2 * 86_400 + 3600)
    held = tag()
    renewed = RotatingTag(id=TAG, key=KEY, exponent=EXPONENT, clock=held.clock.after_new_battery(later))
    assert Resolver([held]).resolve(sent, at=later) is None
    assert Resolver([renewed]).resolve(sent, at=later) is not None


def test_drift_is_told_within_bounds_once_enough_time_has_passed() -> None:
    first = TagClock.set_at(AT, counter_s=65_280)
    at = AT + timedelta(days=300)
    counter_s = int(65_280 + 300 * 86_400 * (1 + 100e-6))
    now = first.narrowed(exponent=EXPONENT, step=counter_s >> EXPONENT, at=at)
    bounds = drift_ppm(first, now)
    assert bounds is not None
    assert bounds[0] <= 100 <= bounds[1]
    assert bounds[1] - bounds[0] < 100


def test_drift_is_not_told_from_one_look() -> None:
    first = TagClock.set_at(AT, counter_s=65_280)
    assert drift_ppm(first, first) is None
    assert drift_ppm(first, first.narrowed(exponent=EXPONENT, step=63, at=AT + timedelta(hours=1))) is None


@pytest.mark.parametrize(("days", "left"), [(0, 1.0), (200, 0.5), (400, 0.0), (500, 0.0), (-3, 1.0)])
def test_a_battery_is_used_up_with_its_rated_days(days: int, left: float) -> None:
    assert Battery(changed_at=AT, rated_days=400).left(AT + timedelta(days=days)) == pytest.approx(left)
