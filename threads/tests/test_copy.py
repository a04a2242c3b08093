from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from common import db
from common.tests.statements import Statements
from threads.tests.conversing import MakeThread, get, post, run, said, texts

TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")


async def rows(table: str, thread_id: str) -> list[Any]:
    """Return what a table of LangGraph's has of a thread, without the thread's id."""
    query = f"SELECT to_jsonb({table}) - 'thread_id' AS row FROM {table} WHERE thread_id = %s"
    found = [row["row"].parse() for row in await db.fetch_all(query, [thread_id])]
    for row in found:
        row.get("metadata", {}).pop("thread_id", None)
    return sorted(found, key=str)


async def test_a_copy_has_metadata_values_and_status_but_no_runs(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    source_id = await thread(metadata={"title": "rain"})
    config = {"configurable": {"model": "m"}}
    await run(api, source_id, "ask", input=said("hi"), config=config)
    source = await get(api, f"/threads/{source_id}")

    copy = await post(api, f"/threads/{source_id}/copy")

    assert UUID(copy["thread_id"]).version == 7
    assert copy["thread_id"] != source_id
    assert source["config"]
    assert copy["config"] == {}
    for field in ("metadata", "values", "interrupts", "status"):
        assert copy[field] == source[field], field
    assert copy["status"] == "interrupted"
    assert copy["created_at"] == copy["updated_at"] > source["updated_at"]
    assert await get(api, f"/threads/{copy['thread_id']}") == copy
    assert await get(api, f"/threads/{copy['thread_id']}/runs") == []


async def test_checkpoints_keep_their_ids_and_subgraphs(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    source_id = await thread()
    await run(api, source_id, "parentask", input=said("hi"))

    copy_id = (await post(api, f"/threads/{source_id}/copy"))["thread_id"]

    for table in TABLES:
        copied = await rows(table, copy_id)
        assert copied, table
        assert copied == await rows(table, source_id)
    state = await get(api, f"/threads/{copy_id}/state", subgraphs="true")
    source = await get(api, f"/threads/{source_id}/state", subgraphs="true")
    assert state["checkpoint_id"] == source["checkpoint_id"]
    assert state["tasks"][0]["state"]["next"] == ["ask"]
    assert state["metadata"]["thread_id"] == copy_id


async def test_source_and_copy_go_their_own_ways(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    source_id = await thread()
    await run(api, source_id, "ask", input=said("hi"))
    copy_id = (await post(api, f"/threads/{source_id}/copy"))["thread_id"]

    answered = await run(api, copy_id, "ask", input=None, command={"resume": "yes"})

    assert [message["content"] for message in answered["messages"]] == ["hi", "got yes"]
    assert texts(await get(api, f"/threads/{source_id}/state")) == ["hi"]
    assert (await get(api, f"/threads/{source_id}"))["status"] == "interrupted"
    await api.delete(f"/threads/{source_id}")
    assert texts(await get(api, f"/threads/{copy_id}/state")) == ["hi", "got yes"]


async def test_an_empty_thread_is_copied_too(api: httpx.AsyncClient, thread: MakeThread) -> None:
    source_id = await thread(metadata={"a": 1})

    copy = await post(api, f"/threads/{source_id}/copy")

    assert (copy["metadata"], copy["status"], copy["values"]) == ({"a": 1}, "idle", None)


async def test_a_failed_run_is_left_behind(api: httpx.AsyncClient, thread: MakeThread) -> None:
    source_id = await thread()
    await run(api, source_id, "boom")
    assert (await get(api, f"/threads/{source_id}"))["status"] == "error"

    copy = await post(api, f"/threads/{source_id}/copy")

    # What its newest checkpoint says: a node is still to run.
    assert (copy["status"], copy["error"]) == ("interrupted", None)
    assert (await get(api, f"/threads/{copy['thread_id']}/state"))["next"] == ["boom"]


async def test_of_a_busy_thread_what_is_committed_is_copied(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    source_id = await thread()
    await run(api, source_id, "sleeper", input={"seconds": 0})
    body = {"assistant_id": "sleeper", "input": {"seconds": 30}}
    run_id = (await api.post(f"/threads/{source_id}/runs", json=body)).json()["run_id"]
    state = f"/threads/{source_id}/state"
    while (await get(api, state, select="next")) != {"next": ["sleep"]}:  # noqa: ASYNC110 -- until the input is taken
        await asyncio.sleep(0.01)

    copy = await post(api, f"/threads/{source_id}/copy")

    assert (copy["status"], copy["values"]["seconds"]) == ("interrupted", 30)
    assert (await get(api, f"/threads/{source_id}"))["status"] == "busy"
    await api.post(f"/threads/{source_id}/runs/{run_id}/cancel?wait=1")


async def test_a_copy_of_an_unknown_graphs_busy_thread_is_made_all_the_same(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    source_id = await thread(metadata={"graph_id": "retired"})
    await db.execute("UPDATE thread SET status = 'error' WHERE thread_id = %s", [source_id])

    copy = await post(api, f"/threads/{source_id}/copy")

    assert (copy["status"], copy["metadata"]) == ("idle", {"graph_id": "retired"})


async def test_a_missing_source_is_409(api: httpx.AsyncClient) -> None:
    missing = uuid4()

    answer = await api.post(f"/threads/{missing}/copy")

    assert answer.status_code == 409
    assert str(missing) in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/threads/nonsense/copy", "/threads/1/copy"])
async def test_no_uuid_is_422(api: httpx.AsyncClient, path: str) -> None:
    answer = await api.post(path)

    assert answer.status_code == 422
    assert answer.json()["detail"] == "Invalid thread ID: must be a UUID"


async def test_a_copy_is_one_statement_however_long_the_history(
    api: httpx.AsyncClient, thread: MakeThread, statements: Statements
) -> None:
    source_id = await thread()
    await run(api, source_id, "steps", input={})
    before = len(statements)

    await post(api, f"/threads/{source_id}/copy")

    assert len(statements) - before == 1
