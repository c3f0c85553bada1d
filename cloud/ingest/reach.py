"""Ask a broker whether it lets us in, without taking a message from it."""

import ssl
import threading
from typing import Final

from nats.aio.client import Client
from nats.errors import Error as NatsError
from paho.mqtt import client as mqtt
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from cloud.config import BrokerConfig, BrokerKind
from cloud.errors import UnavailableError
from cloud.mqtt import address_of, make_client

_TIMEOUT_S: Final = 5


async def reach_broker(broker: BrokerConfig) -> None:
    """Connect and leave again.

    Raises:
        UnavailableError: it is not there, or refuses us.
        ConfigError: the password's file cannot be read.
    """
    match broker.kind:
        case BrokerKind.JETSTREAM:
            await _reach_nats(broker)
        case BrokerKind.MQTT:
            _reach_mqtt(broker)


async def _reach_nats(broker: BrokerConfig) -> None:
    tls = ssl.create_default_context(cafile=broker.ca_file) if broker.ca_file is not None else None
    client = Client()
    try:
        await client.connect(  # pyright: ignore[reportUnknownMemberType]
            broker.url,
            user=broker.user,
            password=broker.read_password(),
            tls=tls,
            allow_reconnect=False,
            connect_timeout=_TIMEOUT_S,
            error_cb=_ignore,
        )
    except (OSError, NatsError) as error:
        raise UnavailableError(f"{broker.url} does not let user {broker.user!r} in: {error}") from error
    finally:
        await client.close()  # a refused client too holds its socket until then


async def _ignore(_error: Exception) -> None:
    """The error is raised too."""


def _reach_mqtt(broker: BrokerConfig) -> None:
    answered = threading.Event()
    answers: list[ReasonCode] = []

    def note(
        _client: mqtt.Client, _data: object, _flags: mqtt.ConnectFlags, code: ReasonCode, _properties: Properties | None
    ) -> None:
        answers.append(code)
        answered.set()

    client = make_client(broker)
    client.on_connect = note
    try:
        client.connect(*address_of(broker))
    except OSError as error:
        raise UnavailableError(f"{broker.url} cannot be reached: {error}") from error
    client.loop_start()
    answered.wait(_TIMEOUT_S)
    client.disconnect()
    client.loop_stop()
    if not answers or answers[0].is_failure:
        raise UnavailableError(f"{broker.url} does not let user {broker.user!r} in: {answers or 'no answer'}")
