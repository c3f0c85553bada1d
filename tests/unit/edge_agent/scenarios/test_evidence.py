import pytest

from edge_agent.scenarios.road_damage.evidence import Evidence, Odds
from wire.looks import logit


def evidence(*confidences: float | None) -> float:
    """Probability after frames with these confidences; None is a frame without a box."""
    sums = Evidence(Odds(), "D40")
    for confidence in confidences:
        if confidence is None:
            sums.miss(rate=0.8)
        else:
            sums.see(confidence, class_code="D40", rate=0.8)
    return sums.probability


@pytest.mark.parametrize("confidence", [0.1, 0.5, 0.9])
def test_a_single_look_is_as_sure_as_its_calibrated_confidence(confidence: float) -> None:
    assert evidence(confidence) == pytest.approx(confidence)


def test_more_looks_make_surer_but_ever_less_so() -> None:
    one, two, eight, many = (evidence(*[0.6] * n) for n in (1, 2, 8, 1000))
    assert one < two < eight < many
    assert two - one > many - eight
    assert logit(many) < 4 * logit(eight), "a thousand frames of one pass are not a thousand witnesses"


def test_frames_without_it_count_against_it() -> None:
    assert evidence(0.7, None) < evidence(0.7)
    assert evidence(0.6, None, 0.6, None) < evidence(0.6, 0.6)
    assert evidence(0.6, *[None] * 8) < 0.5, "a flash"


def lacking(confidence: float, *rates: float) -> float:
    """Probability of a single look after frames in which it should have been found with these chances."""
    sums = Evidence(Odds(), "D40")
    sums.see(confidence, class_code="D40", rate=0.8)
    for rate in rates:
        sums.lack(rate=rate)
    return sums.probability


def test_what_should_have_been_seen_before_is_believed_less() -> None:
    assert lacking(0.6, 0.7, 0.7) < lacking(0.6, 0.7) < lacking(0.6)


def test_what_could_hardly_be_seen_before_is_believed_as_much() -> None:
    assert lacking(0.6, *[0.02] * 4) == pytest.approx(0.6, abs=0.02)


def test_no_number_of_frames_before_takes_away_what_a_flash_and_a_hidden_thing_have_in_common() -> None:
    assert lacking(0.9, *[0.3] * 5) > 0.5


def test_the_order_of_the_frames_does_not_matter() -> None:
    assert evidence(0.3, None, 0.9, 0.6) == pytest.approx(evidence(0.3, 0.6, None, 0.9))


@pytest.mark.parametrize("confidence", [0.0, 1.0])
def test_no_single_frame_is_certain(confidence: float) -> None:
    assert 0.0 < evidence(confidence) < 1.0
