from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from common import db
from crons.tests.asking import NOBODY, MakeCron


async def test_a_cron_is_found_by_its_id(api: httpx.AsyncClient, cron: MakeCron) -> None:
    made = await cron()

    answer = await api.get(f"/runs/crons/{made['cron_id']}")

    assert (answer.status_code, answer.json()) == (200, made)


async def test_a_deleted_cron_is_gone(api: httpx.AsyncClient, cron: MakeCron) -> None:
    place = f"/runs/crons/{(await cron())['cron_id']}"

    answer = await api.delete(place)

    assert (answer.status_code, answer.content) == (204, b"")
    assert (await api.get(place)).status_code == 404
    assert (await api.delete(place)).status_code == 404


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize(("name", "status"), [(NOBODY, 404), ("x", 422)])
async def test_no_such_cron(api: httpx.AsyncClient, method: str, name: str, status: int) -> None:
    answer = await api.request(method, f"/runs/crons/{name}", json={"enabled": True})

    assert answer.status_code == status
    assert "cron" in answer.json()["detail"].lower()


async def test_the_crons_of_a_thread_go_with_it(
    api: httpx.AsyncClient, cron: MakeCron, thread: Callable[..., Awaitable[str]]
) -> None:
    thread_id = await thread()
    made = await cron(thread_id=thread_id)

    await api.delete(f"/threads/{thread_id}")

    assert (await api.get(f"/runs/crons/{made['cron_id']}")).status_code == 404


async def test_the_crons_of_an_assistant_go_with_it(
    api: httpx.AsyncClient,
    cron: MakeCron,
    assistant: Callable[..., Awaitable[dict[str, Any]]],
) -> None:
    assistant_id = (await assistant())["assistant_id"]
    made = await cron(assistant_id=assistant_id)

    await api.delete(f"/assistants/{assistant_id}")

    assert (await api.get(f"/runs/crons/{made['cron_id']}")).status_code == 404


@pytest.mark.parametrize("parent", ["assistant", "thread"])
async def test_it_is_the_database_that_deletes_them(api: httpx.AsyncClient, parent: str) -> None:
    row = await db.fetch_one(
        "SELECT confdeltype::text AS rule FROM pg_constraint"
        " WHERE conrelid = 'cron'::regclass AND confrelid = %s::regclass AND contype = 'f'",
        [parent],
    )

    assert row == {"rule": "c"}
