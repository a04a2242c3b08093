"""A run on a thread that this process remembers, when another has changed what it stands on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import httpx
import pytest

from access.caller import ANONYMOUS
from common import db
from runs.ground_queries import recall_ground
from tests.streaming import MakeThread, settled
from threads.seen import recall_thread

MakeAssistant: TypeAlias = "Callable[..., Awaitable[dict[str, Any]]]"

# As other processes write them.
CONFIGURE = """
UPDATE {table} SET config = '{{"configurable": {{"model": "new"}}}}',
       updated_at = clock_timestamp() WHERE {table}_id = %s
"""


def said(*words: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": word} for word in words]}


async def waited(api: httpx.AsyncClient, thread_id: str, **body: Any) -> httpx.Response:
    return await api.post(f"/threads/{thread_id}/runs/wait", json={"input": {}, **body})


async def remembered(api: httpx.AsyncClient, thread_id: str, assistant_id: str) -> None:
    """Run once, and see that the next run goes by what is remembered."""
    assert (await waited(api, thread_id, assistant_id=assistant_id)).status_code == 200
    await settled(api, thread_id)
    assert recall_ground(assistant_id, UUID(thread_id), caller=ANONYMOUS) is not None


async def test_a_new_configuration_of_the_assistant_is_the_runs(
    api: httpx.AsyncClient, thread: MakeThread, assistant: MakeAssistant
) -> None:
    thread_id = await thread()
    made = await assistant(graph_id="mirror", config={"configurable": {"model": "old"}})
    await remembered(api, thread_id, made["assistant_id"])
    await db.execute(CONFIGURE.format(table="assistant"), [made["assistant_id"]])

    answer = await waited(api, thread_id, assistant_id=made["assistant_id"])

    assert answer.json()["value"]["configurable"]["model"] == "new"


async def test_a_new_configuration_of_the_thread_is_the_runs(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    await remembered(api, thread_id, "mirror")
    await db.execute(CONFIGURE.format(table="thread"), [thread_id])

    answer = await waited(api, thread_id, assistant_id="mirror")

    assert answer.json()["value"]["configurable"]["model"] == "new"


async def test_what_a_run_has_set_is_inherited_by_the_next(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    asked = {"configurable": {"model": "asked"}}
    await waited(api, thread_id, assistant_id="mirror", config=asked)
    await remembered(api, thread_id, "mirror")

    answer = await waited(api, thread_id, assistant_id="mirror")

    assert answer.json()["value"]["configurable"]["model"] == "asked"


async def test_a_thread_that_another_has_deleted_is_not_found(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    await remembered(api, thread_id, "echo")
    await db.execute("DELETE FROM thread WHERE thread_id = %s", [thread_id])

    answer = await waited(api, thread_id, assistant_id="echo")

    assert answer.status_code == 404
    assert thread_id in answer.json()["detail"]
    assert recall_thread(UUID(thread_id), caller=ANONYMOUS) is None


async def test_an_assistant_that_another_has_deleted_is_none(
    api: httpx.AsyncClient, thread: MakeThread, assistant: MakeAssistant
) -> None:
    thread_id = await thread()
    made = await assistant()
    await remembered(api, thread_id, made["assistant_id"])
    await db.execute("DELETE FROM run WHERE thread_id = %s", [thread_id])
    await db.execute("DELETE FROM assistant WHERE assistant_id = %s", [made["assistant_id"]])

    answer = await waited(api, thread_id, assistant_id=made["assistant_id"])

    assert answer.status_code == 422
    assert made["assistant_id"] in answer.json()["detail"]


async def test_of_two_runs_at_once_one_waits_for_the_other(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    await remembered(api, thread_id, "echo")

    answers = await asyncio.gather(
        *(waited(api, thread_id, assistant_id="echo", input=said(word)) for word in "abc")
    )

    counts = sorted(len(answer.json()["messages"]) for answer in answers)
    # The run before had nothing to say, and echoed that.
    assert counts == [3, 5, 7]


async def test_the_first_run_goes_on_from_a_state_that_was_written_before(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread(metadata={"graph_id": "echo"})
    state = {"values": said("before"), "as_node": "__start__"}
    await api.post(f"/threads/{thread_id}/state", json=state)

    answer = await waited(api, thread_id, assistant_id="echo", input=said("hi"))

    assert [message["content"] for message in answer.json()["messages"]][:2] == ["before", "hi"]


@pytest.mark.parametrize("names_id", [True, False])
async def test_a_thread_made_anew_has_the_checkpoints_that_are_stored_under_its_id(
    api: httpx.AsyncClient, thread: MakeThread, *, names_id: bool
) -> None:
    thread_id = await thread(thread_id=str(uuid4())) if names_id else await thread()
    await waited(api, thread_id, assistant_id="echo", input=said("before"))
    await settled(api, thread_id)
    # As of a program that has used LangGraph's saver, and no server.
    await db.execute("DELETE FROM thread WHERE thread_id = %s", [thread_id])
    await thread(thread_id=thread_id)

    answer = await waited(api, thread_id, assistant_id="echo", input=said("hi"))

    messages = [message["content"] for message in answer.json()["messages"]]
    assert messages == ["before", "before", "hi", "hi"]


async def test_a_thread_of_much_metadata_is_not_remembered(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread(metadata={"long": "x" * 10_000})

    assert recall_thread(UUID(thread_id), caller=ANONYMOUS) is None
    answer = await waited(api, thread_id, assistant_id="echo", input=said("hi"))
    assert len(answer.json()["messages"]) == 2
    await settled(api, thread_id)
    assert recall_thread(UUID(thread_id), caller=ANONYMOUS) is None
