import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from edge_agent.cli import agent, detect
from edge_agent.errors import ConfigurationError


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
    assert (drawn / "street" / "b.jpg").is_file()


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
