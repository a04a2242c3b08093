"""Processes that hold a share of an embedded server, and questions to it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from common.embedded_postgres import connection_settings
from common.tests.processes import spawned

# Holds a share until its input ends.
HOLD = """
import sys
from pathlib import Path
from common.embedded_postgres import EmbeddedPostgresError, running
try:
    with running(Path(sys.argv[1])):
        print("held", flush=True)
        sys.stdin.read()
except EmbeddedPostgresError as exc:
    sys.exit(str(exc))
"""


@contextmanager
def holder(
    data_dir: Path, *, as_ordinary_user: bool = False, **env: str
) -> Iterator[subprocess.Popen[str]]:
    arguments = ["-c", HOLD, str(data_dir)]
    with spawned(
        arguments, env={**os.environ, **env}, as_ordinary_user=as_ordinary_user
    ) as process:
        yield process


def held(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    if process.stdout.readline() != "held\n":
        raise AssertionError(process.communicate()[1])


def let_go(process: subprocess.Popen[str]) -> None:
    _, told = process.communicate(timeout=30)
    assert (process.returncode, told) == (0, "")


def refusal(process: subprocess.Popen[str]) -> str:
    """Return the one line by which a server was refused."""
    _, told = process.communicate(timeout=30)
    assert process.returncode == 1
    assert told.count("\n") == 1
    return told


def ask(data_dir: Path, query: str) -> object:
    place = connection_settings(data_dir)
    with psycopg.connect(
        dbname=place["NAME"],
        user=place["USER"],
        host=place["HOST"],
        port=place["PORT"],
        autocommit=True,
    ) as conn:
        cursor = conn.execute(query.encode())
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def answers(data_dir: Path) -> bool:
    try:
        return ask(data_dir, "SELECT 1") == 1
    except psycopg.OperationalError:
        return False
