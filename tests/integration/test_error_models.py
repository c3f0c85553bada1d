"""Measured errors of models are in the database: real database."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cloud.cli import catalogue
from cloud.db.pool import connect
from cloud.findings.error_models import read_rate_book, register, register_shipped
from tests.unit.wire.error_model_sample import error_model_document
from wire.errors import ErrorModelError

AT = datetime(2026, 11, 24, tzinfo=UTC)
Register = Callable[[dict[str, Any]], Result]


@pytest.fixture
def register_file(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Register:
    """Run `busense catalogue errors` on a document."""
    monkeypatch.setenv("BUSENSE_CITY", "testcity")
    monkeypatch.setenv("BUSENSE_DATABASE__URL", database)
    monkeypatch.setenv("BUSENSE_PICTURES__URL", (tmp_path / "store").as_uri())

    def run(document: dict[str, Any]) -> Result:
        file = tmp_path / "error_model.json"
        file.write_text(json.dumps(document))
        return CliRunner().invoke(catalogue, ["errors", str(file)])

    return run


def test_shipped_model_is_registered_once(database: str) -> None:
    with connect(database) as connection:
        model = register_shipped(connection, at=AT)

        assert model is not None
        assert not register(connection, model, at=AT)
        assert read_rate_book(connection).models == {(model.model.name, model.model.version): model}


def test_command_registers_once_and_says_so(database: str, register_file: Register) -> None:
    assert register_file(error_model_document()).output == "road_damage 0.2.0: registered\n"
    assert register_file(error_model_document()).output == "road_damage 0.2.0: is registered already\n"
    with connect(database) as connection:
        assert set(read_rate_book(connection).models) == {("road_damage", "0.2.0")}


def test_command_replaces_what_was_measured_again(database: str, register_file: Register) -> None:
    register_file(error_model_document())

    assert "registered\n" in register_file(error_model_document() | {"threshold": 0.4}).output
    with connect(database) as connection:
        assert read_rate_book(connection).models["road_damage", "0.2.0"].threshold == 0.4


def test_command_refuses_what_is_not_complete(database: str, register_file: Register) -> None:
    result = register_file(error_model_document() | {"hit": []})

    assert isinstance(result.exception, ErrorModelError)
    with connect(database) as connection:
        assert read_rate_book(connection).models == {}
