from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from common import db
from common.tests.statements import Statements
from threads.tests.conversing import MakeThread, get, post, run, said, texts

COUNTS = """
SELECT (SELECT count(*) FROM checkpoints WHERE thread_id = %(id)s) AS checkpoints,
       (SELECT count(*) FROM checkpoint_blobs WHERE thread_id = %(id)s) AS blobs,
       (SELECT count(*) FROM checkpoint_writes WHERE thread_id = %(id)s) AS writes
"""


async def counts(thread_id: str) -> dict[str, int]:
    row = await db.fetch_one(COUNTS, {"id": thread_id})
    assert row is not None
    return dict(row)


async def keep_latest(api: httpx.AsyncClient, *thread_ids: str) -> Any:
    return await post(api, "/threads/prune", thread_ids=[*thread_ids], strategy="keep_latest")


@pytest.mark.parametrize("strategy", [{}, {"strategy": None}, {"strategy": "delete"}])
async def test_threads_are_deleted_with_all_that_is_theirs(
    api: httpx.AsyncClient, thread: MakeThread, strategy: dict[str, Any]
) -> None:
    gone, kept = await thread(), await thread()
    await run(api, gone, "echo", input=said("hi"))

    answer = await post(api, "/threads/prune", thread_ids=[gone, str(uuid4())], **strategy)

    assert answer == {"pruned_count": 1}
    assert (await api.get(f"/threads/{gone}")).status_code == 404
    assert (await api.get(f"/threads/{gone}/runs")).status_code == 404
    assert await counts(gone) == {"checkpoints": 0, "blobs": 0, "writes": 0}
    await get(api, f"/threads/{kept}")


async def test_the_newest_checkpoint_is_kept_whole(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    for text in ("one", "two"):
        await run(api, thread_id, "echo", input=said(text))
    row, state = (
        await get(api, f"/threads/{thread_id}"),
        await get(api, f"/threads/{thread_id}/state"),
    )

    assert await keep_latest(api, thread_id) == {"pruned_count": 1}

    pruned = await get(api, f"/threads/{thread_id}/state")
    assert state["parent_checkpoint"]
    assert pruned == {**state, "parent_checkpoint": None, "parent_checkpoint_id": None}
    assert await get(api, f"/threads/{thread_id}/history") == [pruned]
    assert await get(api, f"/threads/{thread_id}") == row
    assert len(await get(api, f"/threads/{thread_id}/runs")) == 2
    assert await counts(thread_id) == {"checkpoints": 1, "blobs": 1, "writes": 0}


async def test_a_pruned_thread_goes_on(api: httpx.AsyncClient, thread: MakeThread) -> None:
    thread_id = await thread()
    await run(api, thread_id, "echo", input=said("one"))
    await keep_latest(api, thread_id)

    await run(api, thread_id, "echo", input=said("two"))

    assert texts(await get(api, f"/threads/{thread_id}/state")) == ["one", "one", "two", "two"]
    assert len(await get(api, f"/threads/{thread_id}/history")) == 4


@pytest.mark.parametrize("graph", ["ask", "parentask"])
async def test_a_question_can_still_be_answered(
    api: httpx.AsyncClient, thread: MakeThread, graph: str
) -> None:
    thread_id = await thread()
    await run(api, thread_id, graph, input=said("hi"))
    state = await get(api, f"/threads/{thread_id}/state", subgraphs="true")

    await keep_latest(api, thread_id)

    pruned = await get(api, f"/threads/{thread_id}/state", subgraphs="true")
    assert pruned["interrupts"] == state["interrupts"]
    answered = await run(api, thread_id, graph, input=None, command={"resume": "yes"})
    assert [message["content"] for message in answered["messages"]] == ["hi", "got yes"]


async def test_subgraphs_of_what_is_dropped_are_dropped(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    for text in ("one", "two"):
        await run(api, thread_id, "parent", input=said(text))
    await run(api, thread_id, "parentask", input=said("three"))
    await run(api, thread_id, "parentask", input=None, command={"resume": "yes"})

    await keep_latest(api, thread_id)

    assert await counts(thread_id) == {"checkpoints": 1, "blobs": 1, "writes": 0}


async def test_answers_given_side_by_side_are_kept(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    await run(api, thread_id, "twoasks", input={})
    first, second = (await get(api, f"/threads/{thread_id}/state"))["interrupts"]
    await run(api, thread_id, "twoasks", input=None, command={"resume": {first["id"]: "a"}})

    await keep_latest(api, thread_id)

    values = await run(
        api, thread_id, "twoasks", input=None, command={"resume": {second["id"]: "b"}}
    )
    assert sorted(values["answers"]) == ["a", "b"]


async def test_a_fork_is_what_is_kept(api: httpx.AsyncClient, thread: MakeThread) -> None:
    thread_id = await thread()
    await run(api, thread_id, "echo", input=said("one"))
    old = await get(api, f"/threads/{thread_id}/state")
    await run(api, thread_id, "echo", input=said("two"))
    await post(api, f"/threads/{thread_id}/state", values=said("x"), checkpoint=old["checkpoint"])

    await keep_latest(api, thread_id)

    assert texts(await get(api, f"/threads/{thread_id}/state")) == ["one", "one", "x"]


@pytest.mark.parametrize("strategy", ["delete", "keep_latest"])
async def test_a_busy_thread_is_never_touched(
    api: httpx.AsyncClient, thread: MakeThread, strategy: str
) -> None:
    thread_id = await thread()
    await run(api, thread_id, "echo", input=said("hi"))
    before = await counts(thread_id)
    await db.execute("UPDATE thread SET status = 'busy' WHERE thread_id = %s", [thread_id])

    answer = await post(api, "/threads/prune", thread_ids=[thread_id], strategy=strategy)

    assert answer == {"pruned_count": 0}
    assert await counts(thread_id) == before
    await db.execute("UPDATE thread SET status = 'idle' WHERE thread_id = %s", [thread_id])


async def test_a_thread_that_needs_all_of_its_history_keeps_it(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    await run(api, thread_id, "delta", input={"notes": ["a"]})
    await run(api, thread_id, "delta", input={"notes": ["b"]})
    before = await counts(thread_id)

    assert await keep_latest(api, thread_id) == {"pruned_count": 0}

    assert await counts(thread_id) == before
    state = await get(api, f"/threads/{thread_id}/state")
    assert state["values"]["notes"] == ["a", "seen", "b", "seen"]


async def test_a_thread_named_twice_or_without_checkpoints_counts_once(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()

    assert await keep_latest(api, thread_id, thread_id) == {"pruned_count": 1}
    assert await keep_latest(api) == {"pruned_count": 0}


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({}, "thread_ids"),
        ({"thread_ids": "all"}, "thread_ids"),
        ({"thread_ids": ["x"]}, "thread_ids"),
        ({"thread_ids": [], "strategy": "some"}, "strategy: must be one of delete, keep_latest"),
    ],
)
async def test_a_malformed_prune_is_422(
    api: httpx.AsyncClient, body: dict[str, Any], word: str
) -> None:
    answer = await api.post("/threads/prune", json=body)

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(word)


async def test_pruning_many_takes_no_more_statements(
    api: httpx.AsyncClient, thread: MakeThread, statements: Statements
) -> None:
    ids = [await thread() for _ in range(4)]
    before = len(statements)
    await keep_latest(api, ids[0])
    for_one = len(statements) - before

    await keep_latest(api, *ids[1:])

    assert len(statements) - before == 2 * for_one
