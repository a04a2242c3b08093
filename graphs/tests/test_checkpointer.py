from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.pregel import Pregel

from common import db
from graphs.checkpointer import Fence, RunOver, open_run_saver, open_saver
from graphs.loop import on_graph_loop


async def answer(state: MessagesState) -> dict[str, Any]:
    return {"messages": [AIMessage("yes", id=f"a{len(state['messages'])}")]}


@pytest.fixture
def config() -> Any:
    return {"configurable": {"thread_id": str(uuid4())}}


async def conversing(config: Any) -> Pregel[Any, Any, Any, Any]:
    """Return a graph that was asked three times."""
    graph = StateGraph(MessagesState).add_node(answer).add_edge(START, "answer")
    compiled = graph.compile(checkpointer=await open_saver())
    for text in ("one", "two", "three"):
        await compiled.ainvoke({"messages": [HumanMessage(text, id=text)]}, config)
    return compiled


async def history(config: Any) -> list[Any]:
    graph = await conversing(config)
    return [snapshot async for snapshot in graph.aget_state_history(config)]


@pytest.mark.usefixtures("api")
async def test_a_message_is_one_object_in_a_whole_history(config: Any) -> None:
    newest, *older = await on_graph_loop(history(config))

    first = newest.values["messages"][0]
    holding = [state.values["messages"][0] for state in older if state.values.get("messages")]
    assert len(older) == 8
    assert len(holding) == 7
    assert all(message is first for message in holding)


@pytest.mark.usefixtures("api")
async def test_each_checkpoint_has_a_list_of_its_own(config: Any) -> None:
    states = await on_graph_loop(history(config))

    lists = [state.values["messages"] for state in states if state.values.get("messages")]
    assert [len(messages) for messages in lists] == [6, 5, 4, 4, 3, 2, 2, 1]
    assert len({id(messages) for messages in lists}) == len(lists)


async def alone(config: Any) -> tuple[Any, Any]:
    graph = await conversing(config)
    return await graph.aget_state(config), await graph.aget_state(config)


@pytest.mark.usefixtures("api")
async def test_what_a_run_is_given_is_nobody_elses(config: Any) -> None:
    one, other = await on_graph_loop(alone(config))

    assert one.values == other.values
    assert one.values["messages"][0] is not other.values["messages"][0]


WRITES = "SELECT count(*) FROM checkpoint_writes WHERE thread_id = %s"
WRITE = ([("channel", "value")], str(uuid4()))
HOLDS = Fence(statement="SELECT 1 / count(*) FROM (SELECT 1) AS held", parameters=[])
FALLEN = Fence(statement="SELECT 1 / count(*) FROM (SELECT 1 LIMIT 0) AS held", parameters=[])


@pytest.fixture
def place(config: Any) -> Any:
    return {"configurable": {**config["configurable"], "checkpoint_ns": "", "checkpoint_id": "1"}}


@pytest.mark.usefixtures("api")
async def test_a_run_that_is_over_writes_no_more(place: Any) -> None:
    saver = await open_run_saver(HOLDS)

    await saver.close(5)

    with pytest.raises(RunOver):
        await saver.aput_writes(place, *WRITE)
    row = await db.fetch_one(WRITES, [place["configurable"]["thread_id"]])
    assert row == {"count": 0}


@pytest.mark.usefixtures("api")
async def test_the_end_of_a_run_waits_for_what_is_being_written(place: Any) -> None:
    saver = await open_run_saver(HOLDS)
    writing = asyncio.create_task(saver.aput_writes(place, *WRITE))
    await asyncio.sleep(0)
    assert not writing.done()

    await saver.close(5)

    row = await db.fetch_one(WRITES, [place["configurable"]["thread_id"]])
    assert row == {"count": 1}
    await writing


@pytest.mark.usefixtures("api")
async def test_what_a_fence_keeps_out_is_not_written(place: Any) -> None:
    saver = await open_run_saver(FALLEN)

    with pytest.raises(RunOver, match="another attempt"):
        await saver.aput_writes(place, *WRITE)

    row = await db.fetch_one(WRITES, [place["configurable"]["thread_id"]])
    assert row == {"count": 0}
    # The connection it took is of use to others.
    assert await saver.aget_tuple(place) is None
