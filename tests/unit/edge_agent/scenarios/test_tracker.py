import weakref
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from edge_agent.ego import EgoState, Step, step_between
from edge_agent.readings import FrameReading, Image
from edge_agent.scenarios.road_damage.evidence import Odds
from edge_agent.scenarios.road_damage.look import Look, look_at, one_each
from edge_agent.scenarios.road_damage.motion import Motion
from edge_agent.scenarios.road_damage.track import Track
from edge_agent.scenarios.road_damage.tracker import Tracker
from edge_agent.vision.detections import Box
from edge_agent.vision.ground import CameraModel, GroundErrors, RoadPoint, road_in_image
from simulator.drawn import draw_frame
from tests.unit.edge_agent.scenes import START, road_image, state
from wire.error_model import Quality

CAMERA = CameraModel(width_px=640, height_px=384, focal_px=520, height_m=2.6, pitch_deg=14)
NEAR_M, FAR_M = 4.5, 25.0
IMAGE = road_image()


def box(near_m: float, *, length_m: float = 0.8, right_m: float = 0.0, width_m: float = 0.6) -> Box:
    """Of what lies so far ahead, cut off at the frame's edges."""
    corners = [
        road_in_image(CAMERA, RoadPoint(forward_m=forward, right_m=right_m + aside))
        for forward in (max(near_m, 3.0), near_m + length_m)
        for aside in (-width_m / 2, width_m / 2)
    ]
    u, v = np.array(corners).T
    return np.array([u.min(), v.min(), u.max(), min(v.max(), CAMERA.height_px)], np.float32)


def look(shown: Box, ego: EgoState, *, code: str = "D40", confidence: float = 0.7, image: Image = IMAGE) -> Look:
    frame = FrameReading(at=ego.at, camera_id="front", image=image)
    found = look_at(frame, shown, class_code=code, confidence=confidence, ego=ego, camera=CAMERA, errors=GroundErrors())
    assert found is not None
    return found


def ego_at(driven_m: float, *, speed_mps: float = 8.0) -> EgoState:
    return state(driven_m, speed_mps=speed_mps, at=START + timedelta(seconds=driven_m / 8.0))


def driven(*things: tuple[float, float, str], way_m: float = 40.0, step_m: float = 1.0) -> list[Track]:
    """Pass things (how far ahead at first, how long, what) and give what was told."""
    tracker, told = Tracker(CAMERA, near_m=NEAR_M, far_m=FAR_M), list[Track]()
    before = ego_at(0.0)
    for number in range(int(way_m / step_m)):
        ego = ego_at(number * step_m)
        told += tracker.move(step_between(before, ego), speed_mps=ego.speed_mps)
        before = ego
        ahead = [(far_m - number * step_m, length_m, code) for far_m, length_m, code in things]
        tracker.see(
            [
                look(box(near_m, length_m=length_m), ego, code=code)
                for near_m, length_m, code in ahead
                if near_m < FAR_M and near_m + length_m > NEAR_M + 0.3
            ]
        )
    return told + tracker.end()


def test_of_all_looks_at_a_thing_the_frame_of_the_best_is_kept() -> None:
    tracker, images = Tracker(CAMERA, near_m=NEAR_M, far_m=FAR_M), list[weakref.ref[Image]]()
    for number, confidence in enumerate([0.5, 0.6, 0.9, 0.7, 0.6, 0.7]):
        ego = ego_at(number)
        tracker.move(step_between(ego_at(max(0, number - 1)), ego), speed_mps=ego.speed_mps)
        image = IMAGE.copy()
        images.append(weakref.ref(image))
        tracker.see([look(box(15.0 - number), ego, confidence=confidence, image=image)])
        del image
    assert [number for number, image in enumerate(images) if image() is not None] == [2]
    (track,) = tracker.tracks
    assert track.best.image is not None
    assert track.looks == 6


@pytest.mark.parametrize("code", ["D00", "D20"])
@pytest.mark.parametrize("length_m", [3.0, 6.0])
def test_a_long_crack_is_told_once_though_its_rest_is_still_in_view(code: str, length_m: float) -> None:
    (track,) = driven((25.0, length_m, code))
    assert track.class_code == code


