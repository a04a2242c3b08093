from __future__ import annotations

import time
from functools import reduce
from operator import add

import pytest
from langchain_core.messages import AIMessageChunk, HumanMessage, SystemMessage, ToolMessage

from examples.scripted_model import ScriptedChatModel
from examples.tools import TOOLS

with_tools = ScriptedChatModel().bind_tools(TOOLS)


async def chunks_of(text: str) -> list[AIMessageChunk]:
    chunks = [chunk async for chunk in with_tools.astream([HumanMessage(text)])]
    return [chunk for chunk in chunks if isinstance(chunk, AIMessageChunk)]


async def test_tokens_stream_in_order_under_one_id() -> None:
    chunks = await chunks_of("count to 12")

    assert [chunk.content for chunk in chunks[:3]] == ["1", " 2", " 3"]
    assert "".join(str(chunk.content) for chunk in chunks) == "1 2 3 4 5 6 7 8 9 10 11 12"
    assert len({chunk.id for chunk in chunks}) == 1


async def test_only_the_last_chunk_closes_the_message_and_counts() -> None:
    chunks = await chunks_of("count to 3")

    assert [chunk.chunk_position for chunk in chunks] == [None, None, None, "last"]
    assert chunks[-1].usage_metadata == {"input_tokens": 3, "output_tokens": 3, "total_tokens": 6}


async def test_a_tool_call_streams_in_pieces() -> None:
    chunks = await chunks_of("weather in Paris")

    whole = reduce(add, chunks)

    pieces = [piece for chunk in chunks for piece in chunk.tool_call_chunks]
    assert [piece["args"] for piece in pieces] == ["", '{"city', '":', ' "Paris', '"}']
    assert [call["args"] for call in whole.tool_calls] == [{"city": "Paris"}]
    assert whole.response_metadata["finish_reason"] == "tool_calls"


def test_the_same_answer_streams_without_a_loop() -> None:
    chunks = list(with_tools.stream("count to 3"))

    assert [chunk.content for chunk in chunks] == ["1", " 2", " 3", ""]
    assert with_tools.invoke("count to 3").content == "1 2 3"


@pytest.mark.parametrize(
    ("text", "called"),
    [
        ("What is the weather in new york tomorrow?", [("weather", {"city": "new york"})]),
        ("forecast for Paris and Oslo", [("weather", {"city": c}) for c in ("Paris", "Oslo")]),
        ("how is the weather", [("weather", {"city": "Paris"})]),
        ("What is 2 + 3 * (4 - 1)?", [("calculator", {"expression": "2 + 3 * (4 - 1)"})]),
        ("the sum of 1, 2 and 3.5", [("calculator", {"expression": "1 + 2 + 3.5"})]),
        ("ten is 7 plus 3", [("calculator", {"expression": "7 + 3"})]),
        ("Search the notes for threads.", [("search_notes", {"query": "threads"})]),
        ("Meet on 2026-01-31 in room b-2", []),
        ("550e8400-e29b-41d4-a716-446655440000", []),
        ("hello", []),
    ],
)
async def test_what_the_user_says_decides_the_tool(
    text: str, called: list[tuple[str, dict[str, str]]]
) -> None:
    answer = await with_tools.ainvoke(text)

    assert [(call["name"], call["args"]) for call in answer.tool_calls] == called


async def test_without_a_fitting_tool_it_echoes() -> None:
    answer = await ScriptedChatModel().ainvoke("weather in Paris")

    assert answer.content == 'You said: "weather in Paris". Tell me more, I am listening.'


async def test_tool_choice_none_keeps_it_from_calling() -> None:
    model = ScriptedChatModel().bind_tools(TOOLS, tool_choice="none")

    assert not (await model.ainvoke("weather in Paris")).tool_calls


async def test_the_results_of_tools_become_the_answer() -> None:
    results = [
        ToolMessage("It rains.", name="weather", tool_call_id="call_1"),
        ToolMessage("No.", name="calculator", tool_call_id="call_2", status="error"),
    ]

    answer = await with_tools.ainvoke([HumanMessage("weather and 1 / 0"), *results])

    assert answer.content == (
        "The weather tool says: It rains. I have no answer from the calculator tool: No."
    )


async def test_a_call_id_is_not_used_twice_in_a_conversation() -> None:
    question = HumanMessage("weather in Paris and Oslo")
    first = await with_tools.ainvoke([question])

    second = await with_tools.ainvoke([question, first, question])

    ids = [call["id"] for answer in (first, second) for call in answer.tool_calls]
    assert ids == ["call_1", "call_2", "call_3", "call_4"]


async def test_a_system_message_frames_the_answer() -> None:
    prompt = SystemMessage('Begin every answer with "Ada:". End every answer with "Bye."')

    answer = await ScriptedChatModel().ainvoke([prompt, HumanMessage("count to 2")])

    assert answer.content == "Ada: 1 2 Bye."


async def test_an_empty_conversation_is_greeted() -> None:
    assert str((await with_tools.ainvoke([])).content).startswith("Hello!")


async def test_a_long_message_of_digits_does_not_stall() -> None:
    started = time.monotonic()

    await with_tools.ainvoke("1 " * 50_000 + "x")

    assert time.monotonic() - started < 1


async def test_the_delay_is_the_field_before_the_environment() -> None:
    model = ScriptedChatModel(token_delay_ms=5)
    started = time.monotonic()

    await model.ainvoke("count to 9")

    assert time.monotonic() - started >= 0.05
