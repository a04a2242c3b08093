"""Several processes that remove what has expired at once: nothing twice, and nothing else."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest

from common.embedded_postgres import connection_settings
from common.tests.prepared import prepare
from common.tests.processes import wait_until
from common.tests.servers import LiveServer, manage, serving, traceless
from tests.expired_threads import filling

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

THREADS = 3000
LEFT = """
SELECT status, count(*), sum((SELECT count(*) FROM checkpoints c
                               WHERE c.thread_id = thread.thread_id::text))
  FROM thread WHERE metadata @> '{"expired": true}' GROUP BY status
"""
# Of a hundred, one is busy and one waits; 49 keep their newest checkpoint, 49 go.
BUSY = WAITING = THREADS // 100
KEPT = THREADS // 2 - WAITING
GONE = THREADS // 2 - BUSY
AFTERWARDS = {
    "busy": (BUSY, BUSY * 5),
    "interrupted": (WAITING, WAITING * 5),
    "idle": (KEPT, KEPT),
}


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[list[LiveServer]]:
    """Two servers on one database, which sweep each minute."""
    sweeping = json.dumps({"ttl": {"sweep_interval_minutes": 1}})
    with traceless(prepare(tmp_path)), ExitStack() as stack:
        yield [
            stack.enter_context(
                serving(tmp_path, LANGGRAPH_CHECKPOINTER=sweeping, LOG_FORMAT="json")
            )
            for _ in range(2)
        ]


def connected(place: Path) -> psycopg.Connection[Any]:
    named = connection_settings(place / "data" / "postgres")
    return psycopg.connect(
        dbname=named["NAME"],
        user=named["USER"],
        host=named["HOST"],
        port=named["PORT"],
        autocommit=True,
    )


def fill(place: Path) -> None:
    with connected(place) as connection, connection.transaction():
        for statement in filling(THREADS):
            connection.execute(statement.encode())


def left(place: Path) -> dict[str, tuple[int, int]]:
    with connected(place) as connection:
        rows = connection.execute(LEFT).fetchall()
    return {status: (int(threads), int(checkpoints)) for status, threads, checkpoints in rows}


def told(finished: subprocess.CompletedProcess[str]) -> dict[str, int]:
    assert finished.returncode == 0, finished.stderr
    figures = re.findall(r"^  (\w+) +([\d,]+) ", finished.stdout, re.MULTILINE)
    return {kind: int(number.replace(",", "")) for kind, number in figures}


def test_processes_that_prune_at_once_do_nothing_twice(
    tmp_path: Path, servers: list[LiveServer]
) -> None:
    fill(tmp_path)

    with ThreadPoolExecutor() as pool:
        finished = list(pool.map(lambda _: told(manage(tmp_path, "prune")), range(3)))

    assert left(tmp_path) == AFTERWARDS
    by_hand = sum(found.get("threads", 0) for found in finished)
    # A server may have had its turn meanwhile.
    wait_until(lambda: by_hand + swept(servers[0]) == GONE)


def test_two_servers_sweep_by_themselves(tmp_path: Path, servers: list[LiveServer]) -> None:
    fill(tmp_path)

    wait_until(lambda: left(tmp_path) == AFTERWARDS, seconds=150)

    wait_until(lambda: swept(servers[0]) == GONE)
    assert '"level":"error"' not in servers[0].said()


def swept(server: LiveServer) -> int:
    """Return how many threads the servers say that they have deleted; they share a log."""
    lines = [json.loads(line) for line in server.said().splitlines() if line.startswith("{")]
    return sum(line["threads"] for line in lines if line["event"] == "threads swept")
