from __future__ import annotations

from typing import Any

import httpx
import pytest

from common.tests.statements import Statements
from threads.tests.conversing import MakeThread, get, post, run, said, texts


@pytest.fixture
async def path(api: httpx.AsyncClient, thread: MakeThread) -> str:
    """The history of a thread upon which `echo` ran twice: three checkpoints each."""
    thread_id = await thread()
    await run(api, thread_id, "echo", input=said("one"))
    await run(api, thread_id, "echo", input=said("two"))
    return f"/threads/{thread_id}/history"


async def test_history_is_newest_first_and_chained(api: httpx.AsyncClient, path: str) -> None:
    history = await post(api, path)

    assert [state["metadata"]["step"] for state in history] == [4, 3, 2, 1, 0, -1]
    assert [state["metadata"]["source"] for state in history[-3:]] == ["loop", "loop", "input"]
    assert [state["parent_checkpoint_id"] for state in history[:-1]] == [
        state["checkpoint_id"] for state in history[1:]
    ]
    assert history[-1]["parent_checkpoint"] is None
    assert texts(history[0]) == ["one", "one", "two", "two"]


async def test_get_and_post_tell_the_same(api: httpx.AsyncClient, path: str) -> None:
    assert await get(api, path, limit=6) == await post(api, path, limit=6)
    assert len(await get(api, path, limit=1)) == 1


async def test_an_input_checkpoint_tells_what_it_was_given(
    api: httpx.AsyncClient, path: str
) -> None:
    first = (await post(api, path))[-1]

    assert first["next"] == ["__start__"]
    assert first["tasks"][0]["result"]["messages"][0]["content"] == "one"


async def test_before_is_taken_in_each_of_its_forms(api: httpx.AsyncClient, path: str) -> None:
    history = await post(api, path)
    third = history[2]
    older = history[3:]
    key = third["checkpoint_id"]

    assert await post(api, path, before=key) == older
    assert await post(api, path, before={"configurable": {"checkpoint_id": key}}) == older
    assert await post(api, path, before=third["checkpoint"]) == older
    assert await get(api, path, before=key) == older
    assert await get(api, path, before="") == await post(api, path, before="") == history


async def test_metadata_selects(api: httpx.AsyncClient, path: str) -> None:
    inputs = await post(api, path, metadata={"source": "input"})

    assert [state["metadata"]["step"] for state in inputs] == [2, -1]
    assert await post(api, path, metadata={"source": "nowhere"}) == []


async def test_a_checkpoint_selects_a_subgraph(api: httpx.AsyncClient, thread: MakeThread) -> None:
    thread_id = await thread()
    await run(api, thread_id, "parentask", input=said("hi"))
    [task] = (await get(api, f"/threads/{thread_id}/state"))["tasks"]

    history = await post(
        api, f"/threads/{thread_id}/history", checkpoint={"checkpoint_ns": f"sub:{task['id']}"}
    )

    assert [state["metadata"]["step"] for state in history] == [0, -1]
    assert {state["checkpoint"]["checkpoint_ns"] for state in history} == {f"sub:{task['id']}"}


@pytest.mark.parametrize(
    "body", [{"limit": 0}, {"limit": 1001}, {"before": 7}, {"before": {}}, {"metadata": []}]
)
async def test_a_wrong_question_is_422(
    api: httpx.AsyncClient, path: str, body: dict[str, Any]
) -> None:
    answer = await api.post(path, json=body)

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(next(iter(body)))


@pytest.mark.parametrize("limit", ["0", "-1", "many", "1" * 30, "1.5"])
async def test_a_wrong_limit_in_the_query_is_422(
    api: httpx.AsyncClient, path: str, limit: str
) -> None:
    answer = await api.get(path, params={"limit": limit})

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("limit: ")


async def test_a_checkpoint_that_never_was_has_nothing_before_it(
    api: httpx.AsyncClient, path: str
) -> None:
    assert await get(api, path, before="0") == []


async def test_a_longer_history_takes_no_more_statements(
    api: httpx.AsyncClient, path: str, statements: Statements
) -> None:
    assert len(await post(api, path, limit=1)) == 1
    few = len(statements)
    assert len(await post(api, path, limit=6)) == 6

    assert len(statements) == 2 * few
