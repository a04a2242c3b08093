"""A graph on the server, used as if it were here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.pregel.remote import RemoteException, RemoteGraph
from langgraph.types import Command
from langgraph_sdk import get_client, get_sync_client

from common.tests.servers import LiveServer
from tests.e2e.asking import WEATHER, WEATHER_ANSWER, last_text, said

pytestmark = pytest.mark.slow


Remote = Callable[[str], RemoteGraph]


@pytest.fixture
async def remote(server: LiveServer) -> AsyncIterator[Remote]:
    with get_sync_client(url=server.url) as sync_client:
        async with get_client(url=server.url) as client:
            yield partial(RemoteGraph, client=client, sync_client=sync_client)


@pytest.fixture
def graph(remote: Remote) -> RemoteGraph:
    return remote("react_agent")


@pytest.fixture
def thread() -> RunnableConfig:
    return {"configurable": {"thread_id": str(uuid4())}}


def test_it_is_invoked(graph: RemoteGraph, thread: RunnableConfig) -> None:
    values = graph.invoke(said(WEATHER), thread)

    assert last_text(values) == WEATHER_ANSWER
    assert last_text(graph.get_state(thread).values) == WEATHER_ANSWER


async def test_it_is_invoked_from_a_loop(graph: RemoteGraph) -> None:
    assert last_text(await graph.ainvoke(said(WEATHER))) == WEATHER_ANSWER


def test_it_streams(graph: RemoteGraph, thread: RunnableConfig) -> None:
    modes: Any = ["updates", "messages"]

    parts: list[Any] = list(graph.stream(said(WEATHER), thread, stream_mode=modes))

    nodes = [next(iter(part.data)) for part in parts if part.event == "updates"]
    assert nodes == ["agent", "tools", "agent"]
    tokens = [part.data[0]["content"] for part in parts if part.event == "messages"]
    assert "".join(tokens).endswith(WEATHER_ANSWER)


def test_its_subgraphs_stream(remote: Remote) -> None:
    graph = remote("parent")

    parts: list[Any] = list(graph.stream(said("x"), stream_mode="updates", subgraphs=True))

    assert {bool(namespace) for namespace, _ in parts} == {True, False}


def test_it_asks_and_is_answered(remote: Remote, thread: RunnableConfig) -> None:
    graph = remote("react_agent_hitl")

    asked = graph.invoke(said(WEATHER), thread)
    state = graph.get_state(thread)
    values = graph.invoke(Command(resume="yes"), thread)

    [question] = asked["__interrupt__"]
    assert question["value"][0]["action_request"]["action"] == "weather"
    assert (state.next, len(state.interrupts)) == (("approval",), 1)
    assert last_text(values) == WEATHER_ANSWER


def test_its_state_is_updated(graph: RemoteGraph, thread: RunnableConfig) -> None:
    graph.invoke(said(WEATHER), thread)

    config = graph.update_state(thread, said("Thanks."), as_node="agent")

    state = graph.get_state(thread)
    assert last_text(state.values) == "Thanks."
    assert state.config["configurable"] == config["configurable"]
    assert len(list(graph.get_state_history(thread))) == 6


def test_its_error_is_raised(remote: Remote, thread: RunnableConfig) -> None:
    with pytest.raises(RemoteException, match="kaput"):
        remote("boom").invoke(said("x"), thread)


def test_it_is_drawn(graph: RemoteGraph) -> None:
    assert {"agent", "tools"} <= graph.get_graph().nodes.keys()


async def test_its_subgraphs_are_drawn_too(remote: Remote) -> None:
    graph = remote("parent")

    outside, inside = await graph.aget_graph(), await graph.aget_graph(xray=True)

    assert ("sub" in outside.nodes, "sub:call" in outside.nodes) == (True, False)
    assert ("sub" in inside.nodes, "sub:call" in inside.nodes) == (False, True)


def test_it_is_a_node_of_a_graph_here(graph: RemoteGraph) -> None:
    here = StateGraph(MessagesState).add_node("there", graph).add_edge(START, "there").compile()

    values = here.invoke(MessagesState(messages=[HumanMessage(WEATHER)]))

    assert values["messages"][-1].content == WEATHER_ANSWER


def test_its_question_is_asked_by_the_graph_here(remote: Remote) -> None:
    graph = remote("react_agent_hitl")
    here = StateGraph(MessagesState).add_node("there", graph).add_edge(START, "there").compile()

    values = here.invoke(MessagesState(messages=[HumanMessage(WEATHER)]))

    assert values["__interrupt__"][0].value[0]["action_request"]["action"] == "weather"
