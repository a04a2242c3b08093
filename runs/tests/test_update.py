"""PATCH on a run: how clients of Aegra cancel one."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.streaming import MakeThread, settled, started

LONG = {"assistant_id": "sleeper", "input": {"seconds": 60}}


@pytest.mark.parametrize("status", ["interrupted", "cancelled"])
async def test_a_run_that_is_set_to_an_end_is_cancelled(
    api: httpx.AsyncClient, thread: MakeThread, status: str
) -> None:
    path = f"/threads/{await thread()}"
    run_id = await started(api, path.rpartition("/")[2], **LONG)

    answer = await api.patch(f"{path}/runs/{run_id}", json={"status": status})

    assert (answer.status_code, answer.json()["run_id"]) == (200, run_id)
    assert (await settled(api, path.rpartition("/")[2]))["status"] in ("idle", "interrupted")
    assert (await api.get(f"{path}/runs/{run_id}")).json()["status"] == "interrupted"
    assert (await api.patch(f"{path}/runs/{run_id}", json={"status": status})).status_code == 404


@pytest.mark.parametrize(
    "body", [{}, {"status": None}, {"status": "success"}, {"status": 1}, {"metadata": {}}, []]
)
async def test_nothing_else_can_be_changed(
    api: httpx.AsyncClient, thread: MakeThread, body: Any
) -> None:
    path = f"/threads/{await thread()}/runs"
    await api.post(f"{path}/wait", json={"assistant_id": "echo", "input": {"messages": []}})
    before = (await api.get(path)).json()

    answer = await api.patch(f"{path}/{before[0]['run_id']}", json=body)

    assert answer.status_code == 422
    assert (await api.get(path)).json() == before


async def test_a_run_that_is_not_there_cannot_be_changed(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    path = f"/threads/{await thread()}/runs/{uuid4()}"

    assert (await api.patch(path, json={"status": "cancelled"})).status_code == 404
    assert (await api.patch("/threads/x/runs/y", json={"status": "cancelled"})).status_code == 422


async def test_a_delete_may_say_that_it_is_meant(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    path = f"/threads/{await thread()}/runs"
    run_id = await started(api, path.split("/")[2], **LONG)

    answer = await api.delete(f"{path}/{run_id}?force=1")

    assert (answer.status_code, answer.content) == (204, b"")
    assert (await api.get(path)).json() == []
