"""An agent that asks a human before it acts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.asking import WEATHER, WEATHER_ANSWER, data_of, last_text, said, tokens_of
from tests.e2e.awaited import Client

pytestmark = pytest.mark.slow


@pytest.fixture
async def asked(client: Client, thread_id: str) -> str:
    """A thread on which the agent waits for approval."""
    await client.runs.wait(thread_id, "react_agent_hitl", input=said(WEATHER))
    return thread_id


async def test_the_stream_ends_with_the_question(client: Client, thread_id: str) -> None:
    stream = client.runs.stream(
        thread_id, "react_agent_hitl", input=said(WEATHER), stream_mode=["updates", "values"]
    )
    parts = [part async for part in stream]

    [question] = data_of(parts, "updates")[-1]["__interrupt__"]
    assert question["value"][0]["action_request"] == {
        "action": "weather",
        "args": {"city": "Paris"},
    }
    assert data_of(parts, "values")[-1]["__interrupt__"][0]["id"] == question["id"]
    assert parts[-1].event != "error"


async def test_the_thread_shows_the_question(client: Client, asked: str) -> None:
    thread = await client.threads.get(asked)
    state = await client.threads.get_state(asked)
    [run] = await client.runs.list(asked)

    assert (thread["status"], run["status"]) == ("interrupted", "success")
    [task] = state["tasks"]
    assert thread["interrupts"] == {task["id"]: task["interrupts"]}
    assert (state["next"], state["interrupts"]) == (["approval"], task["interrupts"])
    assert asked in [
        each["thread_id"] for each in await client.threads.search(status="interrupted")
    ]


async def test_an_approved_agent_streams_its_answer(client: Client, asked: str) -> None:
    stream = client.runs.stream(
        asked, "react_agent_hitl", command={"resume": "yes"}, stream_mode="messages-tuple"
    )
    parts = [part async for part in stream]

    assert "".join(tokens_of(parts)) == WEATHER_ANSWER
    thread = await client.threads.get(asked)
    assert (thread["status"], thread["interrupts"]) == ("idle", {})


async def test_a_strict_resume_needs_a_question(client: Client, thread_id: str) -> None:
    answer: dict[str, Any] = {"command": {"resume": "yes"}, "strict_resume": True}

    with pytest.raises(Exception, match="answer"):
        await client.runs.wait(thread_id, "react_agent_hitl", **answer)
    await client.runs.wait(thread_id, "react_agent_hitl", input=said(WEATHER))
    values = await client.runs.wait(thread_id, "react_agent_hitl", **answer)

    assert last_text(values) == WEATHER_ANSWER


async def test_a_rejected_agent_answers_without_its_tool(client: Client, asked: str) -> None:
    values = await client.runs.wait(asked, "react_agent_hitl", command={"resume": "no"})

    assert last_text(values).startswith("I have no answer from the weather tool")


async def test_an_edit_goes_through(client: Client, asked: str) -> None:
    edit = [{"type": "edit", "args": {"action": "weather", "args": {"city": "Oslo"}}}]

    values = await client.runs.wait(asked, "react_agent_hitl", command={"resume": edit})

    assert last_text(values).endswith("in Oslo.")


async def test_an_agent_inside_a_graph_asks_too(client: Client, thread_id: str) -> None:
    asking = await client.runs.wait(thread_id, "subgraph_hitl_agent", input=said(WEATHER))
    state = await client.threads.get_state(thread_id, subgraphs=True)
    values = await client.runs.wait(thread_id, "subgraph_hitl_agent", command={"resume": True})

    assert len(asking["__interrupt__"]) == 1
    [task] = state["tasks"]
    assert task["state"]["next"] == ["approval"]
    assert last_text(values) == WEATHER_ANSWER


async def test_two_questions_are_answered_by_their_ids(client: Client, thread_id: str) -> None:
    asking = await client.runs.wait(thread_id, "twoasks", input={})
    answers = {each["id"]: each["value"]["q"].upper() for each in asking["__interrupt__"]}

    values = await client.runs.wait(thread_id, "twoasks", command={"resume": answers})

    assert sorted(values["answers"]) == ["LEFT?", "RIGHT?"]


async def test_a_breakpoint_stops_and_goes_on(client: Client, thread_id: str) -> None:
    await client.runs.wait(
        thread_id, "react_agent", input=said(WEATHER), interrupt_before=["tools"]
    )
    stopped = await client.threads.get(thread_id)

    values = await client.runs.wait(thread_id, "react_agent", input=None)

    assert (stopped["status"], stopped["interrupts"]) == ("interrupted", {})
    assert last_text(values) == WEATHER_ANSWER


async def test_a_question_is_dismissed(client: Client, asked: str) -> None:
    await client.threads.update_state(asked, None, as_node="__end__")

    thread = await client.threads.get(asked)
    assert (thread["status"], thread["interrupts"]) == ("idle", {})


async def test_the_question_is_asked_again_from_the_past(client: Client, asked: str) -> None:
    [before] = await client.threads.get_history(asked, limit=1, metadata={"step": 0})
    await client.runs.wait(asked, "react_agent_hitl", command={"resume": "no"})

    again = await client.runs.wait(asked, "react_agent_hitl", checkpoint=before["checkpoint"])
    values = await client.runs.wait(asked, "react_agent_hitl", command={"resume": "yes"})

    assert len(again["__interrupt__"]) == 1
    assert last_text(values) == WEATHER_ANSWER
