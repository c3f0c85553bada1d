import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.condition.pci import Grade, grade_of, pci_of
from cloud.roads.model import Surface

# JTG 5210-2018, asphalt.
GOLDEN = ((0.1, 94.19), (0.5, 88.73), (1, 85.00), (2, 80.04), (5, 70.89), (10, 61.27), (20, 48.46), (50, 24.83))


@pytest.mark.parametrize(("ratio", "pci"), GOLDEN)
def test_golden_values_of_asphalt(ratio: float, pci: float) -> None:
    assert pci_of(np.array([ratio]))[0] == pytest.approx(pci, abs=0.005)


def test_concrete_has_its_own_curve() -> None:
    assert pci_of(np.array([1.0]), "concrete")[0] == pytest.approx(100 - 10.66)


@pytest.mark.parametrize(("ratio", "pci"), [(0.0, 100.0), (100.0, 0.0), (-1.0, 100.0), (1e6, 0.0)])
def test_index_stays_between_0_and_100(ratio: float, pci: float) -> None:
    assert pci_of(np.array([ratio]))[0] == pci


@settings(deadline=None)
@given(st.floats(0, 100), st.floats(0, 100), st.sampled_from(["asphalt", "concrete"]))
def test_more_damage_is_never_better(one: float, other: float, surface: Surface) -> None:
    better, worse = pci_of(np.array(sorted((one, other))), surface)
    assert better >= worse


@pytest.mark.parametrize(
    ("pci", "grade"),
    [
        (100.0, Grade.EXCELLENT),
        (90.0, Grade.EXCELLENT),
        (89.9, Grade.GOOD),
        (80.0, Grade.GOOD),
        (70.0, Grade.FAIR),
        (60.0, Grade.POOR),
        (59.9, Grade.BAD),
        (None, Grade.UNKNOWN),
    ],
)
def test_grades(pci: float | None, grade: Grade) -> None:
    assert grade_of(pci) is grade
