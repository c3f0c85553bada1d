from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.ego import offset_between
from edge_agent.readings import Image
from edge_agent.scenarios.road_damage.scenario import RoadDamage
from edge_agent.vision.detections import Detections
from tests.unit.edge_agent.scenes import CAMERA, SceneDetector, Thing, drive
from wire.messages import Coverage, Detection, Unusable


def scenario(detector: SceneDetector) -> RoadDamage:
    return RoadDamage(
        detector, camera=CAMERA, camera_id="front", stretch_m=100.0, on_frame=lambda _reason, _boxes: None
    )


def passed(detector: SceneDetector, *, speed_mps: float = 10.0, length_m: float = 120.0) -> list[Detection]:
    return [message for message in everything(detector, speed_mps, length_m) if isinstance(message, Detection)]


def everything(detector: SceneDetector, speed_mps: float, length_m: float) -> list[Detection | Coverage]:
    roads = scenario(detector)
    messages: list[Detection | Coverage] = []
    for frame, ego, driven_m in drive(speed_mps=speed_mps, length_m=length_m):
        detector.driven_m = driven_m
        messages += [sight.message for sight in roads.take(frame, ego)]
    return messages + [sight.message for sight in roads.end()]


def error_m(detection: Detection, thing: Thing) -> float:
    lon, lat = thing.place
    return offset_between(lon=detection.lon, lat=detection.lat, to_lon=lon, to_lat=lat).length_m


@pytest.mark.parametrize("speed_mps", [2.0, 8.0, 15.0])
@pytest.mark.parametrize("right_m", [-2.0, 0.0, 1.5])
def test_one_thing_becomes_one_observation_at_its_place(speed_mps: float, right_m: float) -> None:
    thing = Thing(ahead_m=60, right_m=right_m)
    (detection,) = passed(SceneDetector(things=[thing]), speed_mps=speed_mps)
    assert error_m(detection, thing) < 0.5
    assert detection.class_code == "D40"
    assert detection.first_seen_at <= detection.observed_at <= detection.last_seen_at


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), speed_mps=st.floats(3, 15), hit_share=st.floats(0.6, 1.0))
def test_a_thing_that_is_missed_now_and_then_is_still_one(seed: int, speed_mps: float, hit_share: float) -> None:
    detector = SceneDetector(
        things=[Thing(ahead_m=60, right_m=0.5)], seed=seed, jitter_px=1.2, hit_share=hit_share, confidence=0.7
    )
    assert len(passed(detector, speed_mps=speed_mps)) == 1


@pytest.mark.parametrize(
    "things",
    [
        [Thing(ahead_m=50, right_m=-1.0), Thing(ahead_m=50, right_m=1.0)],
        [Thing(ahead_m=50), Thing(ahead_m=53)],
        [Thing(ahead_m=50, class_code="D00"), Thing(ahead_m=52, class_code="D00")],
        [Thing(ahead_m=50, class_code="D40"), Thing(ahead_m=50.2, right_m=0.4, class_code="D20")],
    ],
    ids=["side by side", "one behind the other", "two cracks", "two kinds at one place"],
)
@pytest.mark.parametrize("seed", range(5))
def test_two_things_stay_two(things: Sequence[Thing], seed: int) -> None:
    assert len(passed(SceneDetector(things=things, seed=seed))) == 2


def test_two_passes_give_two_observations() -> None:
    thing = Thing(ahead_m=40)
    detector = SceneDetector(things=[thing])
    assert len(passed(detector) + passed(detector)) == 2


def test_a_bus_that_stands_before_a_thing_tells_it_once() -> None:
    detector = SceneDetector(things=[Thing(ahead_m=30)], jitter_px=1)
    roads = scenario(detector)
    detections: list[Detection] = []
    frames = list(drive(speed_mps=10, length_m=60))
    stand = next(i for i, (_, _, driven_m) in enumerate(frames) if driven_m >= 20)
    for i, (frame, ego, driven_m) in enumerate([*frames[:stand], *[frames[stand]] * 200, *frames[stand:]]):
        detector.driven_m = driven_m
        is_standing = stand <= i < stand + 200
        at = frames[0][0].at + (frames[1][0].at - frames[0][0].at) * i
        here = replace(ego, at=at, speed_mps=0.0 if is_standing else 10.0)
        sights = roads.take(replace(frame, at=at), here)
        detections += [sight.message for sight in sights if isinstance(sight.message, Detection)]
    (standing,) = detections
    (passing,) = passed(SceneDetector(things=[Thing(ahead_m=30)], jitter_px=1), length_m=60)
    assert standing.confidence == pytest.approx(passing.confidence, abs=0.02), "the same view again is no new evidence"


