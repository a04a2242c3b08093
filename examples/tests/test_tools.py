from __future__ import annotations

import pytest

from examples.expressions import evaluate, shown
from examples.tools import calculator, search_notes, weather


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("2 + 3 * (4 - 1)", "11"),
        ("-2 ^ 2", "-4"),
        ("7 % 4 / 2", "1.5"),
        ("0.1 + 0.2", "0.3"),
        ("1234567 * 10", "12345670"),
        ("12/4", "3"),
    ],
)
def test_the_calculator_knows_arithmetic(expression: str, result: str) -> None:
    assert shown(evaluate(expression)) == result


@pytest.mark.parametrize(
    "expression",
    [
        "__import__('os')",
        "1 if 1 else 2",
        "True + 1",
        "'a' * 3",
        "2 +",
        "1 / 0",
        "9 ^ 9 ^ 9",
        "(0 - 8) ^ 0.5",
        "10.0 ^ 60 * 10.0 ^ 60 ^ 60",
        "1" * 300,
        "\0",
    ],
)
def test_the_calculator_refuses_anything_else(expression: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - every message names its own cause
        evaluate(expression)


async def test_a_refusal_is_told_to_the_model() -> None:
    call = {"type": "tool_call", "id": "1", "name": "calculator", "args": {"expression": "1 / 0"}}

    answer = await calculator.ainvoke(call)

    assert (answer.status, answer.content) == ("error", "'1 / 0' divides by zero.")


async def test_the_weather_in_a_city_does_not_change() -> None:
    assert await weather.ainvoke({"city": "Paris"}) == await weather.ainvoke({"city": " Paris "})


async def test_notes_are_found_by_a_word() -> None:
    assert "checkpoints" in await search_notes.ainvoke({"query": "threads"})
    assert await search_notes.ainvoke({"query": "zebra"}) == "No note mentions 'zebra'."
