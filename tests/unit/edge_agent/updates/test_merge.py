"""The bus's own file, over it a package of settings, over it what is desired of this bus."""

import copy
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.errors import UpdateError
from edge_agent.updates.merge import FIXED, check_settings, merged

KEYS = st.sampled_from(["camera", "model", "health", "pitch_deg", "manifest", "every_s", "threads"])
VALUES = st.integers() | st.text(max_size=5) | st.booleans() | st.lists(st.integers(), max_size=3)
# An empty table says nothing, and leaves() does not see it.
DOCUMENTS = st.dictionaries(KEYS, VALUES | st.dictionaries(KEYS, VALUES, min_size=1, max_size=4), max_size=5)
POSES = st.dictionaries(st.sampled_from(["pitch_deg", "height_m"]), st.floats(0.1, 9), max_size=2)
Document = dict[str, Any]


def leaves(document: Document, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    found: dict[tuple[str, ...], Any] = {}
    for key, value in document.items():
        found |= leaves(cast("Document", value), (*path, key)) if isinstance(value, dict) else {(*path, key): value}
    return found


def hides(above: tuple[str, ...], below: tuple[str, ...]) -> bool:
    """Whether a value at one path leaves no place for one at the other."""
    shorter = min(len(above), len(below))
    return above[:shorter] == below[:shorter]


@given(own=DOCUMENTS)
def test_nothing_over_it_is_the_file_itself(own: Document) -> None:
    assert merged(own, package={}, pose={}, manifest=None) == own


@given(own=DOCUMENTS, package=DOCUMENTS)
def test_each_value_comes_from_the_package_or_where_that_is_silent_from_the_file(
    own: Document, package: Document
) -> None:
    found, above, below = leaves(merged(own, package=package, pose={}, manifest=None)), leaves(package), leaves(own)
    expected = above | {path: below[path] for path in below if not any(hides(over, path) for over in above)}
    tables = {path: value for path, value in found.items() if path not in expected}
    assert {path: found[path] for path in expected} == expected
    assert not tables


@given(own=DOCUMENTS, package=DOCUMENTS, pose=POSES)
def test_pose_and_model_of_this_bus_win_over_everything(own: Document, package: Document, pose: Document) -> None:
    found = leaves(merged(own, package=package, pose=pose, manifest=Path("/slot/manifest.toml")))
    assert {path[1]: found[path] for path in found if path[0] == "camera" and path[1:2] and path[1] in pose} == pose
    assert found["model", "manifest"] == "/slot/manifest.toml"


@given(own=DOCUMENTS, package=DOCUMENTS, pose=POSES)
def test_what_is_laid_together_stays_as_it_was(own: Document, package: Document, pose: Document) -> None:
    before = copy.deepcopy((own, package, pose))
    merged(own, package=package, pose=pose, manifest=Path("/m"))
    assert (own, package, pose) == before


@given(own=DOCUMENTS, package=DOCUMENTS)
def test_laying_the_same_over_it_twice_changes_nothing(own: Document, package: Document) -> None:
    once = merged(own, package=package, pose={}, manifest=None)
    assert merged(once, package=package, pose={}, manifest=None) == once


@pytest.mark.parametrize("name", FIXED)
@pytest.mark.parametrize("value", [{}, {"url": "x"}, "x", 1], ids=str)
def test_no_package_of_settings_touches_what_makes_a_bus_this_bus(name: str, value: object) -> None:
    table, _, key = name.partition(".")
    with pytest.raises(UpdateError, match=name):
        check_settings({"health": {"every_s": 5}, table: {key: value, "threads": 2} if key else value})


@pytest.mark.parametrize(
    "package", [{}, {"camera": {"pitch_deg": 8}, "gnss": {}, "model": {"threads": 1}}, {"camera": 3}], ids=str
)
def test_other_tables_may_be_in_it(package: Document) -> None:
    check_settings(package)
