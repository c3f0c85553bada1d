# ruff: noqa: ANN401 - JSON is of any type
"""What is locked, what is known to be weak in it, and that nothing runs with more than it needs."""

import json
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from deploy.audit import (
    NPM_LOCK,
    PYTHON_LOCK,
    Package,
    main,
    npm_packages,
    python_packages,
    weaknesses,
)

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))
HARDENED = ("User=busense", "NoNewPrivileges=true", "ProtectSystem=strict", "ProtectHome=true", "PrivateTmp=true")
HARDENED_DAEMON = (
    *HARDENED,
    "CapabilityBoundingSet=\n",
    "ProtectKernelTunables=true",
    "ProtectKernelModules=true",
    "ProtectControlGroups=true",
    "RestrictNamespaces=true",
    "RestrictSUIDSGID=true",
    "RestrictAddressFamilies=",
    "SystemCallFilter=@system-service",
    "UMask=0077",
)
OURS = Package("PyPI", "some-thing", "1.4.0")


def advisory(**affected: Any) -> dict[str, Any]:
    package = {"ecosystem": "PyPI", "name": "Some_Thing"}
    return {"id": "X-1", "summary": "it opens the door", "affected": [{"package": package} | affected]}


def spans(*events: dict[str, str]) -> dict[str, Any]:
    return advisory(ranges=[{"type": "ECOSYSTEM", "events": list(events)}])


def test_each_package_is_locked_to_one_version_with_its_hash() -> None:
    python, npm = python_packages(PYTHON_LOCK.read_text()), npm_packages(NPM_LOCK.read_text())
    assert {"fastapi", "cryptography", "onnxruntime"} <= {package.name for package in python}
    assert {"vue", "maplibre-gl"} <= {package.name for package in npm}


@pytest.mark.parametrize("text", ["fastapi>=0.1", "fastapi==0.1", "fastapi"])
def test_a_lock_without_version_or_hash_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="fastapi"):
        python_packages(text)
    with pytest.raises(ValueError, match="integrity"):
        npm_packages(json.dumps({"packages": {"": {}, "node_modules/vue": {"version": "3"}}}))


@pytest.mark.parametrize(
    ("told", "is_weak"),
    [
        (advisory(versions=["1.3.0", "1.4.0"]), True),
        (advisory(versions=["1.3.0"]), False),
        (spans({"introduced": "0"}), True),
        (spans({"introduced": "0"}, {"fixed": "1.4.0"}), False),
        (spans({"introduced": "0"}, {"fixed": "1.4.1"}), True),
        (spans({"introduced": "1.4.0"}, {"last_affected": "1.4.0"}), True),
        (spans({"introduced": "0"}, {"last_affected": "1.3.9"}), False),
        (spans({"introduced": "0"}, {"fixed": "1.2"}, {"introduced": "1.4"}, {"fixed": "1.5"}), True),
        (spans({"introduced": "0"}, {"fixed": "1.2"}, {"introduced": "1.5"}), False),
        (spans({"introduced": "0"}) | {"withdrawn": "2026-01-01T00:00:00Z"}, False),
        (advisory(ranges=[{"type": "GIT", "events": [{"introduced": "0"}]}]), False),
    ],
)
def test_an_advisory_names_versions_or_spans(told: dict[str, Any], is_weak: bool) -> None:  # noqa: FBT001
    assert [found.advisory for found in weaknesses([OURS], [told])] == (["X-1"] if is_weak else [])


def test_what_is_weak_is_named_and_an_empty_folder_is_no_comfort(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(tmp_path) == 1
    assert "nothing was looked for" in capsys.readouterr().out
    told = spans({"introduced": "0"})
    told["affected"][0]["package"]["name"] = "fastapi"
    (tmp_path / "X-1.json").write_text(json.dumps(told))
    assert main(tmp_path) == 1
    assert "X-1 it opens the door" in capsys.readouterr().out


@pytest.mark.parametrize("unit", UNITS, ids=[unit.name for unit in UNITS])
def test_each_unit_is_shut_in(unit: Path) -> None:
    text = unit.read_text()
    missing = [line for line in (HARDENED if "Type=oneshot" in text else HARDENED_DAEMON) if line not in text]
    assert not missing


def test_containers_are_not_root_and_write_only_where_they_must() -> None:
    compose = cast("dict[str, Any]", yaml.safe_load((DEPLOY / "compose.yaml").read_text()))
    for name, service in compose["services"].items():
        if "build" in service:
            assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"]), name
            assert service["security_opt"] == ["no-new-privileges:true"], name
    recipe = (DEPLOY / "Containerfile").read_text().splitlines()
    assert "USER busense" in recipe
    assert recipe.index("USER busense") < recipe.index('ENTRYPOINT ["busense"]')
