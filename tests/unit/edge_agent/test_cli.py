import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from edge_agent.cli import agent, detect, replay
from edge_agent.errors import ConfigurationError, SourceError


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "street").mkdir(parents=True)
    noise = np.random.default_rng(0).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    cv2.imwrite(str(folder / "a.jpg"), noise)
    cv2.imwrite(str(folder / "street" / "b.png"), noise[:200])
    return folder


def test_detect_writes_coco_and_pictures(photos: Path, tmp_path: Path) -> None:
    output, drawn = tmp_path / "out" / "found.json", tmp_path / "drawn"
    arguments = [str(photos), "--output", str(output), "--draw", str(drawn), "--threshold", "0.001", "--threads", "1"]
    result = CliRunner().invoke(detect, arguments)
    assert result.exit_code == 0, result.output
    found = json.loads(output.read_text())
    assert [image["file_name"] for image in found["images"]] == ["a.jpg", "street/b.png"]
    assert [(image["width"], image["height"]) for image in found["images"]] == [(320, 240), (320, 200)]
    assert [category["name"] for category in found["categories"]] == ["D00", "D10", "D20", "D40"]
    for annotation in found["annotations"]:
        assert annotation["image_id"] in {1, 2}
        assert 0 <= annotation["score"] <= 1
        assert min(annotation["bbox"]) >= 0
    assert (drawn / "a.jpg").is_file()
    assert (drawn / "street" / "b.png.jpg").is_file()


@pytest.mark.parametrize("option", ["--output", "--draw"])
def test_detect_says_what_it_cannot_write(photos: Path, tmp_path: Path, option: str) -> None:
    (tmp_path / "file").write_text("in the way")
    where = {"--output": tmp_path / "found.json", "--draw": tmp_path / "drawn"} | {option: tmp_path / "file" / "x"}
    arguments = [str(photos), *(str(part) for pair in where.items() for part in pair), "--threads", "1"]
    result = CliRunner().invoke(detect, arguments)
    assert isinstance(result.exception, SourceError)
    assert str(tmp_path / "file") in str(result.exception)


def test_detect_names_what_it_cannot_read_and_goes_on(photos: Path, tmp_path: Path) -> None:
    (photos / "0.jpg").write_bytes(b"no picture")
    (photos / "1.jpg").write_bytes(b"")
    output = tmp_path / "found.json"
    result = CliRunner().invoke(detect, [str(photos), "--output", str(output), "--threads", "1"])
    assert result.exit_code == 1
    assert "0.jpg" in result.output
    assert "1.jpg" in result.output
    assert len(json.loads(output.read_text())["images"]) == 2


def test_agent_names_a_wrong_configuration(tmp_path: Path) -> None:
    path = tmp_path / "agent.toml"
    path.write_text("[identity]\n")
    result = CliRunner().invoke(agent, ["--config", str(path)])
    assert isinstance(result.exception, ConfigurationError)
    assert "identity.city" in str(result.exception)


def test_replay_needs_no_secret_and_draws(photos: Path, tmp_path: Path) -> None:
    config = tmp_path / "agent.toml"
    config.write_text(
        "[identity]\nsecret_file = 'not here'\n[camera]\nwidth_px = 320\nheight_px = 240\nfocal_px = 260\n"
        "height_m = 2.5\npitch_deg = 14\n[model]\nthreads = 1\n"
    )
    arguments = [str(photos), "--config", str(config), "--draw", str(tmp_path / "drawn")]

    result = CliRunner().invoke(replay, arguments, catch_exceptions=False)

    assert result.exit_code == 0
    assert "frames looked at" in result.output
    assert (tmp_path / "drawn" / "000001.jpg").is_file()


def test_replay_names_a_wrong_camera(photos: Path, tmp_path: Path) -> None:
    config = tmp_path / "agent.toml"
    config.write_text("[camera]\nwidth_px = 320\n")

    result = CliRunner().invoke(replay, [str(photos), "--config", str(config)])

    assert isinstance(result.exception, ConfigurationError)
    assert "camera.height_px" in str(result.exception)


def test_agent_names_a_wrong_preview_address(tmp_path: Path) -> None:
    path = tmp_path / "agent.toml"
    (tmp_path / "secret").write_text("secret")
    path.write_text(
        "[identity]\ncity = 'c'\ndevice = 'd'\nsecret_file = 'secret'\n[broker]\nurl = 'mqtt://127.0.0.1:9'\n"
        "[cloud]\nurl = 'http://127.0.0.1:9'\n[camera]\nsource = '/dev/nothing'\nwidth_px = 320\nheight_px = 240\n"
        "focal_px = 260\nheight_m = 2.5\npitch_deg = 14\n[gnss]\nsource = '/dev/nothing'\n"
        "[outbox]\npath = 'outbox.db'\n"
    )

    result = CliRunner().invoke(agent, ["--config", str(path), "--preview", "somewhere"])

    assert isinstance(result.exception, ConfigurationError)
    assert "HOST:PORT" in str(result.exception)


@pytest.mark.parametrize("words", [["--preview"], ["--preview", "127.0.0.1:1"]], ids=["alone", "with an address"])
def test_preview_may_stand_without_an_address(words: list[str], tmp_path: Path) -> None:
    result = CliRunner().invoke(agent, [*words, "--config", str(tmp_path / "missing.toml")])

    assert isinstance(result.exception, ConfigurationError)
    assert "missing.toml" in str(result.exception)
