"""What a run is made of; source: the API's rules of merging."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from common.errors import BadRequest
from runs.merging import Ground, MergedRun, merge
from runs.spec import RunSpec

RUN = UUID(int=1)
THREAD = UUID(int=2)
ASSISTANT = UUID(int=3)
IDENTITY = {
    "run_id": str(RUN),
    "thread_id": str(THREAD),
    "graph_id": "g",
    "assistant_id": str(ASSISTANT),
}


def merged(*, ground: Any = None, temporary: bool = False, **asked: Any) -> MergedRun:
    empty: dict[str, Any] = {
        "config": {},
        "context": {},
        "metadata": {},
        "thread_metadata": {},
        "thread_config": {},
    }
    return merge(
        RunSpec(assistant_id="g", **asked),
        Ground(assistant_id=ASSISTANT, graph_id="g", **{**empty, **(ground or {})}),
        run_id=RUN,
        thread_id=THREAD,
        temporary=temporary,
    )


def config_of(run: MergedRun) -> Any:
    return run.kwargs["config"]


def test_of_configurables_the_later_wins_and_the_server_last() -> None:
    ground = {
        "config": {"configurable": {"a": "assistant", "b": "assistant", "c": "assistant"}},
        "thread_config": {"configurable": {"b": "thread", "c": "thread"}},
    }

    run = merged(ground=ground, config={"configurable": {"c": "run", "run_id": "forged"}})

    expected = {"a": "assistant", "b": "thread", "c": "run", **IDENTITY}
    assert config_of(run)["configurable"] == expected
    assert run.thread_configurable == {"c": "run"}


@pytest.mark.parametrize(
    "key",
    [
        "run_id",
        "thread_id",
        "graph_id",
        "assistant_id",
        "cron_id",
        "user_id",
        "langgraph_request_id",
        "langgraph_auth_user",
        "langgraph_auth_user_id",
        "langgraph_auth_permissions",
        "__pregel_send",
        "__anything__",
    ],
)
@pytest.mark.parametrize("source", ["assistant", "thread", "run"])
def test_no_client_sets_what_the_server_says(source: str, key: str) -> None:
    forged: Any = {"configurable": {key: "forged"}}
    ground = {"assistant": {"config": forged}, "thread": {"thread_config": forged}}

    run = merged(ground=ground.get(source), config=forged if source == "run" else {})

    assert "forged" not in config_of(run)["configurable"].values()
    assert run.thread_configurable == {}


def test_other_keys_of_the_config_are_the_runs_over_the_assistants() -> None:
    ground = {"config": {"recursion_limit": 5, "tags": ["assistant"]}}

    run = merged(ground=ground, config={"recursion_limit": 7})

    assert config_of(run)["recursion_limit"] == 7
    assert config_of(run)["tags"] == ["assistant"]


def test_of_metadata_the_later_wins() -> None:
    ground = {
        "metadata": {"a": "assistant", "b": "assistant", "c": "assistant", "d": "assistant"},
        "thread_metadata": {"b": "thread", "c": "thread", "d": "thread"},
    }

    run = merged(
        ground=ground,
        config={"metadata": {"c": "config", "d": "config"}},
        metadata={"d": "body"},
    )

    assert run.metadata == {
        "a": "assistant",
        "b": "thread",
        "c": "config",
        "d": "body",
        "graph_id": "g",
        "assistant_id": str(ASSISTANT),
    }
    assert config_of(run)["metadata"] == run.metadata


@pytest.mark.parametrize("key", ["thread_id", "assistant_id", "run_id", "cron_id"])
def test_metadata_cannot_forge_identity(key: str) -> None:
    run = merged(metadata={key: "forged"}, config={"metadata": {key: "forged"}})

    assert "forged" not in run.metadata.values()


def test_a_crons_run_says_so_wherever_one_looks() -> None:
    cron = UUID(int=4)

    run = merged(cron_id=cron, metadata={"cron_id": "forged"}, context={"a": 1})

    assert run.metadata["cron_id"] == str(cron)
    assert config_of(run)["configurable"]["cron_id"] == str(cron)
    assert run.thread_metadata["cron_id"] == str(cron)


def test_a_thread_that_was_there_before_the_cron_is_not_marked_as_the_crons() -> None:
    run = merged(cron_id=UUID(int=4), thread_id=THREAD)

    assert "cron_id" not in run.thread_metadata


def test_context_overlays_the_assistants_and_is_mirrored_into_configurable() -> None:
    run = merged(ground={"context": {"a": 1, "b": 1}}, context={"b": 2})

    assert run.kwargs["context"] == {"a": 1, "b": 2}
    assert config_of(run)["configurable"]["b"] == 2
    assert run.thread_configurable == {}


def test_a_configurable_alone_is_the_context_too() -> None:
    run = merged(
        ground={"thread_config": {"configurable": {"a": "thread"}}},
        config={"configurable": {"b": "run"}},
    )

    assert run.kwargs["context"] == {"a": "thread", "b": "run"}


def test_context_and_configurable_at_once_are_refused() -> None:
    with pytest.raises(BadRequest, match="Both `context` and"):
        merged(context={"a": 1}, config={"configurable": {"b": 1}})


@pytest.mark.parametrize("configurable", [{}, {"thread_id": "x"}, {"checkpoint_id": "c"}])
def test_context_goes_with_a_configurable_that_says_nothing_of_its_own(configurable: Any) -> None:
    run = merged(context={"a": 1}, config={"configurable": configurable})

    assert run.kwargs["context"] == {"a": 1}


def test_a_checkpoint_is_passed_on_but_not_to_later_runs() -> None:
    origin = {"checkpoint_id": "c", "checkpoint_ns": "", "checkpoint_map": None, "thread_id": "x"}

    run = merged(checkpoint=origin)

    expected = {"checkpoint_id": "c", "checkpoint_ns": "", **IDENTITY}
    assert config_of(run)["configurable"] == expected
    assert (run.checkpoint_id, run.thread_configurable) == ("c", {})


def test_a_thread_is_found_by_its_graph_and_assistant() -> None:
    assert merged().thread_metadata == {"graph_id": "g", "assistant_id": str(ASSISTANT)}


def test_a_request_id_reaches_the_graph() -> None:
    run = merged(request_id="abc")

    assert config_of(run)["configurable"]["langgraph_request_id"] == "abc"


def test_the_record_has_every_key_whatever_was_asked() -> None:
    assert list(merged(temporary=True).kwargs.items()) == [
        ("input", None),
        ("command", None),
        ("config", config_of(merged())),
        ("context", {}),
        ("stream_mode", ["values"]),
        ("interrupt_before", None),
        ("interrupt_after", None),
        ("webhook", None),
        ("feedback_keys", None),
        ("temporary", True),
        ("subgraphs", False),
        ("resumable", False),
        ("checkpoint_during", True),
        ("durability", "async"),
    ]
