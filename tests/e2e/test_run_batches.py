"""Runs that are made or cancelled many at a time."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph_sdk.errors import NotFoundError

from tests.e2e.asking import last_text, said
from tests.e2e.awaited import Client

pytestmark = pytest.mark.slow

LONG = {"seconds": 30}


@pytest.fixture
async def queue(client: Client, thread_id: str) -> list[Any]:
    """Three runs on one thread: one that goes on, two that wait."""
    return [await client.runs.create(thread_id, "sleeper", input=LONG) for _ in range(3)]


async def test_a_batch_is_created(client: Client) -> None:
    payloads: Any = [
        {"assistant_id": "echo", "input": said(word), "on_completion": "keep"}
        for word in ("one", "two")
    ]

    runs = await client.runs.create_batch(payloads)

    values = [await client.runs.join(run["thread_id"], run["run_id"]) for run in runs]
    assert [last_text(each) for each in values] == ["one", "two"]
    assert len({run["thread_id"] for run in runs}) == 2


async def test_some_runs_of_a_thread_are_cancelled(
    client: Client, thread_id: str, queue: list[Any]
) -> None:
    first, second, third = (run["run_id"] for run in queue)

    await client.runs.cancel_many(thread_id=thread_id, run_ids=[first, third])

    await client.runs.join(thread_id, first)
    assert (await client.runs.get(thread_id, first))["status"] == "interrupted"
    assert (await client.runs.get(thread_id, third))["status"] == "interrupted"
    await client.runs.cancel(thread_id, second, wait=True)


async def test_all_runs_of_a_status_are_rolled_back(
    client: Client, thread_id: str, queue: list[Any]
) -> None:
    first, *_ = (run["run_id"] for run in queue)

    await client.runs.cancel_many(status="pending", action="rollback")

    assert [run["run_id"] for run in await client.runs.list(thread_id)] == [first]
    await client.runs.cancel(thread_id, first, wait=True)
    with pytest.raises(NotFoundError):
        await client.runs.cancel_many(thread_id=thread_id, run_ids=[first])
