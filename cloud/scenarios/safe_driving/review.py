"""Which review may follow in which state, as safety managers know it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class ReviewState(StrEnum):
    """Where an incident stands."""

    NEEDS_REVIEW = "needs_review"
    NEEDS_COACHING = "needs_coaching"
    COACHED = "coached"
    RECOGNISED = "recognised"
    """The driver did right, as braking for a child: praised, and out of the score."""
    DISMISSED = "dismissed"
    """It was none, or not the driver's doing: out of the score."""


class Review(StrEnum):
    """What somebody does with it."""

    COACH = "coach"
    COACHED = "coached"
    RECOGNISE = "recognise"
    DISMISS = "dismiss"
    REOPEN = "reopen"
    OBJECT = "object"
    """The driver's own word: somebody must look again."""


COUNTED: Final = frozenset({ReviewState.NEEDS_REVIEW, ReviewState.NEEDS_COACHING, ReviewState.COACHED})
"""States that count in the score."""
BY_DRIVER: Final = frozenset({Review.OBJECT})

_S = ReviewState
_NEXT: Final[Mapping[tuple[ReviewState, Review], ReviewState]] = {
    (_S.NEEDS_REVIEW, Review.COACH): _S.NEEDS_COACHING,
    (_S.NEEDS_REVIEW, Review.RECOGNISE): _S.RECOGNISED,
    (_S.NEEDS_REVIEW, Review.DISMISS): _S.DISMISSED,
    (_S.NEEDS_COACHING, Review.COACHED): _S.COACHED,
    (_S.NEEDS_COACHING, Review.DISMISS): _S.DISMISSED,
    (_S.NEEDS_COACHING, Review.REOPEN): _S.NEEDS_REVIEW,
    (_S.COACHED, Review.REOPEN): _S.NEEDS_REVIEW,
    (_S.RECOGNISED, Review.REOPEN): _S.NEEDS_REVIEW,
    (_S.DISMISSED, Review.REOPEN): _S.NEEDS_REVIEW,
    (_S.NEEDS_REVIEW, Review.OBJECT): _S.NEEDS_REVIEW,
    (_S.NEEDS_COACHING, Review.OBJECT): _S.NEEDS_REVIEW,
    (_S.COACHED, Review.OBJECT): _S.NEEDS_REVIEW,
}
NEEDS_REASON: Final = frozenset({Review.DISMISS, Review.RECOGNISE, Review.REOPEN, Review.OBJECT})


def next_state(state: ReviewState, review: Review) -> ReviewState | None:
    """State after a review; none where it is not allowed."""
    return _NEXT.get((state, review))


def reviews_of(state: ReviewState) -> tuple[Review, ...]:
    """What a reviewer may do, in the order in which it is offered."""
    return tuple(review for review in Review if review not in BY_DRIVER and (state, review) in _NEXT)
