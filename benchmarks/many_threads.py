"""Searches among many threads, and histories of many checkpoints."""

from __future__ import annotations

from typing import Any

from benchmarks.client import Client
from benchmarks.load import Loading
from benchmarks.scenarios import nothing, said, threads
from benchmarks.server import MeasuredServer
from tests.many_threads import VACUUM, filling

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


async def fill(server: MeasuredServer, threads: int) -> None:
    """Make the threads, as the server would have them after a while."""
    async with server.database() as connection:
        await connection.execute(filling(threads).encode())
        await connection.execute(VACUUM.encode())


def search(body: dict[str, Any]) -> Loading:
    async def once(client: Client, _: None) -> None:
        await client.post("/threads/search", {**body, "limit": 10})

    return Loading(operation=once, prepare=nothing, clients=1, operations=100)


async def conversation(client: Client, number: int) -> list[str]:
    """Make a conversation, three checkpoints for each of its turns, to be read so often."""
    (place,) = await threads(client, 1)
    for turn in range(CHECKPOINTS // 3 + 1):
        await client.post(f"{place}/runs/wait", said(f"turn {turn}"))
    return [place] * number


async def read_history(client: Client, place: str) -> None:
    text = await client.text(f"{place}/history", {"limit": CHECKPOINTS})
    assert text.count(b'"parent_checkpoint":') == CHECKPOINTS
