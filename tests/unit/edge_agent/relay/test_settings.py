from pathlib import Path

import pytest

from edge_agent.config import load_relay_config
from edge_agent.errors import ConfigurationError
from edge_agent.relay.relay import Relay

SETTINGS = """
[identity]
city = "cangnan"
device = "stop-7"
secret_file = "secret"
[broker]
url = "mqtts://broker:8883"
ca_file = "ca.pem"
[stop]
url = "mqtt://127.0.0.1:1883"
user = "relay"
password_file = "secret"
"""


def test_authorities_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hush")
    (tmp_path / "ca.pem").write_text("no certificate")
    (tmp_path / "relay.toml").write_text(SETTINGS)
    with pytest.raises(ConfigurationError, match=r"ca\.pem"):
        Relay(load_relay_config(tmp_path / "relay.toml"))
