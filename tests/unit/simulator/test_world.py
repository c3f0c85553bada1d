import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from simulator.errors import FramesError
from simulator.world import BUSES_PER_LINE, BUSES_PER_RING, make_world


def _write_photos(folder: Path) -> None:
    (folder / "images").mkdir()
    for name in ("a", "b"):
        cv2.imwrite(str(folder / "images" / f"{name}.jpg"), np.full((512, 512, 3), 120, np.uint8))
    coco = {
        "categories": [{"id": 4, "name": "D40"}],
        "images": [
            {"id": number, "file_name": f"{name}.jpg", "width": 512, "height": 512}
            for number, name in enumerate("ab", start=1)
        ],
        "annotations": [{"image_id": number, "category_id": 4, "bbox": [200, 20, 100, 200]} for number in (1, 2)],
    }
    (folder / "val.json").write_text(json.dumps(coco))


def test_the_same_seed_makes_the_same_world_and_truth() -> None:
    first, again = (make_world(seed=4, buses=6, frames=None) for _ in range(2))
    assert first.town == again.town
    assert first.truth.fingerprint() == again.truth.fingerprint()


def test_the_same_photos_make_the_same_truth(tmp_path: Path) -> None:
    _write_photos(tmp_path)
    first, again, other = (make_world(seed=seed, buses=3, frames=tmp_path) for seed in (4, 4, 5))
    assert first.truth.fingerprint() == again.truth.fingerprint()
    assert first.truth.fingerprint() != other.truth.fingerprint()
    assert first.scenery.camera.width_px == 512


@pytest.mark.parametrize(("buses", "lines"), [(1, 1), (BUSES_PER_LINE, 1), (6, 2), (500, 5)])
def test_buses_share_a_line(buses: int, lines: int) -> None:
    assert len(make_world(seed=0, buses=buses, frames=None).lines) == lines


@pytest.mark.parametrize("seed", range(5))
def test_in_a_dense_world_every_place_sees_a_bus_each_ten_seconds(seed: int) -> None:
    world = make_world(seed=seed, buses=10, frames=None, is_dense=True)
    assert [motion.lap_s / 10 < 11 for motion in world.motions] == [True]
    assert len(world.truth.defects) >= 12
    assert len(world.truth.lookalikes) >= 3
    assert len(world.town.junctions) <= 16
    assert len(make_world(seed=seed, buses=2 * BUSES_PER_RING, frames=None, is_dense=True).lines) == 2


def test_a_folder_without_photos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FramesError):
        make_world(seed=0, buses=1, frames=tmp_path)


@pytest.mark.data
def test_the_folder_of_real_photos_makes_a_world(data_folder: Path) -> None:
    world = make_world(seed=0, buses=6, frames=data_folder)
    assert len(world.truth.defects) > 100
    assert {defect.class_code for defect in world.truth.defects} >= {"D00", "D10", "D20"}
