"""Clusters as an older PostgreSQL has left them, made by the older one of the wheel's two."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from common.embedded_postgres import socket_dir
from common.postgres_server import PORT, USER, PostgresServer, as_ordinary_user, program

OLD_MAJOR = "16"


def make_old_cluster(data_dir: Path) -> None:
    data_dir.mkdir(parents=True, exist_ok=True)
    arguments = [f"--pgdata={data_dir / 'cluster'}", f"--username={USER}", "--auth=trust"]
    arguments += ["--encoding=UTF8", "--locale=C", "--no-instructions"]
    command = [*as_ordinary_user(), program("initdb", OLD_MAJOR), *arguments]
    subprocess.run(command, capture_output=True, check=True)


@contextmanager
def old_server(data_dir: Path) -> Iterator[Path]:
    """Run the old cluster as its embedded server would; give the directory of its socket."""
    socket = socket_dir(data_dir)
    server = PostgresServer(data_dir, socket, OLD_MAJOR)
    server.start()
    try:
        yield socket
    finally:
        server.stop()


def asked(socket: Path, *statements: str, database: str = "aegra") -> list[tuple[Any, ...]]:
    """Execute statements in turn, and return what the last one gives."""
    with psycopg.connect(
        host=str(socket), port=PORT, user=USER, dbname=database, autocommit=True
    ) as conn:
        done = [conn.execute(statement) for statement in statements]
        return done[-1].fetchall() if done[-1].description else []
