from dataclasses import dataclass, field

from edge_agent.scenarios.road_damage.scenario import RoadDamage
from edge_agent.watch import Scene
from tests.unit.edge_agent.scenes import CAMERA, SceneDetector, Thing, drive


@dataclass
class Notes:
    scenes: list[Scene] = field(default_factory=list[Scene])

    def show(self, scene: Scene) -> None:
        self.scenes.append(scene)


def test_a_watcher_is_shown_every_frame_with_its_tracks_and_times() -> None:
    notes, detector = Notes(), SceneDetector(things=[Thing(ahead_m=20)])
    roads = RoadDamage(
        detector,
        camera=CAMERA,
        camera_id="front",
        stretch_m=100.0,
        on_frame=lambda _reason, _boxes: None,
        watcher=notes,
    )
    frames = 0
    for frame, ego, driven_m in drive(speed_mps=8.0, length_m=18.0):
        detector.driven_m = driven_m
        roads.take(frame, ego)
        frames += 1
    assert len(notes.scenes) == frames
    seen = [scene for scene in notes.scenes if len(scene.detections)]
    assert seen
    assert {track.class_code for scene in seen for track in scene.tracks} == {"D40"}
    assert set(seen[-1].steps_ms) == {"quality", "motion", "track", "network", "position", "watch"}


def test_a_frame_without_a_place_is_shown_as_unusable() -> None:
    notes = Notes()
    roads = RoadDamage(
        SceneDetector(things=[]),
        camera=CAMERA,
        camera_id="front",
        stretch_m=100.0,
        on_frame=lambda _reason, _boxes: None,
        watcher=notes,
    )
    frame, _, _ = next(drive(speed_mps=8.0, length_m=5.0))
    roads.take(frame, None)
    assert notes.scenes[0].verdict is not None
    assert "network" not in notes.scenes[0].steps_ms
