"""Servers as a user starts them: a process, a port, a data directory, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import httpx
import psycopg
from psycopg import sql

from common.tests.processes import ROOT, nothing_left, wait_until

COMMANDS = {
    "serve": ["serve", "--port"],
    "runserver": ["runserver", "--noreload"],
    "reloading": ["runserver"],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    url: str
    log: Path
    """What the server wrote to its terminal."""


@contextmanager
def serving(command: str, *, config: Path, database_url: str = "", **env: str) -> Iterator[Server]:
    """Serve by one of COMMANDS; fails when the server does not end well and leave nothing.

    Without `database_url` the server brings its own PostgreSQL.
    """
    with TemporaryDirectory(prefix="e2e") as name, nothing_left(Path(name)):
        directory, port = Path(name), free_port()
        log = directory / "log"
        settings = {
            "AEGRA_CONFIG": str(config),
            "AEGRA_DATA_DIR": str(directory / "data"),
            "DATABASE_URL": database_url,
            "SCRIPTED_MODEL_TOKEN_DELAY_MS": "2",
            "LOG_LEVEL": "WARNING",
        }
        arguments = [*COMMANDS[command], str(port)]
        with started(arguments, {**os.environ, **settings, **env}, log) as process:
            url = f"http://127.0.0.1:{port}"
            wait_until(lambda: process.poll() is not None or answers(url), seconds=90)
            assert process.poll() is None, log.read_text()
            yield Server(url=url, log=log)
        assert " ERROR " not in log.read_text(), log.read_text()


@contextmanager
def started(
    arguments: list[str], env: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `manage.py` in a session of its own; SIGTERM ends it, as it ends a container."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        status = process.wait(30)
        assert status == 0, f"ended with {status}:\n{log.read_text()}"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def answers(url: str) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"{url}/ok").is_success
    return False


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def every_graph(directory: Path) -> Path:
    """Write a project of the repository's examples and the suites' graphs; return its path."""
    graphs: dict[str, object] = {}
    for config in (ROOT / "tests/graphs/langgraph.json", ROOT / "langgraph.json"):
        for graph_id, spec in json.loads(config.read_text())["graphs"].items():
            entry = {"path": spec} if isinstance(spec, str) else spec
            graphs[graph_id] = {**entry, "path": str(config.parent / entry["path"])}
    project = directory / "langgraph.json"
    project.write_text(json.dumps({"dependencies": [str(ROOT)], "graphs": graphs}))
    return project


@contextmanager
def own_database(server_url: str) -> Iterator[str]:
    """Make a database on a PostgreSQL server and drop it afterwards; no server, no database."""
    if not server_url:
        yield ""
        return
    name = f"e2e_{uuid4().hex}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield f"{server_url.rpartition('/')[0]}/{name}"
        connection.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))
