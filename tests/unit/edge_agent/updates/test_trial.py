"""A verdict is a rule over numbers: nothing is read, nothing waits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.updates.trial import LONGEST_WINDOW_S, MIN_SHARE, Gauge, Work, verdict
from wire.messages import CameraState

WORKING, UNUSABLE, MISSING = CameraState.WORKING, CameraState.UNUSABLE, CameraState.MISSING
RATES = st.floats(0, 60)
CAMERAS = st.sampled_from(CameraState)
WORKS = st.builds(Work, frames_per_s=RATES, camera=CAMERAS)


def work(frames_per_s: float, camera: CameraState = WORKING) -> Work:
    return Work(frames_per_s=frames_per_s, camera=camera)


@given(before=WORKS, now=WORKS, asked=st.floats(0.1, 60), passed=st.floats(0, 299))
def test_there_is_no_verdict_before_the_time_is_over(before: Work, now: Work, asked: float, passed: float) -> None:
    assert verdict(before=before, now=now, asked_per_s=asked, passed_s=passed, trial_s=300) is None


@given(before=WORKS, asked=st.floats(0.1, 60), passed=st.floats(300, 1e6))
def test_who_works_as_before_passes(before: Work, asked: float, passed: float) -> None:
    found = verdict(before=before, now=before, asked_per_s=asked, passed_s=passed, trial_s=300)
    assert found is not None
    assert found.problem is None


@given(before=WORKS, now=WORKS, asked=st.floats(0.1, 60), more=st.floats(0, 60))
def test_who_is_faster_is_never_judged_worse(before: Work, now: Work, asked: float, more: float) -> None:
    faster = work(now.frames_per_s + more, now.camera)
    slow = verdict(before=before, now=now, asked_per_s=asked, passed_s=1, trial_s=1)
    fast = verdict(before=before, now=faster, asked_per_s=asked, passed_s=1, trial_s=1)
    assert slow is not None
    assert fast is not None
    assert slow.problem is not None or fast.problem is None


@given(before=WORKS, now=WORKS, asked=st.floats(0.1, 60))
def test_it_passes_only_with_enough_frames_and_a_camera_as_good(before: Work, now: Work, asked: float) -> None:
    found = verdict(before=before, now=now, asked_per_s=asked, passed_s=1, trial_s=1)
    assert found is not None
    is_camera_as_good = before.camera is not WORKING or now.camera is WORKING
    is_fast_enough = now.frames_per_s >= MIN_SHARE * min(before.frames_per_s, asked)
    assert (found.problem is None) == (is_camera_as_good and is_fast_enough)


@pytest.mark.parametrize(
    ("before", "now", "asked", "words"),
    [
        (work(8), work(5.5), 8, "5.50 frames per second"),
        (work(8), work(8, UNUSABLE), 8, "working before and is unusable now"),
        (work(8), work(0, MISSING), 8, "working before and is missing now"),
        (work(8), work(5.61), 8, None),
        (work(8), work(5), 5, None),
        (work(8, UNUSABLE), work(8, UNUSABLE), 8, None),
        (work(0, MISSING), work(0, MISSING), 8, None),
    ],
    ids=["slow", "unusable", "missing", "fast enough", "asks for fewer", "night before and after", "no camera ever"],
)
def test_verdicts(before: Work, now: Work, asked: float, words: str | None) -> None:
    found = verdict(before=before, now=now, asked_per_s=asked, passed_s=300, trial_s=300)
    assert found is not None
    assert (found.problem is None) if words is None else words in (found.problem or "")


def test_a_gauge_does_not_count_how_a_short_trial_begins() -> None:
    gauge = Gauge(began_s=100, trial_s=20)
    for second in range(1, 21):
        gauge.note(at_s=100 + second, frames=8 * max(0, second - 10), camera=WORKING if second > 9 else MISSING)
    assert gauge.passed_s == 20
    assert gauge.work == work(8)


def test_a_gauge_forgets_what_is_older_than_a_minute() -> None:
    gauge = Gauge(began_s=0, trial_s=300)
    for second in range(1, 400):
        frames = 8 * min(second, 200) + 4 * max(0, second - 200)
        gauge.note(at_s=second, frames=frames, camera=WORKING if second < 200 else UNUSABLE)
    assert gauge.work == work(4, UNUSABLE)
    assert LONGEST_WINDOW_S < 100


def test_a_tunnel_of_less_than_a_minute_is_no_fault_of_the_camera() -> None:
    gauge = Gauge(began_s=0, trial_s=300)
    for second in range(1, 100):
        gauge.note(at_s=second, frames=8 * second, camera=UNUSABLE if second > 50 else WORKING)
    assert gauge.work.camera is WORKING


def test_without_any_frame_there_is_no_camera() -> None:
    gauge = Gauge(began_s=0, trial_s=300)
    assert gauge.work == work(0, MISSING)
    gauge.note(at_s=5, frames=0, camera=MISSING)
    gauge.note(at_s=9, frames=0, camera=MISSING)
    assert gauge.work == work(0, MISSING)
