"""Many at once: runs that nobody waits for, a thousand streams, a thousand followers of one run."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import subprocess
import sys
import time
from typing import Literal
from uuid import uuid4

from benchmarks import scenarios
from benchmarks.client import Client
from benchmarks.load import Loading, Sample, Scenario, load
from benchmarks.server import ROOT, MeasuredServer, environment

RUNS = 500
FOLLOWERS = 1000
CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"


async def background(server: MeasuredServer) -> Sample:
    """Ask for many runs at once, and wait until all have ended; percentiles are of the asking."""
    client, mark = server.client(), {"bench": str(uuid4())}
    made = [await client.post("/threads", {"metadata": mark}) for _ in range(RUNS)]
    places = [f"/threads/{thread['thread_id']}" for thread in made]
    cpu, began = server.cpu_seconds(), time.perf_counter()
    asked = await load(server, _ask, places, clients=16)
    # A slow server has not been asked for all of them.
    places = places[: len(asked.took) + len(asked.errors)]
    busy = {"metadata": mark, "status": "busy", "limit": 1}
    while await client.post("/threads/search", busy):  # noqa: ASYNC110 -- other processes end them
        await asyncio.sleep(0.02)
    seconds, spent = time.perf_counter() - began, server.cpu_seconds()
    answered = await load(server, _answered, places, clients=8)
    client.close()
    return dataclasses.replace(
        asked,
        seconds=seconds,
        count=len(places) - len(answered.errors),
        cpu_seconds=None if cpu is None or spent is None else spent - cpu,
        errors=asked.errors + answered.errors,
    )


async def _ask(client: Client, place: str) -> None:
    await client.post(f"{place}/runs", scenarios.said(place))


async def _answered(client: Client, place: str) -> None:
    thread = await client.get(place)
    # Not every server of this API tells a thread's values with it.
    state = await client.get(f"{place}/state")
    said = [message["content"] for message in (state["values"] or {}).get("messages", [])]
    assert (thread["status"], said) == ("idle", [place, place]), (thread, state)


async def streams(server: MeasuredServer) -> Sample:
    """Open a thousand streams at once, and count the connections meanwhile."""
    opening = Loading(
        operation=scenarios.slow_tokens,
        prepare=scenarios.threads,
        clients=scenarios.CROWD,
        operations=scenarios.CROWD,
        per=scenarios.SLOW_TOKENS,
    )
    if server.data_dir is None:
        return await opening(server)
    counting = asyncio.create_task(_most_connections(server))
    seen = await opening(server)
    counting.cancel()
    return dataclasses.replace(seen, connections=await counting)


async def _most_connections(server: MeasuredServer) -> int:
    """Return the most that the database had until this task is cancelled, its own apart."""
    most = 0
    async with server.database() as connection:
        try:
            while True:
                cursor = await connection.execute(CONNECTIONS)
                most = max(most, int((await cursor.fetchone() or [0])[0]) - 1)
                await asyncio.sleep(0.25)
        except asyncio.CancelledError:
            return most


async def followers(server: MeasuredServer) -> Sample:
    """Have many clients follow one run; each has to hear all of it, once."""
    client = server.client()
    (place,) = await scenarios.threads(client, 1)
    body = scenarios.speaking(scenarios.FOLLOWED_TOKENS, scenarios.SLOW_TOKEN_SECONDS)
    run = await client.post(f"{place}/runs", body)
    client.close()
    paths = [f"{place}/runs/{run['run_id']}/stream"] * FOLLOWERS
    tokens = scenarios.FOLLOWED_TOKENS
    return await load(server, scenarios.follow, paths, clients=FOLLOWERS, per=tokens)


def queue(statement: Literal["claim", "sweep"]) -> Scenario:
    """Make a scenario of a statement of the engine's, among many runs that wait."""

    async def scenario(server: MeasuredServer) -> Sample:
        assert server.data_dir is not None
        measured = subprocess.run(  # noqa: ASYNC221 -- nothing else is going on
            [sys.executable, "-m", "benchmarks.queue", statement],
            cwd=ROOT,
            env={**os.environ, **environment(server.data_dir)},
            stdout=subprocess.PIPE,
            check=True,
        )
        took: list[float] = json.loads(measured.stdout)
        return Sample(took=took, seconds=sum(took), count=len(took), cpu_seconds=None)

    return scenario
