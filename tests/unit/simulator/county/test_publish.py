import paho.mqtt.client as mqtt
import pytest

from simulator.county.publish import Publisher
from simulator.errors import PublishError


@pytest.mark.parametrize(("url", "port"), [("mqtt://there", 1883), ("mqtts://there", 8883), ("mqtts://there:99", 99)])
def test_without_a_port_the_usual_one_is_asked(monkeypatch: pytest.MonkeyPatch, url: str, port: int) -> None:
    asked: list[tuple[str, int]] = []

    def connect(_client: mqtt.Client, host: str, port: int) -> None:
        asked.append((host, port))
        raise ConnectionRefusedError

    monkeypatch.setattr(mqtt.Client, "connect", connect)
    with pytest.raises(PublishError):
        Publisher(url)
    assert asked == [("there", port)]


@pytest.mark.parametrize("url", ["there:1883", "http://there", "mqtt://there:99999", "mqtt://"])
def test_what_is_no_address_of_a_broker_is_told(url: str) -> None:
    with pytest.raises(PublishError, match=r"mqtt://host:port"):
        Publisher(url)
