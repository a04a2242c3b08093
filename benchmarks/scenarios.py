"""What is measured: each scenario takes a server and returns figures."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import median

from benchmarks.client import Client
from benchmarks.server import MeasuredServer

ECHO = {"assistant_id": "echo", "input": {"messages": [{"role": "user", "content": "hi"}]}}
STEPS = {"assistant_id": "steps", "input": {}}
TOKENS = 200
STREAM = {
    "assistant_id": "tokens",
    "stream_mode": "messages-tuple",
    "input": {"messages": [{"role": "user", "content": "go"}], "count": TOKENS},
}

Operation = Callable[[Client], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What `clients` clients saw, each doing one operation after the other."""

    per_second: float
    p50_ms: float
    cpu_ms: float
    """Of the server, per operation."""


async def load(
    server: MeasuredServer, operation: Operation, *, clients: int, operations: int
) -> Load:
    """Do `operations` operations, shared out among `clients` connections."""
    opened = [Client(server.port) for _ in range(clients)]
    took: list[float] = []
    left = iter(range(operations))

    async def work(client: Client) -> None:
        for _ in left:
            began = time.perf_counter()
            await operation(client)
            took.append(time.perf_counter() - began)

    cpu, began = server.cpu_seconds(), time.perf_counter()
    await asyncio.gather(*map(work, opened))
    seconds, cpu = time.perf_counter() - began, server.cpu_seconds() - cpu
    for client in opened:
        client.close()
    return Load(
        per_second=operations / seconds,
        p50_ms=median(took) * 1000,
        cpu_ms=cpu / operations * 1000,
    )


async def is_up(client: Client) -> None:
    await client.get("/ok")


async def create_thread(client: Client) -> None:
    await client.post("/threads", {})


async def echo(client: Client) -> None:
    """Run one node on a new thread, and wait for the values."""
    thread = await client.post("/threads", {})
    await echo_on(client, thread["thread_id"])


async def echo_on(client: Client, thread_id: str) -> None:
    values = await client.post(f"/threads/{thread_id}/runs/wait", ECHO)
    assert values["messages"][-1]["content"] == "hi", values


async def supersteps(client: Client) -> None:
    """Run twenty supersteps on a new thread."""
    thread = await client.post("/threads", {})
    values = await client.post(f"/threads/{thread['thread_id']}/runs/wait", STEPS)
    assert values["count"] == 20, values


async def tokens(client: Client) -> None:
    """Stream a run's tokens and count them."""
    thread = await client.post("/threads", {})
    seen = 0
    async for chunk in client.stream(f"/threads/{thread['thread_id']}/runs/stream", STREAM):
        seen += chunk.count(b"event: messages\r\n")
    assert seen == TOKENS, f"{seen} of {TOKENS} tokens arrived"


async def first_token(client: Client) -> float:
    """Return the milliseconds from the request to its first token."""
    thread = await client.post("/threads", {})
    first: float | None = None
    began = time.perf_counter()
    async for chunk in client.stream(f"/threads/{thread['thread_id']}/runs/stream", STREAM):
        if first is None and b"event: messages\r\n" in chunk:
            first = time.perf_counter() - began
    assert first is not None, "no token arrived"
    return first * 1000


async def read_thread(server: MeasuredServer) -> tuple[Load, Load]:
    """Return what it takes to read a thread, and to read its state."""
    client = Client(server.port)
    thread = await client.post("/threads", {})
    place = f"/threads/{thread['thread_id']}"
    await echo_on(client, thread["thread_id"])
    client.close()

    async def row(client: Client) -> None:
        await client.get(place)

    async def state(client: Client) -> None:
        await client.get(f"{place}/state")

    return (
        await load(server, row, clients=1, operations=300),
        await load(server, state, clients=1, operations=200),
    )
