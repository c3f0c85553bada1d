import numpy as np
import pytest

from models.road_damage.error_model import beta_of, error_model, is_stray, note_of, places_of, sums_of
from models.road_damage.sample import Choice, Sample
from models.road_damage.score import Outcome
from tests.unit.models.road_damage_samples import outcome, photo, whole
from wire.error_model import ErrorModel, MeasuredOn, Quality
from wire.messages import ModelVersion

MODEL = ModelVersion(name="road_damage", version="1", sha256="0" * 64)
BOX = [10.0, 10.0, 60.0, 60.0]
OTHER_PLACE = [70.0, 70.0, 90.0, 90.0]


def seen(*, is_found: bool, scene: str = "s", confidence: float = 0.8) -> Outcome:
    return outcome(
        [BOX] if is_found else [],
        [confidence] if is_found else [],
        [3] if is_found else [],
        photo([BOX], [3], scene=scene),
    )


def model_of(good: list[Outcome], dark: list[Outcome] | None = None) -> ErrorModel:
    samples: dict[Quality, Sample] = {"good": whole(good)}
    if dark is not None:
        samples["dark"] = Sample(outcomes=dark, unaltered=good, of=len(dark), choice=Choice.CALLED_SO)
    return error_model(samples, model=MODEL, threshold=0.3, input_px=100)


def test_sizes_and_classes_are_counted_apart() -> None:
    outcomes = [seen(is_found=True), seen(is_found=False, scene="t")]

    sums = sums_of(outcomes, scenes=places_of(outcomes), input_px=100)

    assert sums.shown.sum(axis=0)[1, 3] == 2  # 50 px
    assert sums.found.sum(axis=0)[1, 3] == 1
    assert sums.shown.sum() == 2
    assert sums.pictures.sum(axis=0).tolist() == [2, 2, 2, 2]


def test_rates_come_near_the_truth_with_many_sightings_and_lie_in_their_interval() -> None:
    found = [seen(is_found=number % 4 != 0, scene=str(number)) for number in range(400)]

    row = next(one for one in model_of(found).hit if one.class_code == "D40" and one.size == 1)

    assert row.rate == pytest.approx(0.75, abs=0.02)
    assert row.low < row.rate < row.high
    assert row.of == 400


def test_what_was_never_shown_has_the_mean_of_its_class() -> None:
    found = [seen(is_found=True, scene=str(number)) for number in range(200)]

    rates = {one.size: one.rate for one in model_of(found).hit if one.class_code == "D40"}

    assert rates[3] == pytest.approx(rates[1], abs=0.03)


def test_false_alarms_are_per_picture_in_which_the_class_was_labelled() -> None:
    only_potholes = np.array([False, False, False, True])
    invented = outcome([OTHER_PLACE], [0.6], [3], photo([BOX], [3], is_labelled=only_potholes))

    rows = {one.class_code: one for one in model_of([invented] * 50).false_alarms}

    assert rows["D40"].pictures == 50
    assert rows["D40"].per_picture == pytest.approx(1.0, abs=0.01)
    assert rows["D00"].pictures == 0


@pytest.mark.parametrize(
    ("box", "label", "stray"),
    [(BOX, 3, False), ([10.0, 10.0, 60.0, 25.0], 3, False), (BOX, 0, False), (OTHER_PLACE, 3, True)],
    ids=["a hit", "badly placed", "of another class", "on nothing"],
)
def test_only_a_box_on_no_damage_is_a_false_alarm(box: list[float], label: int, stray: bool) -> None:  # noqa: FBT001
    assert is_stray(outcome([box], [0.9], [label], photo([BOX], [3]))).tolist() == [stray]


def test_altered_pictures_have_rows_of_their_own() -> None:
    good = [seen(is_found=True, scene=str(number)) for number in range(60)]
    dark = [seen(is_found=False, scene=str(number)) for number in range(60)]

    errors = model_of(good, dark)

    assert errors.qualities == ("good", "dark")
    rates = [errors.hit_rate("D40", width_px=50, height_px=50, quality=quality) for quality in ("good", "dark")]
    assert rates[0] > 0.9
    assert rates[1] < 0.1


def test_pictures_that_are_hard_as_they_were_do_not_make_a_quality_worse() -> None:
    easy = [seen(is_found=True, scene=str(number)) for number in range(300)]
    hard = [seen(is_found=number % 2 == 0, scene=f"hard {number}") for number in range(100)]
    dark = Sample(outcomes=hard, unaltered=hard, of=400, choice=Choice.CALLED_SO)

    errors = error_model({"good": whole([*easy, *hard]), "dark": dark}, model=MODEL, threshold=0.3, input_px=100)

    good, altered = (errors.hit_rate("D40", width_px=50, height_px=50, quality=quality) for quality in ("good", "dark"))
    assert altered == good == pytest.approx(0.875, abs=0.01)


