"""A client of the MQTT broker that the configuration names: who we are to it, and TLS."""

import ssl
from typing import Final

from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from cloud.config import BrokerConfig
from wire.broker_url import host_and_port

_LONGEST_WAIT_S: Final = 10


def make_client(
    broker: BrokerConfig, *, client_id: str = "", is_remembered: bool = False, manual_ack: bool = False
) -> Client:
    """Make a client that is not connected yet; the broker keeps for it what comes while it is away, if remembered.

    Raises:
        ConfigError: the password's file cannot be read.
    """
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=not is_remembered,
        protocol=MQTTv311,
        manual_ack=manual_ack,
    )
    client.reconnect_delay_set(min_delay=1, max_delay=_LONGEST_WAIT_S)
    if broker.user is not None:
        client.username_pw_set(broker.user, broker.read_password())
    if broker.url.startswith("mqtts://"):
        context = ssl.create_default_context(cafile=broker.ca_file)
        client.tls_set_context(context)  # pyright: ignore[reportUnknownMemberType] - paho does not type it
    return client


def address_of(broker: BrokerConfig) -> tuple[str, int]:
    """Host and port."""
    host, port = host_and_port(broker.url)
    return host or "127.0.0.1", port
