"""`busense serve`: the application in one process that stops even while viewers are following."""

import ipaddress
import logging
import signal
import socket
from typing import Final

import uvicorn
from typing_extensions import override

from cloud.api.app import create_app
from cloud.api.live import Hub
from cloud.config import CloudConfig
from cloud.db.migrate import check_current
from cloud.errors import UnavailableError

GRACE_S: Final = 10  # for what is not a live stream

_log = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """Ends the live streams first: they would never end by themselves."""

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        held = getattr(self.config.app.state, "resources", None)  # pyright: ignore[reportFunctionMemberAccess, reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType]
        hub: Hub | None = getattr(held, "hub", None)
        if hub is not None:
            hub.close()
        await super().shutdown(sockets)


def make_server(config: CloudConfig) -> Server:
    """Make a server that is yet to run."""
    return Server(
        uvicorn.Config(
            create_app(config),
            host=config.serve.host,
            port=config.serve.port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_S,
        )
    )


def serve(config: CloudConfig) -> None:
    """Serve until SIGINT or SIGTERM; a database that is away is waited for.

    Raises:
        ConfigError, MigrationError: saying what has to be put right.
    """
    try:
        check_current(config.database.read_url())
    except UnavailableError as error:
        _log.warning("database_away error=%s", error)
    host = config.serve.host
    if not _is_loopback(host):
        _log.warning("serve_open host=%s (there are no accounts yet: whoever reaches this address sees all)", host)
    server = make_server(config)
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn raises the signal once more when it has ended in order; that must not look like a crash.
        signal.signal(number, lambda _number, _frame: setattr(server, "should_exit", True))
    server.run()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
