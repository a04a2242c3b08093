"""Agents of the examples that take more than a message: memory, and a configuration."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.e2e.asking import last_text, said
from tests.e2e.awaited import Client

pytestmark = pytest.mark.slow


async def test_a_fact_is_remembered_in_another_thread(client: Client) -> None:
    user = {"user_id": str(uuid4())}
    fact = said("Remember that I like tea.")
    await client.runs.wait(None, "memory_agent", input=fact, context=user)

    question = said("What do you remember about me?")
    values = await client.runs.wait(None, "memory_agent", input=question, context=user)

    assert last_text(values) == "The recall tool says: I like tea."
    kept = await client.store.search_items(["memories", user["user_id"]])
    assert [item["value"] for item in kept["items"]] == [{"fact": "I like tea"}]


async def test_a_graph_is_made_for_an_assistants_configuration(client: Client) -> None:
    persona = {"name": "Ada", "style": "pirate", "tools": []}
    assistant = await client.assistants.create("factory", config={"configurable": persona})

    values = await client.runs.wait(None, assistant["assistant_id"], input=said("Hello!"))
    drawn = await client.assistants.get_graph(assistant["assistant_id"])

    assert last_text(values).startswith("Ada")
    assert last_text(values).endswith("Arr!")
    assert "tools" not in {node["id"] for node in drawn["nodes"]}