def test_a_doubtful_thing_does_not_grow_sure_by_standing_before_it() -> None:
    detector = SceneDetector(things=[Thing(ahead_m=15)], confidence=0.4)
    roads = scenario(detector)
    frame, ego, _ = next(iter(drive(speed_mps=10, length_m=2)))
    for i in range(300):
        at = ego.at + timedelta(seconds=0.1 * i)
        roads.take(replace(frame, at=at), replace(ego, at=at, speed_mps=0.0))
    assert [sight for sight in roads.end() if isinstance(sight.message, Detection)] == []


def test_a_flash_in_one_frame_is_no_observation() -> None:
    detector = SceneDetector(things=[Thing(ahead_m=60)], hit_share=0.04, confidence=0.4, seed=3)
    assert passed(detector) == []


def test_the_class_is_voted_over_the_frames() -> None:
    detector = SceneDetector(things=[Thing(ahead_m=60)], confused_share=0.3, seed=1)
    (detection,) = passed(detector, speed_mps=5)
    assert detection.class_code == "D40"


def test_confidence_grows_with_frames_and_falls_with_misses() -> None:
    thing = Thing(ahead_m=60)
    (often,) = passed(SceneDetector(things=[thing], confidence=0.5), speed_mps=4)
    (seldom,) = passed(SceneDetector(things=[thing], confidence=0.5), speed_mps=12)
    (missed,) = passed(SceneDetector(things=[thing], confidence=0.5, hit_share=0.6, seed=2), speed_mps=4)
    assert often.confidence > seldom.confidence > 0.5
    assert often.confidence > missed.confidence


def test_the_size_is_measured_on_the_road() -> None:
    (detection,) = passed(SceneDetector(things=[Thing(ahead_m=60, size_m=0.8)], jitter_px=0.1))
    assert detection.length_m == pytest.approx(0.8, abs=0.15)
    assert detection.width_m == pytest.approx(0.8, abs=0.15)
    assert detection.area_m2 == pytest.approx(0.64, abs=0.2)


def test_the_stretches_are_covered_without_holes() -> None:
    coverages = [
        message for message in everything(SceneDetector(things=[]), 10.0, 350.0) if isinstance(message, Coverage)
    ]
    assert [round(coverage.usable_share, 6) for coverage in coverages] == [1.0] * 4
    assert sum(coverage.frames for coverage in coverages) == 280
    assert all(first.line[-1] == second.line[0] for first, second in pairwise(coverages))
    assert coverages[0].near_m < coverages[0].far_m


def test_frames_without_use_are_counted_with_their_reason() -> None:
    reasons: list[Unusable | None] = []
    roads = RoadDamage(
        SceneDetector(things=[]),
        camera=CAMERA,
        camera_id="front",
        stretch_m=100,
        on_frame=lambda reason, _boxes: reasons.append(reason),
    )
    for i, (frame, ego, _) in enumerate(drive(speed_mps=10, length_m=60)):
        image = frame.image if i % 2 else frame.image // 16
        roads.take(replace(frame, image=image, dropped=int(i % 3 == 0)), ego)
    (sight,) = roads.end()
    assert isinstance(sight.message, Coverage)
    assert sight.message.unusable == {Unusable.DARK: 24, Unusable.DROPPED: 16}
    assert sight.message.usable_share == pytest.approx(24 / 64)
    assert set(reasons) == {None, Unusable.DARK}


