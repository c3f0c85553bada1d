import itertools

import pytest

from cloud.findings.associate import Known, associate, distance_2
from cloud.findings.catalogue import load_catalogue
from cloud.findings.model import Covariance
from tests.unit.cloud.findings.builders import observation, place

CATALOGUE = load_catalogue()


def known(
    finding_id: str, east_m: float = 0.0, north_m: float = 0.0, *, sigma_m: float = 1.0, **changes: object
) -> Known:
    lon, lat = place(east_m, north_m)
    values: dict[str, object] = {
        "class_code": "D40",
        "covariance": Covariance(east_m2=sigma_m**2, east_north_m2=0.0, north_m2=sigma_m**2),
        "heading_deg": 0.0,
    }
    return Known(id=finding_id, lon=lon, lat=lat, **(values | changes))  # pyright: ignore[reportArgumentType]


def test_nothing_known_makes_a_new_finding() -> None:
    (match,) = associate([observation()], [], catalogue=CATALOGUE)

    assert match.finding_id is None


def test_nothing_seen_matches_nothing() -> None:
    assert associate([], [known("a")], catalogue=CATALOGUE) == []


def test_near_finding_is_the_same_thing() -> None:
    (match,) = associate([observation(north_m=4)], [known("a")], catalogue=CATALOGUE)

    assert match.finding_id == "a"


def test_gate_follows_the_shape_of_the_error() -> None:
    """Six metres along the road may be an error of position, six metres across it may not."""
    along = distance_2(observation(north_m=6), known("a"), catalogue=CATALOGUE)
    across = distance_2(observation(east_m=6), known("a"), catalogue=CATALOGUE)

    assert along is not None
    assert across is None


def test_heading_turns_the_error() -> None:
    assert distance_2(observation(east_m=6, heading_deg=90.0), known("a", heading_deg=90.0), catalogue=CATALOGUE)


def test_dense_cluster_is_matched_one_to_one() -> None:
    """The nearest finding of both is the same one; together only one assignment fits."""
    things = [observation(north_m=1.0), observation(north_m=5.0)]
    matches = associate(things, [known("a", north_m=0), known("b", north_m=3.9)], catalogue=CATALOGUE)

    assert {match.observations[0].id: match.finding_id for match in matches} == {things[0].id: "a", things[1].id: "b"}


def test_two_things_of_one_pass_are_never_one_finding() -> None:
    matches = associate([observation(), observation(north_m=3)], [known("a")], catalogue=CATALOGUE)

    assert sorted(str(match.finding_id) for match in matches) == ["None", "a"]


def test_broken_track_is_one_thing() -> None:
    matches = associate([observation(), observation(north_m=1)], [], catalogue=CATALOGUE)

    assert [len(match.observations) for match in matches] == [2]


def test_late_half_of_a_broken_track_joins_its_finding() -> None:
    first = observation()
    (match,) = associate([observation(north_m=1)], [known("a", seen_by_pass=(first,))], catalogue=CATALOGUE)

    assert match.finding_id == "a"


def test_late_second_thing_of_a_pass_does_not_join_what_the_pass_already_saw() -> None:
    first = observation()
    (match,) = associate([observation(north_m=3)], [known("a", seen_by_pass=(first,))], catalogue=CATALOGUE)

    assert match.finding_id is None


@pytest.mark.parametrize(
    ("class_code", "north_m", "finding_id"),
    [
        pytest.param("D20", 1.0, "a", id="a net that became a hole"),
        pytest.param("D20", 8.5, None, id="another class must agree more closely"),
        pytest.param("D40", 8.5, "a", id="the same class may be farther"),
    ],
)
def test_classes_of_a_group_may_be_one_damage(class_code: str, north_m: float, finding_id: str | None) -> None:
    (match,) = associate([observation(class_code=class_code, north_m=north_m)], [known("a")], catalogue=CATALOGUE)

    assert match.finding_id == finding_id


@pytest.mark.parametrize(("east_m", "finding_id"), [(1.0, "a"), (4.6, None)], ids=["agrees", "the other lane"])
def test_opposite_direction_joins_only_where_positions_agree(east_m: float, finding_id: str | None) -> None:
    (match,) = associate([observation(east_m=east_m, heading_deg=180.0)], [known("a")], catalogue=CATALOGUE)

    assert match.finding_id == finding_id


def test_unsure_positions_do_not_reach_across_the_town() -> None:
    (match,) = associate([observation(north_m=100, along_m=200.0)], [known("a")], catalogue=CATALOGUE)

    assert match.finding_id is None


def test_order_within_a_pass_does_not_matter() -> None:
    things = [observation(north_m=offset, confidence=0.5 + offset / 100) for offset in (0.0, 4.0, 8.0)]
    findings = [known("a", north_m=1), known("b", north_m=5)]
    expected = associate(things, findings, catalogue=CATALOGUE)

    for order in itertools.permutations(things):
        assert associate(order, findings, catalogue=CATALOGUE) == expected
