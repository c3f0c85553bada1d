from pathlib import Path

import numpy as np
import pytest

from edge_agent.vision.model_file import Manifest
from models.errors import DataError
from models.road_damage.calibrate import Bin
from models.road_damage.card import BEGIN, END, write_measured
from models.road_damage.drawn_set import drawn_scene
from models.road_damage.error_model import error_model
from models.road_damage.report import Clean, Honesty, Int8, Report, as_markdown, part_of
from models.road_damage.sample import Choice, Sample
from models.road_damage.sheet import COLUMNS, MOST_OF_SCENE, ROWS, Mistake, false_alarms, misses, worst
from simulator.altered import ALTERED
from tests.unit.models.road_damage_samples import outcome, photo, whole
from wire.error_model import Quality
from wire.messages import ModelVersion

BOX = [10.0, 10.0, 60.0, 60.0]
FOUND = outcome([BOX], [0.8], [3], photo([BOX], [3]))
MISSED = outcome([], [], [], photo([BOX], [0], scene="t"))


def report() -> Report:
    part = part_of([FOUND, MISSED], 0.3, input_px=100)
    return Report(
        model="road_damage 1",
        threshold=0.3,
        photos=part,
        vehicle_views=None,
        by_source={"test": part},
        drawn=part,
        clean={"drive/frames": Clean(pictures=221, boxes=1, by_class={"D00": 1, "D10": 0, "D20": 0, "D40": 0})},
        map50=0.5,
        ap50={"D00": 0.0, "D40": 1.0},
        f1_by_other_scenes=0.6,
        honesty=Honesty(
            shipped_error=0.01,
            cross_fitted_error=0.04,
            returned_error=0.03,
            bins=[Bin(confidence=0.8, right=1.0, boxes=1)],
        ),
        int8=Int8(f1=0.66, f1_fp32=0.667, median_ms=10, median_ms_fp32=25),
        median_ms=25,
    )


def test_a_part_tells_of_classes_sizes_and_intervals() -> None:
    part = part_of([FOUND, MISSED], 0.3, input_px=100)

    assert (part.pictures, part.scenes) == (2, 2)
    assert part.total.f1 == pytest.approx(2 / 3)
    assert part.total.f1_interval == (0.0, 1.0)
    assert part.by_class["D40"].f1 == 1.0
    assert part.by_size["32 to 64 px"].missed == 1


def test_tables_name_what_they_hold() -> None:
    text = as_markdown(report())

    assert "| test | 2 | 2 | 0.667 | 0.00-1.00 | 1.00 | 0.50 | 0.00 | - | - | 1.00 |" in text
    assert "| drive/frames | 221 | 1 | 1 | 0 | 0 | 0 |" in text
    assert "0.667 and 0.660 (-0.007)" in text


def manifest_in(folder: Path) -> Manifest:
    (folder / "model.onnx").write_bytes(b"x" * 1_200_000)
    return Manifest(
        name="road_damage",
        version="1",
        file="model.onnx",
        sha256="1" * 64,
        input_width=512,
        input_height=512,
        input_stride=32,
        classes=("D00", "D10", "D20", "D40"),
        threshold=0.3,
        nms_iou=0.3,
    )


def test_the_measured_part_of_the_card_is_replaced_and_the_rest_stays(tmp_path: Path) -> None:
    model = ModelVersion(name="road_damage", version="1", sha256="1" * 64)
    outcomes = [FOUND, MISSED]
    sample = Sample(outcomes=outcomes, unaltered=outcomes, of=7, choice=Choice.USABLE)
    samples: dict[Quality, Sample] = {"good": sample}
    errors = error_model(samples, model=model, threshold=0.3, input_px=512)
    card = tmp_path / "card.md"
    card.write_text(f"before\n\n{BEGIN}\nold\n{END}\n\nafter\n", encoding="utf-8")

    write_measured(tmp_path, manifest_in(tmp_path), report(), errors, samples)

    text = card.read_text(encoding="utf-8")
    assert text.startswith(f"before\n\n{BEGIN}\n")
    assert text.endswith(f"{END}\n\nafter\n")
    assert "\nold\n" not in text
    assert f"`model.onnx`, 1.2 MB, SHA-256 `{'1' * 64}`" in text
    assert "| pictures | 2 of 7 (usable) |" in text


def test_a_card_without_a_place_for_figures_is_refused(tmp_path: Path) -> None:
    samples: dict[Quality, Sample] = {"good": whole([FOUND])}
    errors = error_model(
        samples,
        model=ModelVersion(name="road_damage", version="1", sha256="1" * 64),
        threshold=0.3,
        input_px=512,
    )
    (tmp_path / "card.md").write_text("nothing", encoding="utf-8")

    with pytest.raises(DataError, match="lacks the marks"):
        write_measured(tmp_path, manifest_in(tmp_path), report(), errors, samples)


def test_sheets_show_misses_and_boxes_on_nothing() -> None:
    invented = outcome([[70.0, 70.0, 90.0, 90.0]], [0.7], [1], photo([BOX], [3]))

    assert [one.words for one in misses([FOUND, MISSED])] == ["missed D00"]
    assert [one.words for one in false_alarms([FOUND, invented])] == ["D10 0.70"]


def test_the_worst_come_first_and_one_scene_does_not_fill_the_sheet() -> None:
    box = np.array(BOX, np.float32)
    same = [Mistake(outcome=FOUND, box=box, words="", weight=float(number)) for number in range(10)]
    others = [
        Mistake(outcome=outcome([], [], [], photo([], [], scene=str(number))), box=box, words="", weight=0.5)
        for number in range(60)
    ]

    kept = worst([*others, *same])

    assert len(kept) == COLUMNS * ROWS
    assert [one.weight for one in kept[:MOST_OF_SCENE]] == [9, 8, 7]
    assert all(one.weight == 0.5 for one in kept[MOST_OF_SCENE:])


@pytest.mark.parametrize("quality", ALTERED)
def test_altered_pictures_are_worse_and_the_same_each_time(quality: str) -> None:
    image = drawn_scene(np.random.default_rng(1)).image
    alter = {str(name): change for name, change in ALTERED.items()}[quality]

    one, other = (alter(image, np.random.default_rng(2)) for _ in range(2))

    assert one.shape == image.shape
    assert one.dtype == np.uint8
    assert (one == other).all()
    assert np.abs(one.astype(int) - image).mean() > 2
    assert (one.mean() < image.mean() / 2) == (quality == "dark")
