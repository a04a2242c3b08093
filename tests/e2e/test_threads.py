from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from langgraph_sdk.errors import ConflictError, NotFoundError, UnprocessableEntityError

from tests.e2e.asking import last_text, said
from tests.e2e.awaited import Client

pytestmark = pytest.mark.slow


@pytest.fixture
async def spoken(client: Client, thread_id: str) -> str:
    """A thread on which `echo` ran twice."""
    await client.runs.wait(thread_id, "echo", input=said("one"))
    await client.runs.wait(thread_id, "echo", input=said("two"))
    return thread_id


async def test_a_thread_is_created_and_read(client: Client) -> None:
    made = await client.threads.create(metadata={"color": "red"})

    assert await client.threads.get(made["thread_id"]) == made
    assert (made["status"], made["metadata"], made["values"]) == ("idle", {"color": "red"}, None)


async def test_an_id_of_ones_own_is_taken_once(client: Client) -> None:
    own = str(uuid4())
    made = await client.threads.create(thread_id=own, metadata={"first": True})

    with pytest.raises(ConflictError):
        await client.threads.create(thread_id=own)
    assert await client.threads.create(thread_id=own, if_exists="do_nothing") == made


async def test_metadata_is_merged(client: Client) -> None:
    made = await client.threads.create(metadata={"a": 1, "b": 1})

    updated = await client.threads.update(made["thread_id"], metadata={"b": 2, "c": None})
    nothing = await client.threads.update(made["thread_id"], metadata={"d": 4}, return_minimal=True)

    assert updated["metadata"] == {"a": 1, "b": 2, "c": None}
    assert nothing is None
    assert (await client.threads.get(made["thread_id"]))["metadata"]["d"] == 4


async def test_threads_are_searched_and_counted(client: Client) -> None:
    mark = {"mark": str(uuid4())}
    made = [(await client.threads.create(metadata=mark))["thread_id"] for _ in range(3)]

    newest = await client.threads.search(metadata=mark, sort_by="created_at", sort_order="desc")
    page = await client.threads.search(
        metadata=mark,
        sort_by="created_at",
        sort_order="asc",
        limit=1,
        offset=1,
        select=["thread_id"],
    )

    assert [each["thread_id"] for each in newest] == made[::-1]
    assert page == [{"thread_id": made[1]}]
    assert await client.threads.count(metadata=mark) == 3
    assert await client.threads.search(metadata=mark, status="busy") == []
    assert {each["thread_id"] for each in await client.threads.search(ids=made[:2])} == {*made[:2]}


async def test_threads_are_found_by_their_values(client: Client) -> None:
    made = [(await client.threads.create(graph_id="writer"))["thread_id"] for _ in range(2)]
    for count, each in enumerate(made):
        await client.threads.update_state(each, {"count": count})

    found = await client.threads.search(values={"count": 1}, ids=made)

    assert [each["thread_id"] for each in found] == made[1:]


async def test_a_deleted_thread_is_gone(client: Client, spoken: str) -> None:
    await client.threads.delete(spoken)

    for gone in (client.threads.get, client.threads.get_state, client.threads.get_history):
        with pytest.raises(NotFoundError):
            await gone(spoken)


async def test_a_thread_shows_what_its_runs_left(client: Client, spoken: str) -> None:
    thread = await client.threads.get(spoken)

    assert (thread["status"], thread["metadata"]["graph_id"]) == ("idle", "echo")
    assert last_text(thread["values"]) == "two"


async def test_the_state_is_that_of_the_last_checkpoint(client: Client, spoken: str) -> None:
    state = await client.threads.get_state(spoken)

    assert [message["content"] for message in state["values"]["messages"]] == [
        "one",
        "one",
        "two",
        "two",
    ]
    assert (state["next"], state["tasks"]) == ([], [])
    assert state["checkpoint"]["thread_id"] == spoken
    assert state["metadata"]["graph_id"] == "echo"


async def test_history_is_newest_first_and_paged(client: Client, spoken: str) -> None:
    history = await client.threads.get_history(spoken)
    older = await client.threads.get_history(spoken, limit=2, before=history[1]["checkpoint"])

    ids = [state["checkpoint"]["checkpoint_id"] for state in history]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 6
    assert [state["checkpoint"]["checkpoint_id"] for state in older] == ids[2:4]
    parents = [state["parent_checkpoint"] for state in history]
    assert [parent and parent["checkpoint_id"] for parent in parents] == [*ids[1:], None]


