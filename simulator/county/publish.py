"""Publishing messages of many buses over one connection, as fast or as slowly as wished."""

import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from simulator.county.messages import Sent
from simulator.errors import PublishError
from wire.broker_url import host_and_port

CONNECTED_WITHIN_S: Final = 10.0
ACKNOWLEDGED_WITHIN_S: Final = 30.0
IN_FLIGHT: Final = 200
WAITING: Final = 2000  # messages handed over and not acknowledged; more wait with us
AS_FAST_AS_IT_GOES: Final = 0.0


class Publisher:
    """A connection that may write for all these buses; messages are acknowledged (QoS 1)."""

    def __init__(self, url: str, *, user: str | None = None, password: str | None = None) -> None:
        """Connect to `mqtt://host:port` or `mqtts://host:port`.

        Raises:
            PublishError: the broker cannot be reached or refuses.
        """
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
        if user is not None:
            self._client.username_pw_set(user, password)
        self._client.max_inflight_messages_set(IN_FLIGHT)
        self._client.max_queued_messages_set(0)
        self._answered = threading.Event()
        self._refused: str | None = None
        self._room = threading.Semaphore(WAITING)
        self._client.on_connect = self._connected
        self._client.on_publish = self._acknowledged
        try:
            if urlsplit(url).scheme == "mqtts":
                self._client.tls_set()  # pyright: ignore[reportUnknownMemberType]
            self._client.connect(*host_and_port(url))
        except (KeyError, ValueError) as error:
            raise PublishError(f"{url}: mqtt://host:port or mqtts://host:port is expected") from error
        except OSError as error:
            raise PublishError(f"{url} cannot be reached: {error}") from error
        self._client.loop_start()
        is_answered = self._answered.wait(CONNECTED_WITHIN_S)
        if not is_answered or self._refused is not None:
            self._client.loop_stop()
            raise PublishError(f"{url} refuses: {self._refused or 'no answer'}")

    def publish(self, sent: Sent) -> None:
        """Hand one message over; waits while too many are not acknowledged.

        Raises:
            PublishError: the broker acknowledges nothing any more, or the message has no topic.
        """
        if not self._room.acquire(timeout=ACKNOWLEDGED_WITHIN_S):
            raise PublishError("the broker acknowledges nothing any more")
        try:
            self._client.publish(sent.topic, sent.payload, qos=1)
        except ValueError as error:
            self._room.release()
            raise PublishError(f"nothing can be published as {sent.topic!r}: {error}") from error

    def close(self) -> None:
        """Wait until all is acknowledged, and leave.

        Raises:
            PublishError: not all was.
        """
        until_s = time.monotonic() + ACKNOWLEDGED_WITHIN_S
        missing = sum(not self._room.acquire(timeout=max(0.0, until_s - time.monotonic())) for _ in range(WAITING))
        self._client.disconnect()
        self._client.loop_stop()
        if missing:
            raise PublishError(f"{missing} messages were not acknowledged")

    def _connected(
        self, _client: mqtt.Client, _data: object, _flags: mqtt.ConnectFlags, reason: ReasonCode, _more: object
    ) -> None:
        self._refused = str(reason) if reason.is_failure else None
        self._answered.set()

    def _acknowledged(self, *_: object) -> None:
        self._room.release()


def in_time(
    messages: Iterable[Sent],
    publish: Callable[[Sent], None],
    *,
    rate: float,
    begins_at: datetime | None = None,
    now_s: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> int:
    """Publish each message when it is due; returns how many.

    Args:
        messages: in order of time.
        publish: is given each.
        rate: how many times faster than they were made; `AS_FAST_AS_IT_GOES` waits for nothing.
        begins_at: time of messages that are due at once; without it the first is.
        now_s: clock.
        sleep: waits so many seconds.
    """
    count = 0
    began_s, first = now_s(), begins_at
    for sent in messages:
        first = first or sent.at
        if rate > AS_FAST_AS_IT_GOES:
            wait_s = began_s + (sent.at - first).total_seconds() / rate - now_s()
            if wait_s > 0:
                sleep(wait_s)
        publish(sent)
        count += 1
    return count
