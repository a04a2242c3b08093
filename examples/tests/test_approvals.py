from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import ToolCall

from examples.approvals import approval_requests, decisions

CALL = ToolCall(type="tool_call", id="call_1", name="weather", args={"city": "Paris"})
OTHER = ToolCall(type="tool_call", id="call_2", name="weather", args={"city": "Oslo"})


@pytest.mark.parametrize(
    "answer",
    [
        [{"type": "accept", "args": None}],
        {"type": "accept"},
        {"decisions": [{"type": "approve"}]},
        [True],
        True,
        "yes",
        " Approve ",
        {"type": "edit", "args": None},
    ],
)
def test_these_answers_approve(answer: Any) -> None:
    assert [each.call for each in decisions([CALL], answer)] == [CALL]


@pytest.mark.parametrize(
    "answer",
    [
        [{"type": "ignore", "args": None}],
        {"type": "reject"},
        {"decisions": [{"type": "reject"}]},
        False,
        "no",
    ],
)
def test_these_answers_reject(answer: Any) -> None:
    [rejected] = decisions([CALL], answer)

    assert rejected.call is None
    assert rejected.message == "The user rejected this call."


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"decisions": [{"type": "reject", "message": "no"}]}, "The user rejected this call: no"),
        ([{"type": "response", "args": "in Oslo"}], "The user answers: in Oslo"),
        ("in Oslo", "The user answers: in Oslo"),
        ({"city": "Oslo"}, 'The user answers: {"city": "Oslo"}'),
        (7, "The user answers: 7"),
    ],
)
def test_these_answers_are_told_to_the_model(answer: Any, message: str) -> None:
    [told] = decisions([CALL], answer)

    assert (told.call, told.message) == (None, message)


@pytest.mark.parametrize(
    "answer",
    [
        [{"type": "edit", "args": {"action": "weather", "args": {"city": "Oslo"}}}],
        {"type": "edit", "args": {"city": "Oslo"}},
        {
            "decisions": [
                {"type": "edit", "edited_action": {"name": "weather", "args": OTHER["args"]}}
            ]
        },
    ],
)
def test_these_answers_edit(answer: Any) -> None:
    [edited] = decisions([CALL], answer)

    assert edited.call == {**CALL, "args": {"city": "Oslo"}}


def test_one_answer_holds_for_all_calls() -> None:
    assert [each.call for each in decisions([CALL, OTHER], "yes")] == [CALL, OTHER]


def test_each_call_may_have_its_own_answer() -> None:
    decided = decisions([CALL, OTHER], [{"type": "ignore"}, {"type": "accept"}])

    assert [each.call for each in decided] == [None, OTHER]


@pytest.mark.parametrize("answer", [[], ["yes", "yes", "no"]])
def test_another_number_of_answers_is_refused(answer: list[str]) -> None:
    with pytest.raises(ValueError, match="2 tool calls wait for approval"):
        decisions([CALL, OTHER], answer)


def test_a_request_has_the_shape_of_the_agent_inbox() -> None:
    [request] = approval_requests([CALL])

    assert request["action_request"] == {"action": "weather", "args": {"city": "Paris"}}
    assert all(request["config"].values())
    assert request["description"] == 'May I call weather with {"city": "Paris"}?'
