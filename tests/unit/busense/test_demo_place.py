import socket
import tomllib
from pathlib import Path

import pytest

from busense.demo_place import FIRST_PORT, Place, demo_place, port_of_page
from busense.errors import StartError
from cloud.config import load_config


def test_the_folder_is_gone_afterwards() -> None:
    with demo_place(None) as place:
        (place.folder / "x").write_text("x")
    assert not place.folder.exists()


def test_the_folder_is_gone_after_a_failure() -> None:
    with pytest.raises(RuntimeError), demo_place(None) as place:
        raise RuntimeError
    assert not place.folder.exists()


def test_a_folder_can_be_kept(tmp_path: Path) -> None:
    with demo_place(tmp_path / "kept") as place:
        (place.folder / "x").write_text("x")
    assert (tmp_path / "kept" / "x").exists()


def test_a_folder_with_something_in_it_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    with pytest.raises(StartError, match="not empty"), demo_place(tmp_path):
        pass


def test_secrets_are_for_their_owner_alone_and_differ(tmp_path: Path) -> None:
    place = Place(folder=tmp_path)
    secrets = place.make_secrets(["bus-1", "bus-2"])
    assert secrets["bus-1"] != secrets["bus-2"]
    assert (place.secrets / "bus-1.secret").read_text() == secrets["bus-1"]
    assert all(path.stat().st_mode & 0o077 == 0 for path in place.secrets.iterdir())


def test_the_cloud_can_read_its_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BUSENSE_CONFIG", raising=False)
    place = Place(folder=tmp_path)
    place.make_secrets([])
    place.write_config(database_url="postgresql://u:p%20w@127.0.0.1:1/d", broker_url="nats://127.0.0.1:2", port=8081)
    config = load_config(place.config)
    assert config.serve.port == 8081
    assert config.database.read_url().endswith("/d")
    assert config.require_broker().read_password() == place.cloud_password_file.read_text()
    assert tomllib.loads(place.config.read_text())["city"] == "demo"
    assert place.config.stat().st_mode & 0o077 == 0


def test_a_taken_port_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=str(port)), port_of_page(port):
            pass


def test_two_demos_that_begin_together_choose_two_ports() -> None:
    with port_of_page(None) as first, port_of_page(None) as second:
        assert FIRST_PORT <= first < second
        with pytest.raises(StartError, match=str(first)), port_of_page(first):
            pass
    with port_of_page(first) as again:
        assert again == first
