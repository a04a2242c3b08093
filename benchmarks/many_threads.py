"""Searches among many threads, and histories of many checkpoints."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.client import Client
from benchmarks.scenarios import ECHO, Load, Operation, load
from benchmarks.server import MeasuredServer
from common.embedded_postgres import connection_settings
from tests.many_threads import VACUUM, filling

THREADS = 100_000
CHECKPOINTS = 200
SEARCHES: dict[str, dict[str, Any]] = {
    "search, a fifth by metadata": {"metadata": {"graph_id": "g1"}},
    "search, 1 in 1000 by metadata": {"metadata": {"owner": "user-77"}},
    "search, one by metadata": {"metadata": {"number": 77}},
    "search, a third, all old": {"metadata": {"archived": True}},
    "search, half by values": {"values": {"topic": "rain"}},
    "search, half, none of it new": {"values": {"rated": True}},
    "search, one by values": {"values": {"customer": 77}},
    "search, none by values": {"values": {"topic": "snow"}},
}


@asynccontextmanager
async def database(data_dir: Path) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    named = connection_settings(data_dir / "postgres")
    async with await psycopg.AsyncConnection.connect(
        dbname=named["NAME"],
        user=named["USER"],
        host=named["HOST"],
        port=named["PORT"],
        autocommit=True,
    ) as connection:
        yield connection


async def fill(data_dir: Path) -> None:
    """Make the threads, as the server would have them after a while."""
    async with database(data_dir) as connection:
        await connection.execute(filling(THREADS).encode())
        await connection.execute(VACUUM.encode())


async def search(server: MeasuredServer, body: dict[str, Any]) -> Load:
    async def once(client: Client) -> None:
        await client.post("/threads/search", {**body, "limit": 10})

    return await load(server, once, clients=1, operations=100)


async def history(server: MeasuredServer) -> Load:
    """Read the history of a conversation, three checkpoints for each of its turns."""
    client = Client(server.port)
    thread = await client.post("/threads", {})
    place = f"/threads/{thread['thread_id']}"
    for _ in range(CHECKPOINTS // 3 + 1):
        await client.post(f"{place}/runs/wait", ECHO)
    client.close()
    return await load(server, _reading(place), clients=1, operations=20)


def _reading(place: str) -> Operation:
    async def once(client: Client) -> None:
        text = await client.text(f"{place}/history", {"limit": CHECKPOINTS})
        assert text.count(b'"parent_checkpoint":') == CHECKPOINTS

    return once
