import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from models.cli import models
from models.errors import DataError, TrainExtraError


def test_training_without_torch_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("models.road_damage.training")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)

    with pytest.raises(TrainExtraError, match=r"busense\[train\]"):
        CliRunner().invoke(
            models, ["train", "road_damage", "--data", str(tmp_path), "--out", str(tmp_path)], catch_exceptions=False
        )


@pytest.mark.parametrize("package", ["onnx", "matplotlib"])
def test_evaluation_that_cannot_end_does_not_begin(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("models.road_damage.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(TrainExtraError, match=package):
        CliRunner().invoke(
            models,
            ["evaluate", "road_damage", "--data", str(tmp_path), "--out", str(tmp_path / "out")],
            catch_exceptions=False,
        )


def test_commands_are_listed_with_whole_sentences() -> None:
    assert "..." not in CliRunner().invoke(models, ["--help"]).output.split("Commands:")[1]


def test_evaluation_says_which_folder_holds_no_photos(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"val\.json"):
        CliRunner().invoke(models, ["evaluate", "road_damage", "--data", str(tmp_path)], catch_exceptions=False)


def test_evaluation_on_no_photo_is_refused(tmp_path: Path) -> None:
    (tmp_path / "val.json").write_text('{"images": [], "annotations": [], "categories": []}')
    with pytest.raises(DataError, match="names no photo"):
        CliRunner().invoke(models, ["evaluate", "road_damage", "--data", str(tmp_path)], catch_exceptions=False)


def test_a_folder_that_cannot_be_made_is_told_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    asked = ["evaluate", "road_damage", "--data", str(tmp_path), "--out", str(tmp_path / "file" / "out")]
    with pytest.raises(NotADirectoryError):
        CliRunner().invoke(models, asked, catch_exceptions=False)


def test_model_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(models, ["evaluate", "weather", "--data", str(tmp_path)])

    assert result.exit_code == 2
    assert "road_damage" in result.output


@pytest.mark.parametrize("side", ["0", "100", "5000"])
def test_a_size_that_no_network_takes_is_refused_before_the_work(side: str, tmp_path: Path) -> None:
    asked = ["train", "road_damage", "--data", str(tmp_path), "--out", str(tmp_path / "run"), "--input-px", side]

    refused = CliRunner().invoke(models, asked)

    assert refused.exit_code == 2
    assert "--input-px" in refused.output
