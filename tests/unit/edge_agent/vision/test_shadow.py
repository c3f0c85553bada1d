"""A new model beside the one in use: what differs, and that nobody waits for it."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from edge_agent.readings import Image
from edge_agent.vision.detections import Detections, FromWhole, no_detections
from edge_agent.vision.shadow import ShadowedDetector, compare
from tests.waiting import wait_until
from wire.messages import ModelVersion, ShadowClass

NOW = datetime(2026, 3, 2, tzinfo=UTC)
PACKAGE = "a" * 64
FRAME: Image = np.zeros((48, 64, 3), np.uint8)
Box = tuple[str, float, float, float, float]


def found(*boxes: Box) -> Detections:
    return Detections(
        boxes=np.array([box[1:] for box in boxes], np.float32).reshape(-1, 4),
        confidences=np.linspace(0.9, 0.5, len(boxes), dtype=np.float32),
        class_codes=tuple(box[0] for box in boxes),
    )


@dataclass
class Model(FromWhole):
    """Finds what it is told to, once it may."""

    finds: Callable[[], Detections] = no_detections
    name: str = "some"
    may_go_on: threading.Event = field(default_factory=threading.Event)
    asked: int = 0

    @property
    def model(self) -> ModelVersion:
        return ModelVersion(name=self.name, version="1", sha256="b" * 64)

    def detect(self, image: Image) -> Detections:
        self.asked += 1
        assert self.may_go_on.wait(30)
        return self.finds()


def ready(finds: Callable[[], Detections] = no_detections, name: str = "some") -> Model:
    model = Model(finds=finds, name=name)
    model.may_go_on.set()
    return model


def beside(old: Model, new: Model, *, share: float = 1.0) -> ShadowedDetector:
    return ShadowedDetector(old, new, package=PACKAGE, share=share, now=NOW)


HOLE: Box = ("D40", 10, 10, 20, 20)
CRACK: Box = ("D00", 10, 10, 20, 20)


def counted(old: Sequence[Box], new: Sequence[Box]) -> tuple[Counter[str], Counter[str], Counter[str]]:
    difference = compare(found(*old), found(*new))
    return difference.agreeing, difference.only_old, difference.only_new


def test_boxes_agree_that_are_of_one_class_and_lie_over_each_other() -> None:
    assert counted([HOLE], [("D40", 11, 10, 21, 20)]) == ({"D40": 1}, {}, {})
    assert counted([HOLE], [("D40", 16, 10, 26, 20)]) == ({}, {"D40": 1}, {"D40": 1}), "a quarter of both is too little"
    assert counted([HOLE], [CRACK]) == ({}, {"D40": 1}, {"D00": 1})


def test_a_box_agrees_with_one_other_at_most() -> None:
    assert counted([HOLE], [HOLE, HOLE]) == ({"D40": 1}, {}, {"D40": 1})
    assert counted([HOLE, HOLE], [HOLE]) == ({"D40": 1}, {"D40": 1}, {})
    near, nearer = ("D40", 12.0, 10.0, 22.0, 20.0), ("D40", 10.5, 10.0, 20.5, 20.0)
    assert counted([near, nearer], [HOLE, ("D40", 13, 10, 23, 20)]) == ({"D40": 2}, {}, {})


def test_nothing_found_by_either_is_no_difference() -> None:
    assert counted([], []) == ({}, {}, {})
    assert counted([], [HOLE]) == ({}, {}, {"D40": 1})


def test_who_asks_gets_what_the_model_in_use_finds_and_the_differences_are_summed() -> None:
    old, new = ready(lambda: found(HOLE, CRACK)), ready(lambda: found(HOLE), name="new")
    detector = beside(old, new)
    with detector.running():
        for number in range(1, 4):
            assert detector.detect(FRAME).class_codes == ("D40", "D00")
            wait_until(lambda number=number: detector.read().frames == number)
    report = detector.read()
    assert (report.package, report.model.name, detector.model.name) == (PACKAGE, "new", "some")
    assert report.classes == {
        "D00": ShadowClass(agreeing=0, only_old=3, only_new=0),
        "D40": ShadowClass(agreeing=3, only_old=0, only_new=0),
    }
    assert report.dropped == 0


def test_nobody_waits_for_a_new_model_that_hangs_and_what_it_misses_is_counted() -> None:
    old, new = ready(), Model()
    detector = beside(old, new)
    with detector.running():
        detector.detect(FRAME)
        wait_until(lambda: new.asked == 1)
        for _ in range(10):  # one waits, nine are let go
            detector.detect(FRAME)
        assert (old.asked, detector.read().dropped, detector.read().frames) == (11, 9, 0)
        new.may_go_on.set()


def test_only_a_share_of_the_frames_is_handed_over() -> None:
    detector = beside(ready(), Model(), share=0.25)  # nobody takes them: one waits, the others are counted
    for _ in range(40):
        detector.detect(FRAME)
    assert detector.read().dropped == 9


def test_a_new_model_that_fails_is_counted_and_the_bus_goes_on() -> None:
    def fail() -> Detections:
        raise RuntimeError("no such layer")

    detector = beside(ready(lambda: found(HOLE)), ready(fail))
    with detector.running():
        for number in (1, 2):
            assert len(detector.detect(FRAME)) == 1
            wait_until(lambda number=number: detector.read().failed == number)
    assert (detector.read().frames, detector.read().classes) == (0, {})


def test_each_run_counts_under_a_name_of_its_own() -> None:
    assert beside(ready(), ready()).read().run != beside(ready(), ready()).read().run
