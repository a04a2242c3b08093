from __future__ import annotations

from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.memory import InMemoryStore

from examples.memory_agent import graph as storeless
from examples.tests.asking import AnyGraph, ask, last_text


@pytest.fixture
def store() -> InMemoryStore:
    return InMemoryStore()


@pytest.fixture
def graph(store: InMemoryStore) -> AnyGraph:
    return storeless.copy({"checkpointer": InMemorySaver(), "store": store})


async def told(graph: AnyGraph, text: str, *, thread_id: str, user: str = "ada") -> str:
    config: RunnableConfig = {"configurable": {"thread_id": thread_id}}
    context: Any = {"user_id": user}
    return last_text(await graph.ainvoke(ask(text), config, context=context))


async def test_a_fact_is_kept_under_the_user(graph: AnyGraph, store: InMemoryStore) -> None:
    answer = await told(graph, "Please remember that I like green tea.", thread_id="1")

    [item] = await store.asearch(("memories", "ada"))
    assert item.value == {"fact": "I like green tea"}
    assert answer == "The remember tool says: Noted, I like green tea."


async def test_another_thread_of_the_user_recalls_it(graph: AnyGraph) -> None:
    await told(graph, "remember that I like green tea", thread_id="1")

    answer = await told(graph, "What do you remember about me?", thread_id="2")

    assert answer == "The recall tool says: I like green tea."


async def test_another_user_does_not_recall_it(graph: AnyGraph) -> None:
    await told(graph, "remember that I like green tea", thread_id="1")

    answer = await told(graph, "What do you know about me?", thread_id="2", user="bob")

    assert answer == "The recall tool says: Nothing is known about this user."


async def test_a_fact_told_twice_is_kept_once(graph: AnyGraph, store: InMemoryStore) -> None:
    await told(graph, "remember that I like tea", thread_id="1")
    await told(graph, "Remember that I like tea!", thread_id="2")

    assert len(await store.asearch(("memories", "ada"))) == 1


async def test_who_is_authenticated_cannot_choose_another_user(
    graph: AnyGraph, store: InMemoryStore
) -> None:
    config: RunnableConfig = {
        "configurable": {"thread_id": "1", "langgraph_auth_user_id": "mallory"}
    }
    context: Any = {"user_id": "ada"}

    await graph.ainvoke(ask("remember that I was here"), config, context=context)

    assert not await store.asearch(("memories", "ada"))
    assert await store.asearch(("memories", "mallory"))


async def test_without_a_store_it_says_what_is_missing() -> None:
    with pytest.raises(RuntimeError, match="needs a store"):
        await storeless.ainvoke(ask("remember that I like tea"))
