from dataclasses import replace

import numpy as np
import pytest

from edge_agent.preview.draw import Sketch, caption
from edge_agent.readings import Image
from edge_agent.vision.ground import RoadPoint, road_in_image
from edge_agent.watch import Scene, TrackView
from tests.unit.edge_agent.preview.scenes import BOX, scene
from tests.unit.edge_agent.scenes import CAMERA

PLAIN = Sketch(camera=None, width_px=CAMERA.width_px, has_band=False)
WHOLE = Sketch(camera=CAMERA, width_px=CAMERA.width_px, has_band=True)


def changed_rows(sketch: Sketch, of: Scene) -> list[int]:
    before = of.frame.image
    return [int(row) for row in np.flatnonzero((sketch.draw(of, before) != before).any(axis=(1, 2)))]


def test_frame_is_not_drawn_upon() -> None:
    shown = scene()
    before = shown.frame.image.copy()

    WHOLE.draw(shown, shown.frame.image)

    assert (shown.frame.image == before).all()


def test_nothing_found_and_no_camera_leaves_the_picture_as_it_is() -> None:
    assert changed_rows(PLAIN, scene(found=None, tracks=())) == []


def test_box_is_drawn_where_it_is() -> None:
    rows = changed_rows(PLAIN, scene(tracks=()))

    assert BOX[1] in rows
    assert BOX[3] in rows
    assert max(rows) <= BOX[3] + 1


def test_track_out_of_the_frame_is_not_drawn() -> None:
    below = TrackView(class_code="D40", probability=0.9, looks=5, box=BOX + 500, is_confirmed=True)

    assert changed_rows(PLAIN, scene(found=None, tracks=(below,))) == []


@pytest.mark.parametrize("edge", [(0, 0), (300, 0), (0, 220), (300, 220), (-20, -10)])
def test_words_at_the_edges_stay_in_the_picture(edge: tuple[int, int]) -> None:
    box = np.array([*edge, edge[0] + 30, edge[1] + 30], np.float32)
    track = TrackView(class_code="D40", probability=1.0, looks=100, box=box, is_confirmed=False)

    assert changed_rows(PLAIN, scene(found=None, tracks=(track,)))


def test_configured_and_measured_horizon_are_drawn() -> None:
    bare = Sketch(camera=CAMERA, width_px=CAMERA.width_px, has_band=False)
    rows = changed_rows(bare, scene(found=None, tracks=(), horizon_px=20.0))

    assert 20 in rows
    assert round(CAMERA.horizon_px) in rows


def test_the_horizon_of_a_rolled_camera_is_drawn_as_it_lies_in_the_picture() -> None:
    rolled = replace(CAMERA, roll_deg=10.0, pitch_deg=8.0)
    of = scene(found=None, tracks=(), horizon_px=rolled.horizon_px)
    sketch = Sketch(camera=rolled, width_px=CAMERA.width_px, has_band=False)
    is_drawn = (sketch.draw(of, of.frame.image) != of.frame.image).any(axis=2)

    for aside_m in (-3e5, 3e5):
        u_px, v_px = road_in_image(rolled, RoadPoint(forward_m=1e6, right_m=aside_m))
        assert np.flatnonzero(is_drawn[:, round(u_px)])[0] == pytest.approx(v_px, abs=2)


def test_band_turns_from_warning_to_good() -> None:
    good = WHOLE.draw(scene(found=None, horizon_px=CAMERA.horizon_px), scene().frame.image)
    bad = WHOLE.draw(scene(found=None, horizon_px=150.0), scene().frame.image)
    row = round(0.14 * CAMERA.height_px)

    assert is_greener(good, bad, row)


def is_greener(picture: Image, other: Image, row: int) -> bool:
    def green_over_red(image: Image) -> float:
        mean = image[row].mean(axis=0)
        return float(mean[1] - mean[2])

    return green_over_red(picture) > green_over_red(other) + 10


def test_drawing_scales_with_the_picture() -> None:
    shown = scene(tracks=())

    large = Sketch(camera=None, width_px=2 * CAMERA.width_px, has_band=False).draw(shown, shown.frame.image)

    assert large.shape == (2 * CAMERA.height_px, 2 * CAMERA.width_px, 3)
    left, top = (2 * round(float(edge)) for edge in BOX[:2])
    assert tuple(large[top + 20, left]) == (240, 180, 0)


def test_caption_lies_at_the_lower_edge() -> None:
    picture = np.full((240, 320, 3), 200, np.uint8)

    caption(picture, "1.0 s  usable")

    assert (picture[:200] == 200).all()
    assert (picture[-1, :60] != 200).any()
