from __future__ import annotations

from uuid import uuid4

import httpx
import pytest

from tests.streaming import MakeThread, started

KEYS = [
    "run_id",
    "thread_id",
    "assistant_id",
    "metadata",
    "status",
    "kwargs",
    "multitask_strategy",
    "created_at",
    "updated_at",
    "langsmith_session_name",
]


@pytest.fixture
async def runs(api: httpx.AsyncClient, thread: MakeThread) -> tuple[str, list[str]]:
    """A thread with one failed and two good runs, and their ids, newest first."""
    thread_id = await thread()
    ids = []
    for graph in ("boom", "echo", "echo"):
        body = {"assistant_id": graph, "input": {"messages": ["hi"]}}
        ids.append(await started(api, thread_id, **body))
        await api.get(f"/threads/{thread_id}/runs/{ids[-1]}/join")
    return f"/threads/{thread_id}/runs", ids[::-1]


async def listed(api: httpx.AsyncClient, path: str) -> list[str]:
    return [run["run_id"] for run in (await api.get(path)).json()]


async def test_runs_are_listed_newest_first(
    api: httpx.AsyncClient, runs: tuple[str, list[str]]
) -> None:
    path, ids = runs

    answer = await api.get(path)

    assert [run["run_id"] for run in answer.json()] == ids
    assert list(answer.json()[0]) == KEYS


async def test_a_page_of_runs(api: httpx.AsyncClient, runs: tuple[str, list[str]]) -> None:
    path, ids = runs

    assert await listed(api, f"{path}?limit=1&offset=1") == ids[1:2]
    assert await listed(api, f"{path}?limit=2") == ids[:2]
    assert await listed(api, f"{path}?offset=3") == []


async def test_runs_of_a_status(api: httpx.AsyncClient, runs: tuple[str, list[str]]) -> None:
    path, ids = runs

    assert await listed(api, f"{path}?status=success") == ids[:2]
    assert await listed(api, f"{path}?status=error") == ids[2:]
    assert await listed(api, f"{path}?status=pending") == []
    assert await listed(api, f"{path}?status=") == ids


@pytest.mark.parametrize(
    "query",
    [
        "status=success&status=error",
        'status=["success","error"]',
        "status[]=error&status[]=success",
    ],
)
async def test_runs_of_several_statuses_in_every_form_that_clients_send(
    api: httpx.AsyncClient, runs: tuple[str, list[str]], query: str
) -> None:
    path, ids = runs

    assert await listed(api, f"{path}?{query}") == ids
    assert await listed(api, f'{path}?status="error"') == ids[2:]


@pytest.mark.parametrize(
    "query", ["select=run_id&select=status", 'select=["run_id","status"]', "select[]=run_id"]
)
async def test_selected_fields_in_every_form_that_clients_send(
    api: httpx.AsyncClient, runs: tuple[str, list[str]], query: str
) -> None:
    path, _ = runs

    answer = await api.get(f"{path}?{query}")

    expected = {"run_id"} if "[]" in query else {"run_id", "status"}
    assert [set(run) for run in answer.json()] == [expected] * 3


async def test_the_runs_of_no_thread_are_404_and_of_a_new_one_none(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    assert (await api.get(f"/threads/{uuid4()}/runs")).status_code == 404
    assert (await api.get(f"/threads/{await thread()}/runs")).json() == []


async def test_a_run_is_read_by_its_id(
    api: httpx.AsyncClient, runs: tuple[str, list[str]], thread: MakeThread
) -> None:
    path, ids = runs

    run = (await api.get(f"{path}/{ids[0]}")).json()

    assert (list(run), run["run_id"], run["status"]) == (KEYS, ids[0], "success")


async def test_a_run_is_not_found_under_another_thread(
    api: httpx.AsyncClient, runs: tuple[str, list[str]], thread: MakeThread
) -> None:
    _, ids = runs
    other = await thread()

    for method, way in [("GET", ""), ("DELETE", ""), ("GET", "/join"), ("GET", "/stream")]:
        answer = await api.request(method, f"/threads/{other}/runs/{ids[0]}{way}")
        assert answer.status_code == 404, (method, way)
    assert (await api.post(f"/threads/{other}/runs/{ids[0]}/cancel")).status_code == 404
