"""The arm64 check: what it asks for, takes over and compares. No system is made here."""

import json
import shutil
from pathlib import Path

import pytest

from deploy import check_aarch64 as check

ROOT = Path(__file__).parents[3]


def coco(path: Path, *, shift_px: float = 0.0, score: float = 0.5, code: int = 2) -> Path:
    result = {
        "images": [{"id": 1, "file_name": "a.png"}],
        "categories": [{"id": 1, "name": "D00"}, {"id": 2, "name": "D40"}],
        "annotations": [{"image_id": 1, "category_id": code, "bbox": [1 + shift_px, 2, 3, 4], "score": score}],
    }
    path.write_text(json.dumps(result))
    return path


def test_missing_programs_are_named_with_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    def which(program: str) -> str | None:
        return None if program == "qemu-aarch64-static" else program

    monkeypatch.setattr(shutil, "which", which)
    monkeypatch.setattr(check, "BINFMT", Path("/nowhere"))

    problems = list(check.missing())

    assert any("apt-get install qemu-user-static" in problem for problem in problems)
    assert any("binfmt_misc" in problem for problem in problems)


def test_missing_programs_end_the_script_before_anything_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["check_aarch64.py"])
    monkeypatch.setattr(check, "missing", lambda: iter(["it must run as root"]))

    with pytest.raises(SystemExit, match="- it must run as root"):
        check.main()


def test_constraints_are_the_versions_of_the_lock() -> None:
    versions = list(check.pinned(ROOT / "requirements.lock"))

    assert any(version.startswith("onnxruntime==") for version in versions)
    assert all("==" in version and "--hash" not in version and "\\" not in version for version in versions)


def test_boxes_equal_within_rounding(tmp_path: Path) -> None:
    here = coco(tmp_path / "here.json")

    assert check.read_found(here) == [("a.png", "D40", [1, 2, 3, 4], 0.5)]
    assert check.compare(here, coco(tmp_path / "there.json", shift_px=0.05, score=0.5005), "fp32")


def test_quantised_boxes_may_lie_further_apart(tmp_path: Path) -> None:
    here, there = coco(tmp_path / "here.json"), coco(tmp_path / "there.json", shift_px=1.3, score=0.507)

    assert check.compare(here, there, "int8")
    assert not check.compare(here, there, "fp32")


@pytest.mark.parametrize(
    "other", [{"shift_px": 0.2}, {"score": 0.51}, {"code": 1}], ids=["moved", "other score", "other class"]
)
def test_other_boxes_are_not_equal(tmp_path: Path, other: dict[str, float]) -> None:
    here = coco(tmp_path / "here.json")

    assert not check.compare(here, coco(tmp_path / "there.json", **other), "fp32")  # pyright: ignore[reportArgumentType]


def test_nothing_found_proves_nothing(tmp_path: Path) -> None:
    nothing = tmp_path / "nothing.json"
    nothing.write_text('{"images": [], "categories": [], "annotations": []}')

    assert not check.compare(nothing, nothing, "fp32")


def test_commands_run_in_namespaces_that_end_with_them() -> None:
    command = check.namespaces(["true"])

    assert command[0] == "unshare"
    assert {"--mount", "--pid", "--kill-child"} <= set(command)


def test_emulated_command_sees_an_arm_processor(tmp_path: Path) -> None:
    check.within(tmp_path, ["true"])

    assert "CPU part\t: 0xd0b" in (tmp_path / "cpuinfo").read_text()
