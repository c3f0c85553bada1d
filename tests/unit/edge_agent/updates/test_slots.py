"""Whatever a power cut leaves of the files, one whole generation begins, or the bus's own file."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.errors import ConfigurationError, UpdateError
from edge_agent.updates.generation import ABOUT, Generation, OwnFile, read_generation, write_generation
from edge_agent.updates.slots import STATE, Slot, Slots
from edge_agent.updates.trial import MAX_STARTS, Work
from wire.messages import CameraState, Settings, TwinReported
from wire.package import MANIFEST, SETTINGS, About, Package, PackageKind

WORK = Work(frames_per_s=8.0, camera=CameraState.WORKING)
VALUES = st.text("abc é", max_size=9) | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False)


def settings_package(text: str) -> Package:
    about = About(kind=PackageKind.SETTINGS, name="winter", version="1")
    return Package(about=about, signed_by="", files={SETTINGS: text.encode()})


def model_package() -> Package:
    about = About(kind=PackageKind.MODEL, name="small", version="1")
    return Package(about=about, signed_by="", files={MANIFEST: b'name = "small"\n', "model.onnx": b"weights"})


def prepare(slots: Slots, version: int) -> Generation:
    generation = slots.fill(
        version=version,
        settings={"package.settings": f"{version:064x}", "camera.pitch_deg": 8 + version / 8},
        model=model_package(),
        package=settings_package(f"[health]\nevery_s = {version}\n"),
    )
    slots.switch(generation, work=WORK)
    return generation


def settled(folder: Path, *versions: int) -> Slots:
    slots = Slots(folder)
    for version in versions:
        prepare(slots, version)
        slots.start()
        slots.settle_trial()
    return slots


def test_before_anything_was_desired_the_bus_has_its_own_file(tmp_path: Path) -> None:
    slots = Slots(tmp_path / "updates")
    assert slots.start() is None
    assert slots.report == TwinReported(version=0, settings={})


def test_what_was_prepared_is_on_trial_and_reported_when_it_has_passed(tmp_path: Path) -> None:
    slots = settled(tmp_path, 1)
    old = slots.report
    generation = prepare(slots, 5)
    assert slots.report == old
    again = Slots(tmp_path)
    assert again.start() == generation
    assert again.report == old
    again.settle_trial()
    assert again.report == TwinReported(version=5, settings=generation.settings)
    assert Slots(tmp_path).start() == generation
    assert Slots(tmp_path).report == again.report


def test_slots_take_turns(tmp_path: Path) -> None:
    assert settled(tmp_path, 1).state.slot is Slot.A
    assert settled(tmp_path, 2).state.slot is Slot.B
    assert settled(tmp_path, 3).state.slot is Slot.A


@pytest.mark.parametrize("before", [(), (1,)], ids=["own file", "slot"])
def test_what_fell_back_is_settled_with_its_problem(tmp_path: Path, before: tuple[int, ...]) -> None:
    slots = settled(tmp_path, *before)
    generation, settings = slots.start(), slots.report.settings
    prepare(slots, 2)
    slots.start()
    assert slots.leave("too slow\nby\x00far")
    for each in (slots, Slots(tmp_path)):
        assert each.start() == generation
        assert each.report == TwinReported(version=2, settings=settings, problem="too slow by far")


def test_a_problem_is_cut_to_what_the_contract_takes(tmp_path: Path) -> None:
    slots = settled(tmp_path)
    slots.settle(4, "x" * 2000)
    assert slots.report.problem == "x" * 512


def test_a_start_on_trial_is_noted_before_anything_is_used(tmp_path: Path) -> None:
    prepare(settled(tmp_path, 1), 2)
    for number in range(1, MAX_STARTS + 1):
        slots = Slots(tmp_path)
        generation = slots.start()
        assert generation is not None
        assert generation.version == 2
        trial = Slots(tmp_path).state.trial
        assert trial is not None
        assert trial.starts == number


def test_the_third_start_on_trial_falls_back(tmp_path: Path) -> None:
    prepare(settled(tmp_path, 1), 2)
    for _ in range(MAX_STARTS):
        Slots(tmp_path).start()
    slots = Slots(tmp_path)
    generation = slots.start()
    assert generation is not None
    assert generation.version == 1
    assert slots.report.version == 2
    assert "started 2 times" in (slots.report.problem or "")


def test_a_start_that_cannot_be_noted_falls_back(tmp_path: Path) -> None:
    folder = tmp_path / "updates"
    prepare(settled(folder, 1), 2)
    (folder / f"{STATE}.draft").mkdir()  # nothing can be written in its place
    slots = Slots(folder)
    generation = slots.start()
    assert generation is not None
    assert generation.version == 1
    assert "cannot be noted" in (slots.report.problem or "")


def test_a_switch_that_the_disk_does_not_take_leaves_what_was_in_use(tmp_path: Path) -> None:
    slots = settled(tmp_path, 1)
    (tmp_path / f"{STATE}.draft").mkdir()
    with pytest.raises(OSError, match=r"state\.json"):
        prepare(slots, 2)
    generation = slots.start()
    assert generation is not None
    assert generation.version == 1


def test_a_settled_generation_that_cannot_be_used_gives_way_to_the_own_file(tmp_path: Path) -> None:
    slots = settled(tmp_path, 1)
    assert slots.leave("the model is broken")
    assert Slots(tmp_path).start() is None
    assert Slots(tmp_path).report == TwinReported(version=1, settings={}, problem="the model is broken")
    assert not slots.leave("the own file is broken")


def test_an_attempt_that_ends_the_program_twice_is_not_made_again(tmp_path: Path) -> None:
    for _ in range(MAX_STARTS):
        Slots(tmp_path).begin_attempt(3)
    with pytest.raises(UpdateError, match="ended 2 times"):
        Slots(tmp_path).begin_attempt(3)
    Slots(tmp_path).begin_attempt(4)


@pytest.mark.parametrize("is_on_trial", [False, True], ids=["settled", "on trial"])
def test_a_state_that_is_cut_anywhere_means_the_own_file(tmp_path: Path, *, is_on_trial: bool) -> None:
    slots = settled(tmp_path, 1)
    if is_on_trial:
        prepare(slots, 2)
    whole = (tmp_path / STATE).read_bytes()
    for size in range(len(whole)):
        (tmp_path / STATE).write_bytes(whole[:size])
        cut = Slots(tmp_path)
        assert cut.start() is None
        assert cut.report.version == 0
        assert "cannot be read" in (cut.report.problem or "")
    prepare(Slots(tmp_path), 3)
    assert Slots(tmp_path).start() is not None


@pytest.mark.parametrize("content", [b"\xff\x00", b"null", b"[]", b'{"slot": "c"}', b'{"settled": -1, "settings": {}}'])
def test_any_other_state_means_the_own_file(tmp_path: Path, content: bytes) -> None:
    settled(tmp_path, 1)
    (tmp_path / STATE).write_bytes(content)
    slots = Slots(tmp_path)
    assert slots.start() is None
    assert "cannot be read" in (slots.report.problem or "")


@pytest.mark.parametrize("name", [ABOUT, SETTINGS, f"model/{MANIFEST}", "model/model.onnx"])
@pytest.mark.parametrize("is_on_trial", [False, True], ids=["settled", "on trial"])
def test_each_file_of_a_slot_may_be_cut_anywhere(tmp_path: Path, name: str, *, is_on_trial: bool) -> None:
    home = tmp_path / "home"
    slots = settled(home, 1, *(() if is_on_trial else (2,)))
    if is_on_trial:
        prepare(slots, 2)
    whole = (home / "b" / name).read_bytes()
    for size in [None, *range(len(whole))]:
        broken = tmp_path / "broken"
        shutil.copytree(home, broken)
        (broken / "b" / name).unlink()
        if size is not None:
            (broken / "b" / name).write_bytes(whole[:size])
        cut = Slots(broken)
        generation = cut.start()
        assert (generation.version if generation else 0) == (1 if is_on_trial else 0)
        assert cut.report.version == 2
        assert cut.report.problem
        shutil.rmtree(broken)


def test_what_was_begun_in_the_other_slot_does_not_matter(tmp_path: Path) -> None:
    """A power cut in the middle of preparing, and the next preparation."""
    slots = settled(tmp_path, 1)
    for name in (ABOUT, "model/model.onnx", "strange"):
        (tmp_path / "b" / "model").mkdir(parents=True, exist_ok=True)
        (tmp_path / "b" / name).write_bytes(b"half")
    generation = slots.start()
    assert generation is not None
    assert generation.version == 1
    assert prepare(slots, 2) == slots.start()


@given(settings=st.dictionaries(st.from_regex(r"\A[a-z][a-z0-9_.]{0,9}\Z"), VALUES, max_size=5))
def test_settings_are_read_as_they_were_written(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> None:
    folder = tmp_path_factory.getbasetemp() / "same"
    settings = {key: value for key, value in settings.items() if value not in {float("inf"), float("-inf")}}
    write_generation(folder, version=1, settings=settings, model=None, package=None)
    found = read_generation(folder).settings
    assert found == settings
    assert {key: type(value) for key, value in found.items()} == {key: type(value) for key, value in settings.items()}


OWN = """
[identity]
city = "cangnan"
device = "bus-1"
secret_file = "secret"
[broker]
url = "mqtts://broker:8883"
[cloud]
url = "https://cloud"
[camera]
width_px = 640
height_px = 480
focal_px = 500
height_m = 2.4
pitch_deg = 8
[outbox]
path = "outbox.db"
"""


def own_file(folder: Path) -> OwnFile:
    (folder / "secret").write_text("hush")
    path = folder / "agent.toml"
    path.write_text(OWN)
    return OwnFile.read(path)


def test_the_configuration_is_the_own_file_with_the_generation_over_it(tmp_path: Path) -> None:
    own = own_file(tmp_path)
    generation = replace(prepare(Slots(tmp_path / "updates"), 16), settings={"camera.pitch_deg": 10})
    config = own.with_generation(generation)
    assert config.health.every_s == 16
    assert config.camera is not None
    assert config.camera.pitch_deg == 10
    assert config.camera.height_m == 2.4
    assert config.model.manifest == tmp_path / "updates" / "a" / "model" / MANIFEST
    assert config.outbox.path == tmp_path / "outbox.db"
    assert own.with_generation(None).health.every_s == 60


def test_a_generation_that_does_not_go_with_the_own_file_names_the_key(tmp_path: Path) -> None:
    own = own_file(tmp_path)
    with pytest.raises(ConfigurationError, match=r"with version 3: camera\.pitch_deg: .*less than 80"):
        own.with_generation(Generation(version=3, settings={"camera.pitch_deg": 100}))


def test_a_model_that_looks_on_lies_in_the_generation_and_leaves_with_it(tmp_path: Path) -> None:
    own, slots = own_file(tmp_path), Slots(tmp_path / "updates")
    settings: Settings = {"package.shadow": "c" * 64, "shadow.share": 0.25}
    generation = slots.fill(version=4, settings=settings, model=None, package=None, shadow=model_package())
    slots.switch(generation, work=WORK)
    found = slots.start()
    shadow = own.with_generation(found).shadow
    assert found == generation
    assert shadow is not None
    assert (shadow.package, shadow.share, shadow.manifest.read_text()) == ("c" * 64, 0.25, 'name = "small"\n')
    assert own.with_generation(found).model == own.with_generation(None).model, "the one in use stays"
    slots.leave("too slow")
    assert own.with_generation(slots.start()).shadow is None


def test_a_share_that_is_none_is_refused(tmp_path: Path) -> None:
    generation = Slots(tmp_path / "updates").fill(
        version=4,
        settings={"package.shadow": "c" * 64, "shadow.share": 1.5},
        model=None,
        package=None,
        shadow=model_package(),
    )
    with pytest.raises(ConfigurationError, match="share"):
        own_file(tmp_path).with_generation(generation)
