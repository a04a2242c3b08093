from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx

from common import db

Make = Callable[..., Awaitable[dict[str, Any]]]
VERSIONS = "SELECT count(*) AS n FROM assistant_version WHERE assistant_id = %s"


async def test_a_deleted_assistant_is_gone_with_its_versions(
    api: httpx.AsyncClient, assistant: Make
) -> None:
    made = await assistant()
    place = f"/assistants/{made['assistant_id']}"

    answer = await api.delete(place)

    assert (answer.status_code, answer.content) == (204, b"")
    assert (await api.get(place)).status_code == 404
    assert (await api.delete(place)).status_code == 404
    assert await db.fetch_one(VERSIONS, [made["assistant_id"]]) == {"n": 0}


async def test_runs_outlive_their_assistant(
    api: httpx.AsyncClient, assistant: Make, thread: Callable[..., Awaitable[str]]
) -> None:
    made, thread_id = await assistant(), await thread()
    await api.post(
        f"/threads/{thread_id}/runs/wait",
        json={"assistant_id": made["assistant_id"], "input": {"messages": []}},
    )

    assert (await api.delete(f"/assistants/{made['assistant_id']}")).status_code == 204

    runs = (await api.get(f"/threads/{thread_id}/runs")).json()
    assert [run["assistant_id"] for run in runs] == [made["assistant_id"]]
    assert (await api.get(f"/threads/{thread_id}/state")).status_code == 200


async def test_a_missing_assistant_is_404(api: httpx.AsyncClient) -> None:
    assert (await api.delete(f"/assistants/{uuid4()}")).status_code == 404


async def test_of_deletions_at_once_one_finds_the_assistant(
    api: httpx.AsyncClient, assistant: Make
) -> None:
    place = f"/assistants/{(await assistant())['assistant_id']}"

    answers = await asyncio.gather(*(api.delete(place) for _ in range(6)))

    assert sorted(answer.status_code for answer in answers) == [204, *[404] * 5]
