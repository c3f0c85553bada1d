"""The cloud's HTTP side, as a bus reaches it."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import httpx

from edge_agent.config import AgentConfig

TIMEOUT_S: Final = 20.0


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

    def client(self) -> httpx.Client:
        verify = True if self.ca_file is None else ssl.create_default_context(cafile=self.ca_file)
        headers = {"Authorization": f"Bearer {self.secret}", "X-Busense-Device": f"{self.city}/{self.device}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=TIMEOUT_S, verify=verify)
