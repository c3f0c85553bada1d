"""Another program that is told of cases by webhook, and remembers every id."""

import base64
import contextlib
import json
import secrets
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import UUID

from typing_extensions import override

from cloud.cases.model import Action


class Receiver:
    """What was heard."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.heard: list[UUID] = []

    def write_targets(self, folder: Path, *, url: str) -> Path:
        """Write a notification file that tells this receiver of everything, by way of an address before it."""
        secret = folder / "webhook.secret"
        secret.touch(mode=0o600)
        secret.write_text(f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}")
        file = folder / "notify.toml"
        actions = [action.value for action in Action]
        values = {"key": "chaos", "url": url, "secret_file": str(secret), "actions": actions}
        file.write_text("[[webhooks]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items()))
        return file


@contextmanager
def receiving() -> Generator[Receiver]:
    """Listen on a free port of the loopback address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            receiver.heard.append(UUID(self.headers["webhook-id"]))
            with contextlib.suppress(ConnectionError):  # who told it may have been killed since
                self.send_response(204)
                self.end_headers()

        @override
        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}/")
    thread = threading.Thread(target=server.serve_forever, name="receiver", daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
