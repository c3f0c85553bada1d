import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.scenarios.safe_driving.review import BY_DRIVER, COUNTED, Review, ReviewState, next_state, reviews_of


@pytest.mark.parametrize(
    ("path", "state"),
    [
        ([Review.COACH, Review.COACHED], ReviewState.COACHED),
        ([Review.RECOGNISE], ReviewState.RECOGNISED),
        ([Review.DISMISS], ReviewState.DISMISSED),
        ([Review.COACH, Review.DISMISS], ReviewState.DISMISSED),
        ([Review.DISMISS, Review.REOPEN], ReviewState.NEEDS_REVIEW),
        ([Review.COACH, Review.COACHED, Review.OBJECT], ReviewState.NEEDS_REVIEW),
    ],
)
def test_reviews_lead_from_state_to_state(path: list[Review], state: ReviewState) -> None:
    here: ReviewState | None = ReviewState.NEEDS_REVIEW
    for review in path:
        assert here is not None
        here = next_state(here, review)
    assert here is state


@pytest.mark.parametrize(
    ("state", "review"),
    [
        (ReviewState.NEEDS_REVIEW, Review.COACHED),
        (ReviewState.COACHED, Review.DISMISS),
        (ReviewState.DISMISSED, Review.OBJECT),
        (ReviewState.RECOGNISED, Review.OBJECT),
    ],
)
def test_what_has_no_place_in_a_state_is_refused(state: ReviewState, review: Review) -> None:
    assert next_state(state, review) is None


@given(state=st.sampled_from(ReviewState))
def test_a_reviewer_is_offered_what_is_allowed_and_not_the_drivers_word(state: ReviewState) -> None:
    offered = reviews_of(state)
    assert offered
    assert not BY_DRIVER & set(offered)
    assert all(next_state(state, review) is not None for review in offered)


def test_what_is_praised_or_dismissed_leaves_the_score() -> None:
    assert set(ReviewState) - COUNTED == {ReviewState.RECOGNISED, ReviewState.DISMISSED}
