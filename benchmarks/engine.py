"""Runs and the processes that execute them: how soon, how many, and what they hold meanwhile."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from statistics import median
from typing import Any

from benchmarks.client import Client
from benchmarks.figure import Figure
from benchmarks.many_threads import database
from benchmarks.scenarios import ECHO
from benchmarks.server import ROOT, MeasuredServer, environment, serving, working

RUNS = 500
SLEEPERS = 100
STREAMS = 1000
STREAM_SECONDS = 30
STOPWATCH = {"assistant_id": "stopwatch", "input": {"at": 0.0}}
RATE = """
SELECT count(*) / EXTRACT(EPOCH FROM max(ended_at) - min(created_at))::float8 AS rate
  FROM run WHERE status = 'success' AND metadata @> '{"bench": "background"}'
"""
LEFT = """
SELECT count(*) FROM run
 WHERE status IN ('pending', 'running') AND metadata @> '{"bench": "background"}'
"""
CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"


def measure() -> list[Figure]:
    with serving() as server:
        figures = asyncio.run(_one_process(server))
    with serving("--no-engine") as server:
        queue = _queue(server)
        with working(server.data_dir):
            elsewhere = asyncio.run(_first_line(server))
    with serving(ENGINE_SLOTS=str(STREAMS)) as server:
        connections = asyncio.run(_open_streams(server))
    return [
        *figures,
        Figure(name="first line, in a worker", value=elsewhere, unit="ms p50", bound=25),
        Figure(name="claim, 10,000 pending", value=queue["claim"], unit="ms p50", bound=10),
        Figure(name="sweep, 10,000 pending", value=queue["sweep"], unit="ms p50", bound=10),
        Figure(name="connections at 1,000 streams", value=connections, unit="", bound=33),
    ]


async def _one_process(server: MeasuredServer) -> list[Figure]:
    first = await _first_line(server)
    rate = await _background(server)
    seconds = await _sleepers(server)
    return [
        Figure(name="first line of the node, local", value=first, unit="ms p50", bound=6),
        Figure(name="500 background runs", value=rate, unit="runs/s", bound=80, at_least=True),
        Figure(name="100 runs that sleep 1 s", value=seconds, unit="s", bound=1.8),
    ]


async def _first_line(server: MeasuredServer) -> float:
    """Return the milliseconds from a request to the first line of its node."""
    client, took = Client(server.port), []
    for _ in range(101):
        thread = await client.post("/threads", {})
        began = time.time()
        values = await client.post(f"/threads/{thread['thread_id']}/runs/wait", STOPWATCH)
        took.append(values["at"] - began)
    client.close()
    return float(median(took) * 1000)


async def _background(server: MeasuredServer) -> float:
    """Return how many runs a second come to their end, of many that are asked for at once."""
    body = {**ECHO, "metadata": {"bench": "background"}}
    async with _clients(server, 16) as clients:
        paths = [await _new_thread(clients[0]) for _ in range(RUNS)]
        left = iter(paths)

        async def ask(client: Client) -> None:
            for path in left:
                await client.post(f"{path}/runs", body)

        await asyncio.gather(*map(ask, clients))
    async with database(server.data_dir) as connection:
        while await _number(connection, LEFT):  # noqa: ASYNC110 -- other processes end them
            await asyncio.sleep(0.1)
        return await _number(connection, RATE)


async def _sleepers(server: MeasuredServer) -> float:
    body = {"assistant_id": "sleeper", "input": {"seconds": 1.0}}
    async with _clients(server, SLEEPERS) as clients:
        paths = [await _new_thread(client) for client in clients]
        began = time.perf_counter()
        await asyncio.gather(
            *(
                client.post(f"{path}/runs/wait", body)
                for client, path in zip(clients, paths, strict=True)
            )
        )
        return time.perf_counter() - began


async def _open_streams(server: MeasuredServer) -> float:
    """Return how many connections the database has while all of the streams are open."""
    body = {"assistant_id": "sleeper", "input": {"seconds": STREAM_SECONDS}}
    begun: set[str] = set()
    all_begun = asyncio.Event()

    async def read(client: Client, path: str) -> None:
        async for _ in client.stream(f"{path}/runs/stream", body):
            begun.add(path)
            if len(begun) == STREAMS:
                all_begun.set()

    async with _clients(server, STREAMS) as clients:
        paths = [await _new_thread(clients[0]) for _ in clients]
        reading = [
            asyncio.create_task(read(client, path))
            for client, path in zip(clients, paths, strict=True)
        ]
        await asyncio.wait_for(all_begun.wait(), STREAM_SECONDS * 4)
        async with database(server.data_dir) as connection:
            # One of them asks.
            connections = await _number(connection, CONNECTIONS) - 1
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)
    return connections


def _queue(server: MeasuredServer) -> dict[str, float]:
    measured = subprocess.run(
        [sys.executable, "-m", "benchmarks.queue"],
        cwd=ROOT,
        env={**os.environ, **environment(server.data_dir)},
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, float] = json.loads(measured.stdout)
    return found


@asynccontextmanager
async def _clients(server: MeasuredServer, number: int) -> AsyncIterator[list[Client]]:
    clients = [Client(server.port) for _ in range(number)]
    try:
        yield clients
    finally:
        for client in clients:
            client.close()


async def _new_thread(client: Client) -> str:
    return f"/threads/{(await client.post('/threads', {}))['thread_id']}"


async def _number(connection: Any, query: str) -> float:
    row = await (await connection.execute(query)).fetchone()
    return float(row[0])
