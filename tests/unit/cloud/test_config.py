from pathlib import Path

import pytest

from cloud.config import BrokerKind, load_config
from cloud.errors import ConfigError

GOOD = """
city = "demo"
[database]
url = "postgresql://busense:hunter2@localhost/busense"
[broker]
url = "nats://127.0.0.1:4222"
"""


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "busense.toml"
    path.write_text(GOOD)
    return path


def test_defaults_fill_what_the_file_leaves_out(written: Path) -> None:
    config = load_config(written)
    assert config.require_broker().kind is BrokerKind.JETSTREAM
    assert (config.ingest.batch_size, config.ingest.batch_ms, config.pictures.max_bytes) == (2000, 50, 4_194_304)


def test_environment_wins_over_the_file(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUSENSE_DATABASE__URL", "postgresql://elsewhere/x")
    monkeypatch.setenv("BUSENSE_INGEST__BATCH_SIZE", "7")
    config = load_config(written)
    assert config.database.read_url() == "postgresql://elsewhere/x"
    assert config.ingest.batch_size == 7


def test_file_named_by_the_environment_is_read(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUSENSE_CONFIG", str(written))
    assert load_config().city == "demo"


def test_environment_alone_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BUSENSE_CONFIG", raising=False)
    monkeypatch.setenv("BUSENSE_CITY", "demo")
    monkeypatch.setenv("BUSENSE_DATABASE__URL", "postgresql://elsewhere/x")
    with pytest.raises(ConfigError, match=r"\[broker\]"):
        load_config().require_broker()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(GOOD + "[ingest]\nbatch_size = 0", "ingest.batch_size", id="out of bounds"),
        pytest.param(GOOD + "[ingset]\nbatch_size = 1", "ingset", id="misspelt section"),
        pytest.param(
            GOOD.replace("nats://", "nats://node-1,mqtt://"), "begins with nats://", id="one node of the other kind"
        ),
        pytest.param(GOOD + '[pictures]\nurl = "file://pictures"', "pictures.url", id="no whole path"),
        pytest.param(GOOD.replace("nats:", "mqtt:"), "begins with nats://", id="scheme of the other kind"),
        pytest.param(GOOD.replace("url = ", "host = "), "database", id="no database url"),
        pytest.param("city = demo", "line 1", id="not TOML"),
        pytest.param(GOOD.replace("demo", "De Mo"), "city", id="city is no slug"),
    ],
)
def test_fault_is_named_and_no_secret_shown(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "busense.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"busense\.toml") as caught:
        load_config(path)
    assert message in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.toml"):
        load_config(tmp_path / "absent.toml")


def test_url_of_the_database_can_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://busense@localhost/busense\n")
    path = tmp_path / "busense.toml"
    path.write_text(f'city = "demo"\n[database]\nurl_file = "{tmp_path / "url"}"')
    assert load_config(path).database.read_url() == "postgresql://busense@localhost/busense"


def test_password_never_shows_in_a_repr(written: Path) -> None:
    assert "hunter2" not in repr(load_config(written))
