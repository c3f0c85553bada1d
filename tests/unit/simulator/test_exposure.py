from simulator.exposure import Exposures, InView


def test_a_defect_that_came_and_went_was_exposed() -> None:
    exposures = Exposures()
    view = InView(exposures)
    for shown in ({"a"}, {"a", "b"}, {"b"}, set[str]()):
        view.show(shown)
    assert exposures.passes() == {"a": 1, "b": 1}


def test_one_frame_is_not_enough() -> None:
    exposures = Exposures()
    view = InView(exposures)
    view.show({"a"})
    view.show(set())
    assert exposures.passes() == {}


def test_what_is_still_in_view_does_not_count_yet() -> None:
    exposures = Exposures()
    view = InView(exposures)
    view.show({"a"})
    view.show({"a"})
    assert exposures.passes() == {}


def test_passes_of_several_buses_add_up() -> None:
    exposures = Exposures()
    for _ in range(3):
        view = InView(exposures)
        for shown in ({"a"}, {"a"}, set[str]()):
            view.show(shown)
    assert exposures.passes() == {"a": 3}
