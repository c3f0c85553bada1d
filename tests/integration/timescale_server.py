"""A real TimescaleDB: the one that BUSENSE_TIMESCALE_URL names, else one in WebAssembly that Node runs."""

import os
import secrets
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from busense.local.processes import Program, accepts_connections, ending_with_us, free_port
from deploy.build_dashboard import Node, environment, find_node

FOLDER = Path(__file__).parents[1] / "timescale"
INSTALL_S = 60

_TABLES: Final = """
SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
WHERE schemaname IN ('public', 'inventory') AND tablename <> 'schema_migrations'
"""
_SUMS: Final = "SELECT format('%I.%I', view_schema, view_name) FROM timescaledb_information.continuous_aggregates"


@contextmanager
def timescale() -> Generator[str]:
    """URL of an empty database; skips the tests when there is none to be had."""
    named = os.environ.get("BUSENSE_TIMESCALE_URL")
    if named:
        yield from _database_of(named)
        return
    node = find_node()
    _install(node)
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="busense-timescale-") as scratch:
        command = ending_with_us([str(node.node), str(FOLDER / "server.mjs"), str(port)])
        program = Program("TimescaleDB", command, log=Path(scratch) / "server.log")
        program.start()
        try:
            program.wait_until(lambda: accepts_connections(port), timeout_s=INSTALL_S)
            yield f"postgresql://postgres:postgres@127.0.0.1:{port}/postgres?sslmode=disable"
        finally:
            program.stop()


@contextmanager
def emptied(url: str) -> Generator[str]:
    """The same database, without rows afterwards: a copy for each test is not to be had in WebAssembly."""
    try:
        yield url
    finally:
        with psycopg.connect(url) as connection:
            names = [name for question in (_TABLES, _SUMS) for (name,) in connection.execute(question).fetchall()]
            connection.execute(sql.SQL(f"TRUNCATE {', '.join(names)} RESTART IDENTITY CASCADE"))


def _database_of(server: str) -> Generator[str]:
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield make_conninfo(server, dbname=name)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _install(node: Node) -> None:
    """Install what package-lock.json names, once."""
    if (FOLDER / "node_modules" / "@unni-craftsman").exists():
        return
    with tempfile.TemporaryDirectory(prefix="busense-npm-") as scratch:
        command = [*node.npm, "ci", "--loglevel=error", "--no-progress"]
        try:
            variables = environment(node, Path(scratch))
            subprocess.run(command, cwd=FOLDER, env=variables, check=True, capture_output=True, timeout=INSTALL_S)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            pytest.skip(
                "npm cannot install TimescaleDB: skipped what compares it (or name one by BUSENSE_TIMESCALE_URL)"
            )
