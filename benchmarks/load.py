"""Load on a server: many clients, each doing one operation after the other, and what they saw."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.client import Client
from benchmarks.server import MeasuredServer

# Done before anything is measured, so that neither side pays for what happens once.
WARMING = 8
PATIENCE_SECONDS = 120.0
# A slow server does no more operations after this long: that it is slow is known by then.
LOAD_SECONDS = 20.0

Operation = Callable[[Client, Any], Awaitable[float | None]]
"""Takes a client and a thing that was prepared; returns its seconds where not all of it counts."""

Prepare = Callable[[Client, int], Awaitable[Sequence[Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What was seen of some operations."""

    took: list[float]
    """Seconds of each operation that succeeded."""

    seconds: float
    """From the first request to the last answer."""

    count: int
    """What is counted by the second and by CPU: operations that succeeded, or their tokens."""

    cpu_seconds: float | None
    """Of the server, for all of it."""

    errors: tuple[str, ...] = ()

    connections: int | None = None
    """To the database, at the most."""

    def figures(self) -> dict[str, float]:
        """Return what can be told, by the name of its column in the table."""
        known = _percentiles(self.took)
        if self.count and self.seconds:
            known |= {"a second": self.count / self.seconds, "all s": self.seconds}
        if self.count and self.cpu_seconds is not None:
            known["CPU ms"] = self.cpu_seconds / self.count * 1000
        if self.connections is not None:
            known["connections"] = self.connections
        return known


Scenario = Callable[[MeasuredServer], Awaitable[Sample]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loading:
    """A scenario: `operations` times the operation, shared out among `clients` connections."""

    operation: Operation
    prepare: Prepare
    clients: int
    operations: int

    per: int = 1
    """How many of what is counted one operation has: 200, of tokens."""

    async def __call__(self, server: MeasuredServer) -> Sample:
        client = server.client()
        items = await self.prepare(client, self.operations + WARMING)
        client.close()
        await load(server, self.operation, items[:WARMING], clients=min(WARMING, self.clients))
        seen = load(server, self.operation, items[WARMING:], clients=self.clients, per=self.per)
        return await seen


async def load(
    server: MeasuredServer,
    operation: Operation,
    items: Iterable[Any],
    *,
    clients: int,
    per: int = 1,
) -> Sample:
    """Do the operation with each of the items; what goes wrong is counted, and stops nothing."""
    took: list[float] = []
    errors: list[str] = []
    left, started = iter(items), time.perf_counter()

    async def work(client: Client) -> None:
        for item in left:
            began = time.perf_counter()
            if began > started + LOAD_SECONDS:
                return
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    own = await operation(client, item)
            except Exception as error:  # noqa: BLE001 -- whatever a server does wrong
                errors.append(f"{type(error).__name__}: {error}"[:300])
                client.close()
            else:
                took.append(time.perf_counter() - began if own is None else own)

    async with connected(server, clients) as opened:
        cpu = server.cpu_seconds()
        await asyncio.gather(*map(work, opened))
        seconds, spent = time.perf_counter() - started, server.cpu_seconds()
    return Sample(
        took=took,
        seconds=seconds,
        count=len(took) * per,
        cpu_seconds=None if cpu is None or spent is None else spent - cpu,
        errors=tuple(errors),
    )


async def attempt(scenario: Scenario, server: MeasuredServer) -> Sample:
    """Play a scenario; one that does not come to its end is an error and no more."""
    try:
        return await scenario(server)
    except Exception as error:  # noqa: BLE001 -- the other rows can still be measured
        told = f"{type(error).__name__}: {error}"[:300]
        return Sample(took=[], seconds=0, count=0, cpu_seconds=None, errors=(told,))


@asynccontextmanager
async def connected(server: MeasuredServer, number: int) -> AsyncIterator[list[Client]]:
    clients = [server.client() for _ in range(number)]
    try:
        yield clients
    finally:
        for client in clients:
            client.close()


def _percentiles(took: list[float]) -> dict[str, float]:
    ordered = sorted(took)
    if not ordered:
        return {}
    ranks = {"least ms": 0.0, "p50 ms": 0.5, "p95 ms": 0.95, "p99 ms": 0.99}
    return {name: ordered[int(rank * (len(ordered) - 1))] * 1000 for name, rank in ranks.items()}
