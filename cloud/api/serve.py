"""`busense serve`: the application in one process that stops even while viewers are following."""

import gc
import logging
import signal
import socket
from datetime import UTC, datetime
from typing import Final

import uvicorn
from typing_extensions import override

from cloud.api.app import create_app
from cloud.api.live import Hub
from cloud.api.patience import PatientProtocol
from cloud.config import CloudConfig
from cloud.db.migrate import check_current
from cloud.db.pool import connect
from cloud.errors import UnavailableError
from cloud.people.first import first_link
from telemetry.server import Needs, is_loopback, telling

GRACE_S: Final = 10  # for what is not a live stream
MAX_CONNECTIONS: Final = 2_000

_log = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """Ends the live streams first: they would never end by themselves; says when it listens."""

    def __init__(self, config: uvicorn.Config, needs: Needs) -> None:
        super().__init__(config)
        self._needs = needs
        needs.lack("pages", "the server does not listen yet")

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._needs.have("pages")

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        held = getattr(self.config.app.state, "resources", None)  # pyright: ignore[reportFunctionMemberAccess, reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType]
        hub: Hub | None = getattr(held, "hub", None)
        if hub is not None:
            hub.close()
        await super().shutdown(sockets)


def make_server(config: CloudConfig, needs: Needs | None = None) -> Server:
    """Make a server that is yet to run; it tells `needs` what it lacks."""
    needs = needs or Needs()
    return Server(
        uvicorn.Config(
            create_app(config, needs=needs),
            host=config.serve.host,
            port=config.serve.port,
            log_config=None,
            access_log=False,
            server_header=False,
            http=PatientProtocol,
            limit_concurrency=MAX_CONNECTIONS,
            proxy_headers=bool(config.serve.proxies),
            forwarded_allow_ips=list(config.serve.proxies),
            timeout_graceful_shutdown=GRACE_S,
        ),
        needs,
    )


def _welcome_first(config: CloudConfig) -> None:
    """As long as nobody can sign in as administrator, each start draws a link by which one sets a password."""
    if config.serve.demo:
        return
    with connect(config.database.read_url()) as connection:
        link = first_link(connection, at=datetime.now(UTC))
    if link is not None:
        # Whoever reads this log could have read the database's password too.
        _log.warning("first_administrator open %s/welcome#%s within a day", config.serve.origin, link)


def serve(config: CloudConfig) -> None:
    """Serve until SIGINT or SIGTERM; a database that is away is waited for.

    Raises:
        ConfigError, MigrationError: saying what has to be put right.
    """
    try:
        check_current(config.database.read_url())
    except UnavailableError as error:
        _log.warning("database_away error=%s", error)
    else:
        _welcome_first(config)
    if not (is_loopback(config.serve.host) or config.serve.origin.startswith("https://")):
        _log.warning(
            "serve_plain host=%s (passwords cross the network in the clear: set public_url)", config.serve.host
        )
    needs = Needs()
    server = make_server(config, needs)
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn raises the signal once more when it has ended in order; that must not look like a crash.
        signal.signal(number, lambda _number, _frame: setattr(server, "should_exit", True))
    gc.freeze()  # what was loaded stays: to look through it now and then holds up a request for a tenth of a second
    # On a port of its own: what an operator may know is not for everybody who reaches the pages.
    with telling(config.telemetry.serve, process="serve", missing=needs.missing):
        server.run()
