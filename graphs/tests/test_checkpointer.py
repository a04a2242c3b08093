from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.pregel import Pregel

from graphs.checkpointer import open_saver
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
