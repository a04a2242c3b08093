"""Threads brought to a state by real runs, for the tests of states."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from common import db

MakeThread = Callable[..., Awaitable[str]]


async def run(api: httpx.AsyncClient, thread_id: str, graph: str, **body: Any) -> Any:
    """Run a graph on a thread to its end and return the values."""
    answer = await api.post(
        f"/threads/{thread_id}/runs/wait",
        json={"assistant_id": graph, "input": {"messages": []}, **body},
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def said(text: str) -> dict[str, Any]:
    """Return an input with one message, whose id is its text."""
    return {"messages": [{"role": "user", "content": text, "id": text}]}


async def get(api: httpx.AsyncClient, path: str, **params: Any) -> Any:
    answer = await api.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def post(api: httpx.AsyncClient, path: str, **body: Any) -> Any:
    answer = await api.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def texts(state: dict[str, Any]) -> list[str]:
    return [message["content"] for message in state["values"]["messages"]]


WAITING = """
SELECT count(*) AS n FROM pg_stat_activity
 WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


async def until_one_waits(tx: db.Connection) -> None:
    """Return when some other statement waits for a lock, as of one that this transaction holds."""
    for _ in range(500):
        row = await (await tx.execute(WAITING)).fetchone()
        if row and row["n"]:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nobody waits")
