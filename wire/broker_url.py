"""Where an MQTT broker listens: `mqtt://HOST[:PORT]`, `mqtts://HOST[:PORT]`."""

from typing import Final
from urllib.parse import urlsplit

_PORT_OF_SCHEME: Final = {"mqtt": 1883, "mqtts": 8883}


def host_and_port(url: str) -> tuple[str, int]:
    """Host (empty when none is named) and port, by default that of the scheme."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or _PORT_OF_SCHEME[parts.scheme]
