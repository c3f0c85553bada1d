import pytest

from edge_agent.vision.quality import Judged
from models.road_damage.coco import Photo
from models.road_damage.sample import CALLED, LEAST_DAMAGE, LEAST_SCENES, Choice, Seen, sample_of
from models.road_damage.score import Outcome
from simulator.altered import ALTERED
from tests.unit.models.road_damage_samples import outcome, photo
from wire.error_model import Quality
from wire.messages import Unusable

BOX = [10.0, 10.0, 60.0, 60.0]
GOOD, DARK, BLURRED = (Judged(quality=quality) for quality in ("good", "dark", "blurred"))
REFUSED = Judged(unusable=Unusable.DARK)


def missed(truth: Photo) -> Outcome:
    return outcome([], [], [], truth)


def seen(verdict: Judged, times: int = 1, *, scenes: int = LEAST_SCENES) -> list[Seen]:
    """Pictures with one piece of damage each."""
    truths = [photo([BOX], [3], scene=str(number % scenes)) for number in range(times)]
    return [Seen(verdict=verdict, outcome=missed(truth), unaltered=missed(truth)) for truth in truths]


@pytest.mark.parametrize(
    ("quality", "called"),
    [("good", GOOD), ("dark", DARK), ("blurred", BLURRED), ("wet", GOOD), ("glare", GOOD)],
)
def test_only_pictures_that_the_gate_would_weigh_so_are_counted(quality: Quality, called: Judged) -> None:
    wanted = seen(called, LEAST_DAMAGE)
    others = [one for verdict in {GOOD, DARK, BLURRED, REFUSED} - {called} for one in seen(verdict, 7)]

    sample = sample_of(quality, [*others, *wanted])

    assert sample.outcomes == [one.outcome for one in wanted]
    assert sample.unaltered == [one.unaltered for one in wanted]
    assert sample.choice is Choice.CALLED_SO
    assert sample.words == f"{LEAST_DAMAGE} of {LEAST_DAMAGE + 21}"


@pytest.mark.parametrize(
    "called_so",
    [[], seen(DARK, LEAST_DAMAGE - 1), seen(DARK, 2 * LEAST_DAMAGE, scenes=LEAST_SCENES - 1)],
    ids=["none", "too few", "of too few scenes"],
)
def test_all_that_can_be_used_count_where_too_few_are_called_so(called_so: list[Seen]) -> None:
    usable = [*called_so, *seen(GOOD, LEAST_DAMAGE)]

    sample = sample_of("dark", [*usable, *seen(REFUSED, 400)])

    assert sample.outcomes == [one.outcome for one in usable]
    assert sample.choice is Choice.USABLE
    assert sample.words == f"{len(usable)} of {len(usable) + 400} (usable)"


def test_all_count_where_too_few_can_be_used() -> None:
    everything = [*seen(DARK, LEAST_DAMAGE - 1), *seen(REFUSED, 400)]

    sample = sample_of("dark", everything)

    assert len(sample.outcomes) == sample.of == len(everything)
    assert sample.choice is Choice.ALL
    assert sample.words.endswith("(all)")


def test_pictures_without_damage_do_not_make_them_enough() -> None:
    truths = [photo([], [], scene=str(number)) for number in range(400)]
    clean = [Seen(verdict=DARK, outcome=missed(truth), unaltered=missed(truth)) for truth in truths]

    assert sample_of("dark", clean).choice is Choice.ALL


def test_each_way_of_altering_has_a_name_that_the_gate_gives() -> None:
    assert set(CALLED) == {"good", *ALTERED}
