"""What a server does as clients, streams, threads, checkpoints or the state grow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from benchmarks import scenarios
from benchmarks.client import Client
from benchmarks.load import Loading, Operation, Prepare, Sample, load
from benchmarks.scenarios import nothing, one_thread, threads
from benchmarks.server import MeasuredServer

Figures = dict[str, float]
Curves = dict[str, list[Figures]]
"""By the name of the curve: its points, each with an `x`."""

CLIENTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
STREAMS = (1, 10, 50, 100, 250, 500, 1000, 1500, 2000)
THREADS = (1_000, 10_000, 100_000, 1_000_000)
CHECKPOINTS = (1, 10, 100, 1_000, 10_000)
KILOBYTES = (1, 10, 100, 1_000, 10_000)
SAMPLING_SECONDS = 0.5

# `owner` is one of a thousand; `number` and `customer` are each thread's own.
FILL = """
INSERT INTO thread (thread_id, metadata, values, created_at, updated_at, state_updated_at)
SELECT gen_random_uuid(), jsonb_build_object('owner', 'user-' || mod(n, 1000), 'number', n),
       jsonb_build_object('topic', 'rain', 'customer', n), at, at, at
  FROM generate_series((SELECT count(*) + 1 FROM thread), {threads}) AS n,
       LATERAL (SELECT now() - (1000000 - n) * interval '1 second' AS at) AS moment
"""
ANALYZE = "ANALYZE checkpoints, checkpoint_blobs, checkpoint_writes"
COUNT_CHECKPOINTS = "SELECT count(*) FROM checkpoints WHERE thread_id = %s"


def point(x: float, sample: Sample, **more: float) -> Figures:
    return {"x": x, **sample.figures(), "errors": len(sample.errors), **more}


Part = Callable[[MeasuredServer], Coroutine[None, None, Curves]]


def concurrency(name: str) -> Part:
    """Make a part: echo runs by more and more clients."""

    async def part(server: MeasuredServer) -> Curves:
        return {name: [await _echoes(server, clients) for clients in CLIENTS]}

    return part


async def _echoes(server: MeasuredServer, clients: int) -> Figures:
    operations = max(64, min(4 * clients, 512))
    loading = Loading(
        operation=scenarios.echo, prepare=threads, clients=clients, operations=operations
    )
    return point(clients, await loading(server))


def streams(name: str, count: int, delay_seconds: float) -> Part:
    """Make a part: more and more streams, each of so many tokens, so far apart."""
    body = scenarios.speaking(count, delay_seconds)

    async def operation(client: Client, place: str) -> float:
        heard = await scenarios.heard(client, f"{place}/runs/stream", body, count=count)
        return heard.first_token

    async def opened(server: MeasuredServer, number: int) -> Figures:
        loading = Loading(
            operation=operation, prepare=threads, clients=number, operations=number, per=count
        )
        watching = asyncio.create_task(_most_mib(server))
        seen = await loading(server)
        watching.cancel()
        return point(number, seen, MiB=await watching)

    async def part(server: MeasuredServer) -> Curves:
        return {name: [await opened(server, number) for number in STREAMS]}

    return part


async def _most_mib(server: MeasuredServer) -> float:
    most = 0.0
    try:
        while True:
            most = max(most, server.unique_mib() or 0)
            await asyncio.sleep(SAMPLING_SECONDS)
    except asyncio.CancelledError:
        return most


async def many_threads(server: MeasuredServer) -> Curves:
    """Requests among more and more threads."""
    curves: Curves = {}
    for number in THREADS:
        async with server.database() as connection:
            await connection.execute(FILL.format(threads=number).encode())
            await connection.execute("VACUUM (ANALYZE) thread")
        for name, (operation, prepare) in _AMONG_THREADS.items():
            loading = Loading(operation=operation, prepare=prepare, clients=1, operations=100)
            curves.setdefault(name, []).append(point(number, await loading(server)))
    return curves


def _searching(body: dict[str, Any]) -> Operation:
    async def search(client: Client, _: None) -> None:
        await client.post("/threads/search", {**body, "limit": 10})

    return search


_AMONG_THREADS: dict[str, tuple[Operation, Prepare]] = {
    "thread: create": (scenarios.create_thread, nothing),
    "thread: get": (scenarios.get_thread, one_thread),
    "new thread and echo": (scenarios.thread_and_echo, nothing),
    "search: the newest": (_searching({}), nothing),
    "search: 1 in 1,000": (_searching({"metadata": {"owner": "user-77"}}), nothing),
    "search: one by values": (_searching({"values": {"customer": 77}}), nothing),
    "search: none": (_searching({"metadata": {"owner": "nobody"}}), nothing),
}


async def checkpoints(server: MeasuredServer) -> Curves:
    """Requests of a thread with more and more checkpoints, of a state that stays as small."""
    client = server.client()
    (place,) = await threads(client, 1)
    curves: Curves = {}
    for number in CHECKPOINTS:
        written = await _grown(server, client, place, number)
        for name, (operation, times) in _OF_A_THREAD.items():
            seen = await load(server, operation, [place] * times, clients=1)
            curves.setdefault(name, []).append(point(written, seen))
    client.close()
    return curves


async def _grown(server: MeasuredServer, client: Client, place: str, number: int) -> int:
    """Run on the thread until it has so many checkpoints; return how many it has."""
    body = {"assistant_id": "steps", "input": {}}
    if number < scenarios.SUPERSTEPS:
        body = {"assistant_id": "stopwatch", "input": {"at": 0.0}}
    async with server.database() as connection:
        while True:
            cursor = await connection.execute(COUNT_CHECKPOINTS, [place.rsplit("/", 1)[-1]])
            row = await cursor.fetchone()
            if row is not None and row[0] >= number:
                # As PostgreSQL does by itself within a minute: it plans anew then.
                await connection.execute(ANALYZE)
                return int(row[0])
            await client.post(f"{place}/runs/wait", body)


async def _read_state(client: Client, place: str) -> None:
    state = await client.get(f"{place}/state")
    assert state["checkpoint"], state


async def _read_newest(client: Client, place: str) -> None:
    states = await client.post(f"{place}/history", {"limit": 10})
    assert states, states


async def _run(client: Client, place: str) -> None:
    await scenarios.first_line(client, place)


# The run is the last, for it makes the history longer.
_OF_A_THREAD: dict[str, tuple[Operation, int]] = {
    "state": (_read_state, 50),
    "history, newest 10": (_read_newest, 30),
    "run of one node": (_run, 10),
}


async def state_sizes(server: MeasuredServer) -> Curves:
    """Runs that write a larger and larger state, and requests that read it."""
    curves: Curves = {}
    client = server.client()
    for kilobytes in KILOBYTES:
        (place,) = await threads(client, 1)
        for name, operation in _of_a_size(kilobytes).items():
            seen = await load(server, operation, [place] * 12, clients=1)
            curves.setdefault(name, []).append(point(kilobytes, seen))
    client.close()
    return curves


def _of_a_size(kilobytes: int) -> dict[str, Operation]:
    body = {"assistant_id": "big", "input": {"kilobytes": kilobytes}}

    async def run(client: Client, place: str) -> None:
        _whole(await client.text(f"{place}/runs/wait", body))

    async def state(client: Client, place: str) -> None:
        _whole(await client.text(f"{place}/state"))

    async def thread(client: Client, place: str) -> None:
        _whole(await client.text(place))

    def _whole(text: bytes) -> None:
        assert text.count(b'"row":') == kilobytes, text[:200]

    return {"run and wait": run, "state": state, "thread: get": thread}
