from datetime import UTC, datetime, timedelta

import pytest

from edge_agent.readings import EyesReading
from edge_agent.vision.usual import ABSENCE, ENOUGH, KEPT, SHUT, Eye, Face, Usual

START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def face(aspect: float = 0.2, *, turned_deg: float = 0.0, up_deg: float = 0.0, width_px: float = 20.0) -> Face:
    eye = Eye(aspect=aspect, width_px=width_px)
    return Face(eyes=(eye, eye), turned_deg=turned_deg, up_deg=up_deg)


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


def learned(usual_face: Face, *, from_s: int = 0) -> Usual:
    """Knows one face since just so long that it may say something."""
    usual = Usual()
    for second in range(ENOUGH):
        usual.compare(usual_face, at=at(from_s + second))
    return usual


def unknown(second: float) -> EyesReading:
    return EyesReading(at=at(second), openness=None, away_deg=None)


def test_until_a_face_is_known_nothing_is_said() -> None:
    usual = Usual()
    seen = [usual.compare(face(0.05), at=at(second)) for second in range(ENOUGH)]
    assert seen[:-1] == [unknown(second) for second in range(ENOUGH - 1)]
    assert seen[-1].openness is not None


@pytest.mark.parametrize("aspect", [0.12, 0.3])
def test_narrow_and_wide_eyes_are_both_open_in_their_own_way(aspect: float) -> None:
    assert learned(face(aspect)).compare(face(aspect), at=at(ENOUGH)).openness == pytest.approx(1.0)


@pytest.mark.parametrize(("share", "openness"), [(1.4, 1.0), (1.0, 1.0), (0.5, 0.2), (SHUT, 0.0), (0.0, 0.0)])
def test_openness_is_a_share_of_the_usual_opening(share: float, openness: float) -> None:
    seen = learned(face(0.2)).compare(face(0.2 * share), at=at(ENOUGH))
    assert seen.openness == pytest.approx(openness, abs=1e-6)


def test_who_sleeps_most_of_the_time_does_not_become_usual() -> None:
    usual = learned(face(0.2))
    for second in range(ENOUGH, 4 * ENOUGH):
        seen = usual.compare(face(0.05), at=at(second))
        assert seen.openness == 0.0


def test_a_camera_at_the_side_does_not_make_one_look_away() -> None:
    usual = learned(face(turned_deg=25.0, up_deg=-10.0))
    assert usual.compare(face(turned_deg=25.0, up_deg=-10.0), at=at(ENOUGH)).away_deg == pytest.approx(0.0)
    assert usual.compare(face(turned_deg=-15.0, up_deg=-10.0), at=at(ENOUGH + 1)).away_deg == pytest.approx(40.0)


def test_a_lowered_head_looks_away_and_its_eyes_are_not_known() -> None:
    seen = learned(face()).compare(face(0.02, up_deg=-40.0), at=at(ENOUGH))
    assert (seen.openness, seen.away_deg) == (None, pytest.approx(40.0))


def test_who_is_not_seen_is_neither_asleep_nor_away() -> None:
    assert learned(face()).compare(None, at=at(ENOUGH)) == unknown(ENOUGH)


def test_eyes_that_are_too_small_are_not_known_but_the_head_is() -> None:
    seen = learned(face()).compare(face(0.02, width_px=5.0, turned_deg=20.0), at=at(ENOUGH))
    assert (seen.openness, seen.away_deg) == (None, pytest.approx(20.0))


def test_one_eye_that_is_seen_is_enough() -> None:
    half = Face(eyes=(Eye(aspect=0.2, width_px=20.0), Eye(aspect=0.0, width_px=4.0)), turned_deg=0.0, up_deg=0.0)
    assert learned(face()).compare(half, at=at(ENOUGH)).openness == pytest.approx(1.0)


def test_after_a_long_absence_it_may_be_somebody_else() -> None:
    back_s = ENOUGH - 1 + ABSENCE.total_seconds()
    assert learned(face()).compare(face(), at=at(back_s)).openness is not None
    assert learned(face()).compare(face(), at=at(back_s + 1)) == unknown(back_s + 1)


def test_a_clock_that_goes_back_begins_anew() -> None:
    assert learned(face()).compare(face(), at=at(-5)) == unknown(-5)


def test_only_the_last_minutes_count() -> None:
    usual = learned(face(0.4))
    last_s = int(KEPT.total_seconds()) + 2 * ENOUGH
    for second in range(ENOUGH, last_s):
        usual.compare(face(0.2), at=at(second))
    assert usual.compare(face(0.2), at=at(last_s)).openness == pytest.approx(1.0)