def test_pieces_of_one_crack_are_one_thing() -> None:
    assert len(driven((25.0, 2.0, "D00"), (27.1, 2.0, "D00"))) == 1


def test_pieces_that_are_called_otherwise_are_still_one_thing() -> None:
    assert len(driven((25.0, 2.0, "D00"), (27.1, 2.0, "D20"))) == 1


@pytest.mark.parametrize("second", [(32.0, 2.0, "D00"), (27.1, 0.8, "D40")], ids=["far behind", "of another kind"])
def test_what_only_lies_near_stays_another_thing(second: tuple[float, float, str]) -> None:
    assert len(driven((25.0, 2.0, "D00"), second)) == 2


def test_a_crack_with_two_names_in_one_frame_is_the_surer_one() -> None:
    ego = ego_at(0.0)
    crack = look(box(10.0), ego, code="D00", confidence=0.5)
    net = look(box(10.0, length_m=1.0), ego, code="D20", confidence=0.8)
    hole = look(box(10.0), ego, code="D40", confidence=0.6)
    assert one_each([crack, net, hole]) == [net, hole]


def emerging(*, seen_way_m: float, turn_deg: float = 0.0) -> Track:
    """A thing that is found for the first time 7 m ahead, after the bus has looked at the road for so long."""
    tracker, ego = Tracker(CAMERA, near_m=NEAR_M, far_m=FAR_M), ego_at(0.0)
    step = Step(passed_s=0.125, forward_m=1.0, right_m=0.0, turn_deg=turn_deg, sigma_m=0.1)
    for _ in range(round(seen_way_m)):
        tracker.see([])
        tracker.move(step, speed_mps=8.0)
    tracker.see([look(box(7.0), ego, confidence=0.6)])
    (track,) = tracker.tracks
    return track


def test_what_comes_out_of_nowhere_is_believed_less() -> None:
    assert emerging(seen_way_m=6).probability < emerging(seen_way_m=0).probability - 0.03


def test_what_was_not_in_view_before_a_bend_did_not_lack() -> None:
    assert emerging(seen_way_m=3, turn_deg=40.0).evidence.before < emerging(seen_way_m=3).evidence.before == 3


def test_a_frame_in_which_nothing_is_found_counts_more_the_nearer_it_is() -> None:
    odds = Odds(hit_rate=lambda _code, width_px, _height_px, _quality: min(1.0, width_px / 60))
    tracks = [Track(look(box(20.0), ego_at(0.0)), odds) for _ in range(2)]
    tracks[0].miss(scale=1.0, quality="good")
    tracks[1].miss(scale=2.5, quality="good")
    assert tracks[1].probability < tracks[0].probability


@pytest.mark.parametrize("way_m", [4, 0], ids=["missed", "lacked"])
def test_a_frame_in_poor_light_in_which_nothing_is_found_counts_less(way_m: int) -> None:
    """Four frames without it, after or before the one that shows it."""
    odds = Odds(hit_rate=lambda _code, _width_px, _height_px, quality: 0.8 if quality == "good" else 0.2)

    def belief(quality: Quality) -> float:
        tracker, before = Tracker(CAMERA, near_m=NEAR_M, far_m=FAR_M, odds=odds), ego_at(0.0)
        for number in range(5):
            ego = ego_at(number * 1.0)
            tracker.move(step_between(before, ego), speed_mps=8.0)
            is_seen = number == 4 - way_m
            tracker.see([look(box(15.0 - number), ego)] if is_seen else [], "good" if is_seen else quality)
            before = ego
        (track,) = tracker.tracks
        return track.probability

    assert belief("dark") > belief("good") + 0.03


HERE = Step(passed_s=0.5, forward_m=0.0, right_m=0.0, turn_deg=0.0, sigma_m=0.1)


