"""Connections to the database that break in mid-run."""

from __future__ import annotations

import asyncio

import httpx
import psycopg
import pytest
from django.db import connections

from common import db
from tests.streaming import MakeThread, settled, started

pytestmark = [pytest.mark.slow, pytest.mark.timeout(30)]
BREAK = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid() AND pid <> ALL(%s)
"""


async def break_connections() -> None:
    """Break the pools' and the lease keeper's, not the one of Django's own tests."""
    kept = connections["default"].connection
    pids = [kept.info.backend_pid] if kept else []
    async with await psycopg.AsyncConnection.connect(db.conninfo(), autocommit=True) as conn:
        await conn.execute(BREAK, [pids])


async def reached_again(api: httpx.AsyncClient, path: str) -> None:
    """Wait until the pool has noticed: until then a request answers 503, and no 500."""
    async with asyncio.timeout(5):
        while (answer := await api.get(path)).status_code != 200:
            assert answer.status_code == 503, answer.text


@pytest.mark.parametrize("seconds", [0.05, 0.15, 0.25])
async def test_a_run_whose_connections_break_settles_with_what_it_has_written(
    api: httpx.AsyncClient, thread: MakeThread, seconds: float
) -> None:
    thread_id = await thread()
    await started(api, thread_id, assistant_id="sleeper", input={"seconds": 0.3})
    await asyncio.sleep(seconds)

    await break_connections()

    await reached_again(api, f"/threads/{thread_id}")
    shown = await settled(api, thread_id)
    state = (await api.get(f"/threads/{thread_id}/state")).json()
    assert shown["status"] in ("idle", "error")
    assert (shown["values"] or {}) == state["values"]
    again = {"assistant_id": "sleeper", "input": {"seconds": 0}}
    answer = await api.post(f"/threads/{thread_id}/runs/wait", json=again)
    assert answer.json()["done"] is True
