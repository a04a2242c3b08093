"""The same graphs in a plain program, without a server: what the server is held against."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import uvloop
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from benchmarks.load import Sample
from benchmarks.scenarios import (
    CROWD,
    SLOW_TOKEN_SECONDS,
    SLOW_TOKENS,
    SUPERSTEPS,
    TOKENS,
    said,
    speaking,
)
from common.embedded_postgres import USER, connection_settings, running
from tests.graphs.chat import echo, tokens
from tests.graphs.work import steps

CONNECTIONS = 16
SAVERS = ("stock", "memory")
# Where the bounds were set, an echo on the saver in memory took 1.0 to 1.5 ms of CPU.
PACE_MS = 1.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """A graph that is run so often, so many at once."""

    graph: Any
    input: dict[str, Any]
    runs: int
    per: int = 1
    at_once: Sequence[int] = (1, 16)

    async def run(self, graph: Any) -> None:
        """Run it once on a new thread, and check what comes of it."""
        config = {"configurable": {"thread_id": str(uuid4())}}
        if self.per == 1:
            values = await graph.ainvoke(self.input, config)
            assert values.get("count") == SUPERSTEPS or len(values["messages"]) == 2, values
            return
        parts = graph.astream(self.input, config, stream_mode="messages")
        heard = [token.content async for token, _ in parts]
        assert heard == [f"t{number} " for number in range(self.per)], heard


GRAPHS = {
    "echo": Plain(graph=echo, input=said("hi")["input"], runs=160),
    "steps": Plain(graph=steps, input={}, runs=48),
    "tokens": Plain(graph=tokens, input=speaking()["input"], runs=32, per=TOKENS),
    "slow tokens": Plain(
        graph=tokens,
        input=speaking(SLOW_TOKENS, SLOW_TOKEN_SECONDS)["input"],
        runs=CROWD,
        per=SLOW_TOKENS,
        at_once=(CROWD,),
    ),
}

# Run between two rows, and told of both: half a second of it says little.
PACE = replace(GRAPHS["echo"], runs=400)

Floor = dict[tuple[str, str, int], Sample]
"""By graph, saver, and how many ran at once; tokens are counted by the token."""


def measure(names: set[str]) -> Floor:
    """Run the graphs of these names on each saver, on an embedded PostgreSQL of its own."""
    with TemporaryDirectory() as directory, running(Path(directory)):
        named = connection_settings(Path(directory))
        place = {"host": named["HOST"], "port": named["PORT"], "dbname": named["NAME"]}
        # On the loop that graphs have in the server.
        return uvloop.run(_measure(make_conninfo(user=USER, **place), sorted(names)))


async def _measure(conninfo: str, names: list[str]) -> Floor:
    async with _stock(conninfo) as stock:
        savers = {"stock": stock, "memory": InMemorySaver()}
        return {
            (name, saver, at_once): await _sample(GRAPHS[name], savers[saver], at_once)
            for name in names
            for saver in SAVERS
            for at_once in GRAPHS[name].at_once
        }


async def slowness() -> float:
    """Return how many times as long as where the bounds were set a plain program takes just now.

    No less than 1: on a faster machine the bounds are what they are.
    """
    seen = await _sample(PACE, InMemorySaver(), 1)
    return max(1.0, seen.figures()["CPU ms"] / PACE_MS)


@asynccontextmanager
async def _stock(conninfo: str) -> AsyncIterator[AsyncPostgresSaver]:
    options = {"autocommit": True, "row_factory": dict_row, "prepare_threshold": 0}
    pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
        conninfo, max_size=CONNECTIONS, kwargs=options, open=False
    )
    async with pool:
        saver = AsyncPostgresSaver(pool)
        await saver.setup()
        yield saver


async def _sample(plain: Plain, saver: Any, at_once: int) -> Sample:
    graph = plain.graph.copy({"checkpointer": saver})
    await _run(plain, graph, min(at_once, CONNECTIONS), at_once)
    cpu, began = time.process_time(), time.perf_counter()
    took = await _run(plain, graph, plain.runs, at_once)
    return Sample(
        took=took,
        seconds=time.perf_counter() - began,
        count=plain.runs * plain.per,
        cpu_seconds=time.process_time() - cpu,
    )


async def _run(plain: Plain, graph: Any, runs: int, at_once: int) -> list[float]:
    left, took = iter(range(runs)), []

    async def work() -> None:
        for _ in left:
            began = time.perf_counter()
            await plain.run(graph)
            took.append(time.perf_counter() - began)

    await asyncio.gather(*(work() for _ in range(at_once)))
    return took
