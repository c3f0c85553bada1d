"""The cloud's HTTP side, as a bus reaches it."""

import logging
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import httpx

from edge_agent.config import AgentConfig

log = logging.getLogger(__name__)

TIMEOUT_S: Final = 20.0
UNREADABLE_WAIT_S: Final = 60.0  # until a file that cannot be read is tried again


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudAddress:
    """Where it is and who we are to it."""

    url: str
    city: str
    device: str
    secret: str
    ca_file: Path | None = None

    @classmethod
    def of(cls, config: AgentConfig) -> Self:
        """As a configuration has it.

        Raises:
            ConfigurationError: the secret cannot be read.
        """
        identity, cloud = config.identity, config.cloud
        return cls(
            url=cloud.url,
            city=identity.city,
            device=identity.device,
            secret=identity.secret(),
            ca_file=cloud.ca_file,
        )

    def client_once_readable(self, stop: threading.Event) -> httpx.Client | None:
        """A client as soon as the file of authorities can be read; None when told to stop before."""
        while not stop.is_set():
            try:
                return self.client()
            except OSError as error:
                log.error("cloud_unreachable ca_file=%s error=%s", self.ca_file, error)  # noqa: TRY400 - no trace needed
                stop.wait(UNREADABLE_WAIT_S)
        return None

    def client(self) -> httpx.Client:
        """A client to talk to it with.

        Raises:
            OSError: the file of authorities cannot be read.
        """
        verify = True if self.ca_file is None else ssl.create_default_context(cafile=self.ca_file)
        headers = {"Authorization": f"Bearer {self.secret}", "X-Busense-Device": f"{self.city}/{self.device}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=TIMEOUT_S, verify=verify)