def test_what_altering_takes_away_is_taken_from_the_rates_of_good_pictures() -> None:
    good = [seen(is_found=number % 4 != 0, scene=str(number)) for number in range(400)]
    dark = [seen(is_found=number % 2 != 0, scene=str(number)) for number in range(400)]

    row = next(one for one in model_of(good, dark).hit if (one.class_code, one.size, one.quality) == ("D40", 1, "dark"))

    assert row.rate == pytest.approx(0.5, abs=0.02)
    assert row.low < row.rate < row.high
    assert row.of == 400


def test_false_alarms_of_a_quality_are_those_of_good_pictures_times_what_altering_makes_of_them() -> None:
    quiet = [outcome([], [], [], photo([], [], scene=f"quiet {number}")) for number in range(300)]
    before = [invented(30, 3) for _ in range(100)]
    after = [outcome([BOX, OTHER_PLACE], [0.6, 0.6], [3, 3], photo([], [])) for _ in range(100)]
    dark = Sample(outcomes=after, unaltered=before, of=400, choice=Choice.CALLED_SO)

    errors = error_model({"good": whole([*quiet, *before]), "dark": dark}, model=MODEL, threshold=0.3, input_px=100)

    assert errors.false_alarms_per_picture("D40") == pytest.approx(0.25, abs=0.01)
    assert errors.false_alarms_per_picture("D40", quality="dark") == pytest.approx(0.5, abs=0.02)


def test_a_quality_without_any_hit_or_false_alarm_before_is_as_good() -> None:
    dark = Sample(outcomes=[seen(is_found=False)], unaltered=[seen(is_found=False)], of=1, choice=Choice.ALL)
    good = whole([seen(is_found=True, scene=str(number)) for number in range(60)])

    errors = error_model({"good": good, "dark": dark}, model=MODEL, threshold=0.3, input_px=100)

    assert errors.hit_rates_by_size("D40", quality="dark") == errors.hit_rates_by_size("D40")


def test_the_file_says_how_many_pictures_of_a_quality_were_counted_and_which() -> None:
    good = whole([seen(is_found=True, scene=str(number)) for number in range(60)])
    dark = Sample(outcomes=good.outcomes[:40], unaltered=good.outcomes[:40], of=60, choice=Choice.USABLE)

    errors = error_model({"good": good, "dark": dark}, model=MODEL, threshold=0.3, input_px=100)

    assert "good 60 of 60, dark 40 of 60 (usable)" in errors.measured_on.note
    assert errors.measured_on.pictures == 60


def test_the_note_of_many_pictures_of_every_quality_is_not_too_long() -> None:
    found = [seen(is_found=True)] * 10_000
    many = Sample(outcomes=found, unaltered=found, of=len(found), choice=Choice.USABLE)
    qualities: list[Quality] = ["good", "dark", "blurred", "wet", "glare"]

    note = MeasuredOn(pictures=1, scenes=1, note=note_of(dict.fromkeys(qualities, many))).note

    assert note.endswith("glare 10000 of 10000 (usable).")


@pytest.mark.parametrize(("a", "b"), [(8.0, 3.0), (2.0, 2.0), (1.2, 6.0)])
def test_a_beta_distribution_is_found_again(a: float, b: float) -> None:
    values = np.random.default_rng(1).beta(a, b, 4000)

    assert beta_of(values, mean=0.5, variance=0.05) == pytest.approx((a, b), rel=0.1)


def test_a_beta_distribution_of_nothing_is_that_of_all() -> None:
    a, b = beta_of(np.zeros(0), mean=0.6, variance=0.02)

    assert a / (a + b) == pytest.approx(0.6, abs=0.01)


def test_box_error_is_a_share_of_the_side() -> None:
    shifted = outcome([[15.0, 10.0, 65.0, 60.0]], [0.9], [3], photo([BOX], [3]))

    sigma = model_of([shifted] * 100).box_sigma_share["D40"]

    assert sigma == pytest.approx(np.sqrt(0.1**2 / 2), abs=0.005)


def invented(side_px: float, label: int) -> Outcome:
    box = [0.0, 0.0, side_px, side_px]
    return outcome([box], [0.6], [label], photo([], []))


def test_sides_of_false_alarms_are_measured_by_class() -> None:
    holes = [invented(10 + number / 10, 3) for number in range(301)]
    cracks = [invented(60 + number / 10, 0) for number in range(301)]

    sides = model_of(holes + cracks).false_alarm_sides_px

    assert (sides["D40"][0], sides["D40"][5], sides["D40"][-1]) == pytest.approx((10, 25, 90), abs=1)
    assert sides["D00"][5] == pytest.approx(75, abs=1)


def test_class_that_was_hardly_ever_invented_has_the_sides_of_all() -> None:
    sides = model_of([invented(20 + number / 10, 3) for number in range(301)]).false_alarm_sides_px

    assert sides["D00"] == sides["D10"]
    assert sides["D00"][5] == pytest.approx(35, abs=1)


def test_hits_and_badly_placed_boxes_have_no_say_in_the_sides_of_false_alarms() -> None:
    assert model_of([seen(is_found=True)] * 20).false_alarm_sides_px == {}