async def test_a_state_of_the_past_is_read(client: Client, spoken: str) -> None:
    past = (await client.threads.get_history(spoken))[3]

    by_id = await client.threads.get_state(
        spoken, checkpoint_id=past["checkpoint"]["checkpoint_id"]
    )
    by_checkpoint = await client.threads.get_state(spoken, checkpoint=past["checkpoint"])

    assert by_id["values"] == by_checkpoint["values"] == past["values"]
    assert last_text(past["values"]) == "one"


async def test_an_updated_state_goes_on(client: Client, spoken: str) -> None:
    answer = await client.threads.update_state(spoken, said("three"), as_node="echo")

    state = await client.threads.get_state(spoken)
    assert last_text(state["values"]) == "three"
    assert state["checkpoint"]["checkpoint_id"] == answer["checkpoint"]["checkpoint_id"]
    assert last_text((await client.threads.get(spoken))["values"]) == "three"


async def test_a_run_forks_from_a_checkpoint(client: Client, spoken: str) -> None:
    past = (await client.threads.get_history(spoken))[3]

    values = await client.runs.wait(
        spoken, "echo", input=said("other"), checkpoint_id=past["checkpoint"]["checkpoint_id"]
    )

    said_in_it = [message["content"] for message in values["messages"]]
    assert said_in_it == ["one", "one", "other", "other"]
    assert (await client.threads.get_state(spoken))["values"] == values


async def test_a_fresh_thread_has_an_empty_state(client: Client, thread_id: str) -> None:
    state = await client.threads.get_state(thread_id)

    assert (state["values"], state["next"], state["checkpoint"]) == ({}, [], None)
    assert await client.threads.get_history(thread_id) == []


async def test_an_id_that_is_none_is_refused(client: Client) -> None:
    with pytest.raises(UnprocessableEntityError, match="UUID"):
        await client.threads.get("nonesuch")
    with pytest.raises(NotFoundError):
        await client.threads.get(str(uuid4()))


async def test_a_thread_is_copied(client: Client, spoken: str) -> None:
    copied: Any = await client.threads.copy(spoken)

    copy_id = copied["thread_id"]
    assert last_text(copied["values"]) == "two"
    assert await client.runs.list(copy_id) == []
    await client.runs.wait(copy_id, "echo", input=said("three"))
    assert last_text((await client.threads.get_state(spoken))["values"]) == "two"


async def test_threads_are_pruned(client: Client, spoken: str) -> None:
    before = await client.threads.get_state(spoken)

    kept = await client.threads.prune([spoken], strategy="keep_latest")

    [left] = await client.threads.get_history(spoken)
    assert (kept, left["values"]) == ({"pruned_count": 1}, before["values"])
    assert await client.threads.prune([spoken]) == {"pruned_count": 1}
    with pytest.raises(NotFoundError):
        await client.threads.get(spoken)


async def test_a_thread_is_made_with_a_history(client: Client) -> None:
    told = [{"role": "user", "content": "one"}]
    answered = {"messages": [{"role": "assistant", "content": "yes"}]}
    supersteps = [
        {"updates": [{"values": {"messages": told}, "as_node": "__input__"}]},
        {"updates": [{"values": {"messages": told}, "as_node": "__start__"}]},
        {"updates": [{"values": answered, "as_node": "echo"}]},
    ]

    made = await client.threads.create(graph_id="echo", supersteps=supersteps)

    assert last_text(made["values"]) == "yes"
    assert len(await client.threads.get_history(made["thread_id"])) == 3


async def test_values_are_extracted(client: Client, spoken: str) -> None:
    paths = {"last": "values.messages[-1].content", "graph": "metadata.graph_id", "no": "values.x"}

    [found] = await client.threads.search(ids=[spoken], select=["thread_id"], extract=paths)

    extracted = {"last": "two", "graph": "echo", "no": None}
    assert found == {"thread_id": spoken, "extracted": extracted}


async def test_a_time_to_live_is_shown(client: Client) -> None:
    made = await client.threads.create(ttl=90)
    await client.threads.update(
        made["thread_id"], metadata={}, ttl={"ttl": 5, "strategy": "keep_latest"}
    )

    shown: Any = await client.threads.get(made["thread_id"], include=["ttl"])

    assert (shown["ttl"]["ttl_minutes"], shown["ttl"]["strategy"]) == (5, "keep_latest")


async def test_fields_of_a_state_are_selected(client: Client, spoken: str) -> None:
    state: Any = await client.threads.get_state(spoken, select=["values.messages", "next"])
    history: Any = await client.threads.get_history(spoken, limit=2, select=["next"])

    assert state.keys() == {"values", "next"}
    assert last_text(state["values"]) == "two"
    assert history == [{"next": []}, {"next": ["echo"]}]