@dataclass(kw_only=True)
class CountingDetector(SceneDetector):
    """Counts the frames that it is asked about, and notes those that it was told of before."""

    asked: int = 0
    prepared: list[Image] = field(default_factory=list[Image])

    def prepare(self, image: Image) -> None:
        self.prepared.append(image)

    def detect(self, image: Image) -> Detections:
        self.asked += 1
        return super().detect(image)


def test_what_a_spoiled_frame_shows_is_not_seen_though_the_network_ran_beside_its_judgement() -> None:
    detector, counts = CountingDetector(things=[Thing(ahead_m=20)]), list[tuple[Unusable | None, int]]()
    roads = RoadDamage(
        detector,
        camera=CAMERA,
        camera_id="front",
        stretch_m=100,
        on_frame=lambda reason, boxes: counts.append((reason, boxes)),
    )
    for i, (frame, ego, driven_m) in enumerate(drive(speed_mps=10, length_m=15)):
        detector.driven_m = driven_m
        roads.take(frame if i % 2 == 0 else replace(frame, image=frame.image // 16), ego)
    assert [boxes for reason, boxes in counts if reason is Unusable.DARK] == [0] * (len(counts) // 2)
    assert all(boxes == 1 for reason, boxes in counts if reason is None)


def test_the_next_frame_is_made_ready_while_the_network_looks_at_one_of_use() -> None:
    detector = CountingDetector(things=[])
    roads = scenario(detector)
    (first, ego, _), (second, ego_2, _), (third, ego_3, _) = islice(drive(speed_mps=10, length_m=60), 3)
    roads.take(replace(first, following=second.image), ego)  # the first is judged before
    roads.take(replace(second, following=third.image), ego_2)
    roads.take(replace(third, image=third.image // 16, following=second.image), ego_3)  # night falls
    assert [image is third.image for image in detector.prepared] == [True]


def test_no_network_runs_all_night() -> None:
    detector = CountingDetector(things=[])
    roads = scenario(detector)
    frames = list(drive(speed_mps=10, length_m=60))
    for frame, ego, _ in frames[:10]:
        roads.take(frame, ego)
    for frame, ego, _ in frames[10:]:
        roads.take(replace(frame, image=frame.image // 16), ego)
    assert detector.asked == 11, "only the first dark frame came as a surprise"


def test_a_frame_of_another_size_is_a_wrong_view() -> None:
    reasons: list[Unusable | None] = []
    roads = RoadDamage(
        SceneDetector(things=[]),
        camera=CAMERA,
        camera_id="front",
        stretch_m=100,
        on_frame=lambda reason, _boxes: reasons.append(reason),
    )
    frame, ego, _ = next(drive(speed_mps=10, length_m=60))
    roads.take(replace(frame, image=frame.image[:100]), ego)
    assert reasons == [Unusable.WRONG_VIEW]


def test_another_size_is_told_once_until_the_camera_changes_again(caplog: pytest.LogCaptureFixture) -> None:
    roads = scenario(SceneDetector(things=[]))
    for number, (frame, ego, _) in enumerate(drive(speed_mps=10, length_m=40)):
        is_right = number in {5, 6}
        roads.take(frame if is_right else replace(frame, image=frame.image[:100]), ego)
    words = "frames_of_wrong_size width_px=320 height_px=100 configured=320x240"
    assert [record.getMessage() for record in caplog.records] == [words, words]


def test_a_bus_that_is_too_fast_is_no_witness() -> None:
    detector = SceneDetector(things=[Thing(ahead_m=20)])
    roads = scenario(detector)
    for frame, ego, driven_m in drive(speed_mps=200, length_m=400):
        detector.driven_m = driven_m
        roads.take(frame, ego)
    (sight,) = roads.end()
    assert isinstance(sight.message, Coverage)
    assert set(sight.message.unusable) == {Unusable.TOO_FAST}
    assert sight.message.usable_share == 0.0


def test_without_a_position_nothing_is_placed() -> None:
    detector = SceneDetector(things=[Thing(ahead_m=20)])
    roads = scenario(detector)
    sights = [sight for frame, _, _ in drive(speed_mps=10, length_m=40) for sight in roads.take(frame, None)]
    assert sights == []
    assert roads.end() == []
