"""A pooler in transaction mode between the server and PostgreSQL."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from common.tests.processes import wait_until
from common.tests.servers import free_port, manage, the_line_of
from tests.faults.cluster import Cluster

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(
        not (shutil.which("pgbouncer") and os.environ.get("TEST_DATABASE_URL")),
        reason="needs pgbouncer, and the PostgreSQL of TEST_DATABASE_URL",
    ),
]

BODY = {"assistant_id": "echo", "input": {"messages": [{"role": "user", "content": "hi"}]}}


@contextmanager
def pooling(database_url: str, place: Path) -> Iterator[str]:
    """Run PgBouncer, with fewer connections than one process has, and return its URL."""
    named = conninfo_to_dict(database_url)
    database, port = named["dbname"], free_port()
    place.mkdir()
    (place / "pgbouncer.ini").write_text(f"""
[databases]
{database} = host={named["host"]} port={named["port"]} dbname={database} user={named["user"]}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
auth_type = any
pool_mode = transaction
default_pool_size = 3
max_client_conn = 200
unix_socket_dir =
""")
    # It refuses root.
    place.chmod(0o755)
    arguments = ["-u", "nobody"] if os.getuid() == 0 else []
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(
            ["pgbouncer", *arguments, "pgbouncer.ini"], cwd=place, stdout=log, stderr=log
        )
    url = f"postgres://{named['user']}@127.0.0.1:{port}/{database}"
    try:
        wait_until(lambda: answers(url))
        yield url
    finally:
        process.kill()
        process.wait()


def answers(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.fixture
def pooler(cluster: Cluster, tmp_path: Path) -> Iterator[str]:
    with pooling(cluster.database_url, tmp_path / "pooler") as url:
        yield url


async def test_many_runs_at_once_end_well_behind_a_pooler(cluster: Cluster, pooler: str) -> None:
    given = {"DATABASE_URL": pooler, "DATABASE_DIRECT_URL": cluster.database_url}
    server = cluster.started("both", "serve", **given)
    cluster.started("worker", "worker", **given)

    async with httpx.AsyncClient(base_url=server.url, timeout=60) as api:
        answered = await asyncio.gather(*(api.post("/runs/wait", json=BODY) for _ in range(60)))
        streamed = await api.post("/runs/stream", json={**BODY, "stream_mode": "values"})

    assert {answer.status_code for answer in answered} == {200}
    assert all(answer.json()["messages"][-1]["content"] == "hi" for answer in answered)
    assert "event: error" not in streamed.text
    assert "Traceback" not in cluster.said("both") + cluster.said("worker")


def test_a_pooler_that_nothing_leads_past_is_refused(
    cluster: Cluster, pooler: str, tmp_path: Path
) -> None:
    line = the_line_of(manage(tmp_path, "startup", DATABASE_URL=pooler))

    assert "A pooler stands between this server and PostgreSQL" in line
    assert "DATABASE_DIRECT_URL" in line