def stood(*, confidence: float, seconds: float, gap: Step = HERE) -> tuple[list[Track], list[Track]]:
    """What is told while the bus stands, and after a gap in which it saw nothing and went on."""
    tracker, before = Tracker(CAMERA, near_m=NEAR_M, far_m=FAR_M), ego_at(0.0)
    for number in range(8):
        ego = ego_at(number * 1.0)
        tracker.move(step_between(before, ego), speed_mps=8.0)
        tracker.see([look(box(15.0 - number), ego, confidence=confidence)])
        before = ego
    standing = [track for _ in range(int(seconds / 0.5)) for track in tracker.move(HERE, speed_mps=0.0)]
    on = replace(HERE, forward_m=1.0)
    later = tracker.move(gap, speed_mps=0.0)
    for number in range(12):
        later += tracker.move(on, speed_mps=2.0)
        if number < 3:
            tracker.see([look(box(7.0 - number), before, confidence=confidence)])
    return standing, later + tracker.end()


def test_what_is_sure_is_told_while_the_bus_stands_and_not_again() -> None:
    standing, later = stood(confidence=0.8, seconds=2.0)
    assert (len(standing), later) == (1, [])


@pytest.mark.parametrize(
    ("gap_m", "again"),
    [pytest.param(1.0, 0, id="stood through it"), pytest.param(30.0, 1, id="was elsewhere after it")],
)
def test_a_gap_makes_a_told_thing_new_only_if_the_bus_went_on(gap_m: float, again: int) -> None:
    gap = replace(HERE, passed_s=20.0, forward_m=gap_m)
    standing, later = stood(confidence=0.9, seconds=2.0, gap=gap)
    assert (len(standing), len(later)) == (1, again)


def test_over_a_gap_the_way_is_that_between_the_places() -> None:
    motion = Motion(CAMERA, near_m=NEAR_M)
    before, after = (replace(ego_at(driven_m), speed_mps=0.0) for driven_m in (0.0, 100.0))
    motion.step(IMAGE, before)
    step = motion.step(IMAGE, after)
    assert step is not None
    assert step.way_m == pytest.approx(100.0, abs=0.1)


def test_what_is_doubtful_waits_for_nearer_looks() -> None:
    standing, later = stood(confidence=0.25, seconds=6.0)
    assert standing == []
    assert len(later) == 1


def test_a_short_stop_changes_nothing() -> None:
    standing, later = stood(confidence=0.8, seconds=0.5)
    assert standing == []
    assert len(later) == 1


def drawn(along_m: float) -> Image:
    image, _ = draw_frame(CAMERA, [], seed=1, along_m=along_m)
    return image


@pytest.mark.parametrize(("accuracy_m", "passed_s"), [(1.5, 0.9), (12.0, 0.2)], ids=["long gap", "poor receiver"])
def test_the_road_corrects_a_motion_that_is_not_known_well(accuracy_m: float, passed_s: float) -> None:
    motion = Motion(CAMERA, near_m=NEAR_M)
    told_mps, way_m = 5.0, 4.6 * passed_s
    frames = [(drawn(20.0), 0.0), (drawn(20.0 + way_m), passed_s)]
    steps = [
        motion.step(
            image, replace(ego_at(0.0, speed_mps=told_mps), at=START + timedelta(seconds=s), accuracy_m=accuracy_m)
        )
        for image, s in frames
    ]
    assert steps[0] is None
    assert steps[1] is not None
    assert steps[1].forward_m == pytest.approx(way_m, abs=0.06)


def test_a_road_that_contradicts_the_receiver_is_not_believed() -> None:
    motion = Motion(CAMERA, near_m=NEAR_M)
    image = drawn(20.0)
    states = [replace(ego_at(0.0, speed_mps=8.0), at=START + timedelta(seconds=s)) for s in (0.0, 0.9)]
    steps = [motion.step(image, ego) for ego in states]
    assert steps[1] == step_between(*states)


def test_a_thing_on_the_180th_meridian_is_placed_there() -> None:
    before, after = (replace(ego_at(driven_m), lon=lon) for driven_m, lon in ((0.0, 179.99999), (1.0, -179.99999)))
    track = Track(look(box(10.0), before), Odds())
    track.see(look(box(9.0), after))
    assert abs(track.place.lon) == pytest.approx(180.0, abs=1e-4)
    assert abs(track.place.lon) <= 180.0
