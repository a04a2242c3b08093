"""Another `webhooks` section for the length of a test, and deliveries under it."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from common import db
from common.config import project_config, use_project

Drain = Callable[[], Awaitable[None]]
HI: dict[str, Any] = {"messages": ["hi"]}


@contextmanager
def webhooks_section(**keys: Any) -> Iterator[None]:
    """Serve the present project with this `webhooks` section inside the block."""
    with use_project(dataclasses.replace(project_config(), webhooks=keys)):
        yield


DELIVERIES = """
SELECT delivery_id, status, attempts, status_code, error, url FROM webhook_delivery
 WHERE run_id = %s
"""


async def deliveries_of(run_id: str) -> list[db.Row]:
    return await db.fetch_all(DELIVERIES, [run_id])


async def delivery_of(run_id: str) -> db.Row:
    [row] = await deliveries_of(run_id)
    return row


async def done_with(run_id: str, drain: Drain) -> db.Row:
    """Do what is due until the run's delivery needs no further attempt."""
    for _ in range(5):
        await drain()
        delivery = await delivery_of(run_id)
        if delivery["status"] != "pending":
            return delivery
    raise AssertionError(f"run {run_id} has a delivery that is still to be sent")


async def waited(api: httpx.AsyncClient, webhook: str) -> str:
    body = {"assistant_id": "echo", "input": HI, "webhook": webhook, "on_completion": "keep"}
    answer = await api.post("/runs/wait", json=body)
    assert answer.status_code == 200, answer.text
    return answer.headers["content-location"].rpartition("/")[2]
