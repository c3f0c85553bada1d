import numpy as np

from models.road_damage.drawn_set import HEIGHT_PX, WIDTH_PX, drawn_scene


def test_scenes_come_from_their_generator() -> None:
    one = drawn_scene(np.random.default_rng(4))
    other = drawn_scene(np.random.default_rng(4))

    np.testing.assert_array_equal(one.image, other.image)
    np.testing.assert_array_equal(one.boxes, other.boxes)


def test_set_has_every_class_and_empty_roads() -> None:
    rng = np.random.default_rng(1)

    scenes = [drawn_scene(rng) for _ in range(40)]

    labels = np.concatenate([scene.labels for scene in scenes])
    assert set(labels.tolist()) == {0, 1, 2, 3}
    assert any(len(scene.labels) == 0 for scene in scenes)
    sides = np.concatenate([scene.boxes for scene in scenes])
    assert (sides >= 0).all()
    assert (sides[:, 2] <= WIDTH_PX).all()
    assert (sides[:, 3] <= HEIGHT_PX).all()


def test_scene_has_the_form_of_a_photo() -> None:
    scene = drawn_scene(np.random.default_rng(4))

    photo = scene.as_photo("7")

    assert (photo.width_px, photo.height_px) == (WIDTH_PX, HEIGHT_PX)
    assert photo.is_labelled.all()
    assert photo.source == "drawn"
