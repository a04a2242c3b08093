"""Threads that are copied, imported, pruned, or told when to go; and reading a part of them."""

from __future__ import annotations

from uuid import uuid4

import pytest
from langgraph_sdk.errors import NotFoundError

from tests.e2e.asking import last_text, said
from tests.e2e.awaited import Client

pytestmark = pytest.mark.slow


@pytest.fixture
async def spoken(client: Client, thread_id: str) -> str:
    """A thread on which `echo` ran twice."""
    await client.runs.wait(thread_id, "echo", input=said("one"))
    await client.runs.wait(thread_id, "echo", input=said("two"))
    return thread_id


async def test_a_copy_goes_its_own_way(client: Client, spoken: str) -> None:
    source = await client.threads.get(spoken)

    copy = await client.threads.copy(spoken)
    await client.runs.wait(copy["thread_id"], "echo", input=said("three"))

    assert copy["thread_id"] != spoken
    assert (copy["values"], copy["status"]) == (source["values"], "idle")
    assert len(await client.threads.get_history(copy["thread_id"])) == 9
    assert await client.threads.get(spoken) == source


async def test_threads_are_pruned(client: Client, spoken: str) -> None:
    values = (await client.threads.get_state(spoken))["values"]

    thinned = await client.threads.prune(thread_ids=[spoken], strategy="keep_latest")
    history = await client.threads.get_history(spoken)
    gone = await client.threads.prune([spoken])

    assert (thinned, gone) == ({"pruned_count": 1}, {"pruned_count": 1})
    assert [state["values"] for state in history] == [values]
    with pytest.raises(NotFoundError):
        await client.threads.get(spoken)


async def test_a_history_is_imported(client: Client) -> None:
    steps = [{"updates": [{"values": said(word), "as_node": "echo"}]} for word in ("one", "two")]

    made = await client.threads.create(graph_id="echo", supersteps=steps)

    history = await client.threads.get_history(made["thread_id"])
    assert [last_text(state["values"]) for state in history] == ["two", "one"]
    assert last_text((await client.threads.get(made["thread_id"]))["values"]) == "two"


async def test_a_thread_is_told_when_to_go(client: Client) -> None:
    made = await client.threads.create(ttl=60)
    thread_id = made["thread_id"]

    first = await client.threads.get(thread_id, include=["ttl"])
    await client.threads.update(thread_id, metadata={}, ttl={"ttl": 90, "strategy": "keep_latest"})
    second = await client.threads.get(thread_id, include=["ttl"])

    assert "ttl" not in await client.threads.get(thread_id)
    assert (first["ttl"]["strategy"], first["ttl"]["ttl_minutes"]) == ("delete", 60)
    assert (second["ttl"]["strategy"], second["ttl"]["ttl_minutes"]) == ("keep_latest", 90)
    assert first["ttl"]["expires_at"] < second["ttl"]["expires_at"]


async def test_a_search_brings_a_part_of_the_values(client: Client, spoken: str) -> None:
    paths = {"last": "values.messages[-1].content", "nothing": "values.nothing"}

    [found] = await client.threads.search(ids=[spoken], extract=paths, select=["thread_id"])

    assert found == {"thread_id": spoken, "extracted": {"last": "two", "nothing": None}}


async def test_a_part_of_a_state_is_read(client: Client, spoken: str) -> None:
    whole = await client.threads.get_state(spoken)

    part = await client.threads.get_state(spoken, select=["values.messages"])
    past = await client.threads.get_state(
        spoken, checkpoint=whole["checkpoint"], select=["next", "values"]
    )
    history = await client.threads.get_history(spoken, limit=2, select=["checkpoint"])

    assert part == {"values": {"messages": whole["values"]["messages"]}}
    assert past == {"next": [], "values": whole["values"]}
    assert [state.keys() for state in history] == [{"checkpoint"}, {"checkpoint"}]


async def test_threads_are_counted_by_state_and_values(client: Client, spoken: str) -> None:
    mark = {"mark": str(uuid4())}
    await client.threads.update(spoken, metadata=mark)
    await client.threads.create(metadata=mark)
    values = (await client.threads.get(spoken))["values"]

    assert await client.threads.count(metadata=mark) == 2
    assert await client.threads.count(metadata=mark, values=values) == 1
    assert await client.threads.count(metadata=mark, status="busy") == 0
