"""The echo graph in a plain program on LangGraph's stock saver: what the server is held against."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from common.embedded_postgres import USER, connection_settings, running
from tests.graphs.chat import echo

RUNS = 200
CLIENTS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    per_second: float
    cpu_ms: float
    """Of the program, per run."""


def in_process() -> Baseline:
    """Run the graph without a server, on an embedded PostgreSQL like the server's own."""
    with TemporaryDirectory() as directory, running(Path(directory)):
        named = connection_settings(Path(directory))
        place = {"host": named["HOST"], "port": named["PORT"], "dbname": named["NAME"]}
        return asyncio.run(_measure(make_conninfo(user=USER, **place)))


async def _measure(conninfo: str) -> Baseline:
    options = {"autocommit": True, "row_factory": dict_row, "prepare_threshold": 0}
    pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
        conninfo, max_size=CLIENTS, kwargs=options, open=False
    )
    async with pool:
        saver = AsyncPostgresSaver(pool)
        await saver.setup()
        graph = echo.copy({"checkpointer": saver})
        await _run(graph, CLIENTS)
        cpu, began = time.process_time(), time.perf_counter()
        await _run(graph, RUNS)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    return Baseline(per_second=RUNS / seconds, cpu_ms=cpu / RUNS * 1000)


async def _run(graph: Any, count: int) -> None:
    left = iter(range(count))

    async def work() -> None:
        for _ in left:
            config = {"configurable": {"thread_id": str(uuid4())}}
            await graph.ainvoke({"messages": [{"role": "user", "content": "hi"}]}, config)

    await asyncio.gather(*(work() for _ in range(CLIENTS)))
