import pytest

from edge_agent.errors import UpdateError
from edge_agent.updates.wanted import POSE, Wanted, read_wanted, split_settings
from wire.messages import Settings

MODEL, SETTINGS = "a" * 64, "b" * 64


def test_nothing_desired_is_the_buss_own_file() -> None:
    assert read_wanted({}) == Wanted(model=None, settings=None, shadow=None, shadow_share=1.0, pose={})


def test_packages_and_the_pose_of_the_camera_are_read() -> None:
    settings: Settings = {
        "package.model": MODEL,
        "package.settings": SETTINGS,
        **dict.fromkeys(POSE, 1.5),
    }
    found = read_wanted(settings)
    assert (found.model, found.settings) == (MODEL, SETTINGS)
    assert found.pose == dict.fromkeys(
        ("height_m", "focal_px", "pitch_deg", "yaw_deg", "roll_deg", "forward_m", "right_m"), 1.5
    )


def test_a_model_may_look_on_at_a_share_of_the_frames() -> None:
    found = read_wanted({"package.shadow": MODEL, "shadow.share": 0.2})
    assert (found.model, found.shadow, found.shadow_share) == (None, MODEL, 0.2)


def test_what_the_program_does_not_know_is_told_and_the_rest_is_taken() -> None:
    known: Settings = {"package.model": MODEL, "shadow.share": 0.2, "camera.pitch_deg": 8}
    assert split_settings({**known, "b": 1, "a": 1}) == (known, "a, b cannot be set from afar")
    assert split_settings(known) == (known, None)


@pytest.mark.parametrize("key", ["camera.source", "broker.url", "package.firmware", "identity.device"])
def test_what_makes_a_bus_this_bus_is_not_taken_from_afar(key: str) -> None:
    assert split_settings({key: "elsewhere"}) == ({}, f"{key} cannot be set from afar")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"package.model": "latest"}, "package.model is 'latest'"),
        ({"package.model": MODEL.upper()}, "SHA-256 in hex"),
        ({"package.model": f"{MODEL}\n"}, "SHA-256 in hex"),
        ({"package.settings": True}, "package.settings is True"),
        ({"package.shadow": "latest"}, "package.shadow is 'latest'"),
        ({"shadow.share": "half"}, "a number is expected"),
        ({"camera.height_m": "2.4"}, "a number is expected"),
        ({"camera.height_m": True}, "a number is expected"),
    ],
)
def test_anything_else_is_refused_in_plain_words(settings: Settings, words: str) -> None:
    with pytest.raises(UpdateError, match=words):
        read_wanted(settings)
