"""Arguments for the clients' methods: for each name one that does not go without saying."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from tests.compatibility.calls import Call, Parameter

_CHECKPOINT = {"checkpoint_id": "1ef4a9b8-e6fb-67b1-8001-abd5184439d1", "checkpoint_ns": "sub"}

SAMPLES: dict[str, Any] = {
    "action": "rollback",
    "after_seconds": 5,
    "as_node": "writer",
    "assistant_id": "fe096781-5601-53d2-b2f6-0d3403f7e9ca",
    "before": {"configurable": {"checkpoint_id": "1ef4a9b8-e6fb-67b1-8001-abd5184439d2"}},
    "cancel_on_disconnect": True,
    "checkpoint": _CHECKPOINT,
    "checkpoint_during": False,
    "checkpoint_id": _CHECKPOINT["checkpoint_id"],
    "command": {"resume": "yes"},
    "config": {"tags": ["a"]},
    "context": {"tone": "warm"},
    "cron_id": "1ef4a9b8-0000-67b1-8001-abd5184439d1",
    "delete_threads": True,
    "description": "A description",
    "durability": "exit",
    "enabled": False,
    "end_time": datetime(2030, 1, 1, tzinfo=UTC),
    "extract": {"first": "values.messages[0]"},
    "feedback_keys": ["thumbs"],
    "filter": {"n": 1},
    "graph_id": "graph",
    "ids": ["1ef4a9b8-5555-67b1-8001-abd5184439d1"],
    "if_exists": "do_nothing",
    "if_not_exists": "create",
    "include": ["ttl"],
    "index": ["text"],
    "include_pagination": True,
    "input": {"said": "x"},
    "interrupt_after": ["after"],
    "interrupt_before": ["before"],
    "key": "key",
    "langsmith_tracing": {"project_name": "p", "example_id": "e"},
    "langsmith_tracer": {"projectName": "p", "exampleId": "e"},
    "last_event_id": "17-3",
    "limit": 3,
    "max_depth": 2,
    "metadata": {"color": "red"},
    "multitask_strategy": "reject",
    "name": "a name",
    "namespace": ["a", "b"],
    "namespace_prefix": ["a", "b"],
    "offset": 2,
    "on_completion": "keep",
    "on_disconnect": "continue",
    "on_run_completed": "keep",
    "on_run_created": lambda run: None,
    "payloads": [{"assistant_id": "agent", "input": {"said": "x"}}],
    "prefix": ["pre"],
    "query": "a query",
    "raise_error": False,
    "reason": "taken",
    "recurse": True,
    "refresh_ttl": False,
    "response_format": "object",
    "return_minimal": True,
    "run_id": "1ef4a9b8-1111-67b1-8001-abd5184439d1",
    "run_ids": ["1ef4a9b8-2222-67b1-8001-abd5184439d1"],
    "schedule": "0 0 * * *",
    "select": ["metadata"],
    "sort_by": "created_at",
    "sort_order": "asc",
    "status": "error",
    "strategy": "keep_latest",
    "stream_idle_reconnect": 1000,
    "stream_mode": ["updates", "custom"],
    "stream_namespaces": ["sub"],
    "stream_resumable": True,
    "stream_subgraphs": True,
    "strict_resume": True,
    "subgraphs": True,
    "suffix": ["suf"],
    "supersteps": [{"updates": [{"values": {}, "as_node": "a"}]}],
    "thread_id": "1ef4a9b8-3333-67b1-8001-abd5184439d1",
    "thread_ids": ["1ef4a9b8-4444-67b1-8001-abd5184439d1"],
    "thread_id_or_config": "1ef4a9b8-3333-67b1-8001-abd5184439d1",
    "timezone": "Europe/Paris",
    "ttl": 7,
    "value": {"n": 1},
    "values": {"count": 1},
    "version": 2,
    "wait": True,
    "webhook": "https://example.com/hook",
    "xray": True,
}
# One name, another meaning.
_OWN: dict[tuple[str, str], Any] = {
    ("assistants.get_subgraphs", "namespace"): "sub",
    ("runs.stream", "version"): "v2",
}
# What every method takes, and hands on as it is.
OF_ALL = ("headers", "params", "signal")
# By which arguments a method comes to call another endpoint than with what it requires.
_WAYS: dict[str, list[dict[str, Any]]] = {
    "threads.get_state": [
        {},
        {"checkpoint": SAMPLES["checkpoint"]},
        {"checkpoint_id": SAMPLES["checkpoint_id"]},
    ],
    **{f"runs.{name}": [{}, {"thread_id": None}] for name in ("create", "stream", "wait")},
    "assistants.get_subgraphs": [{}, {"namespace": "sub"}],
}
# Ways that the Python SDK does not know.
_JAVASCRIPT_WAYS: dict[str, list[dict[str, Any]]] = {
    "threads.get_state": [{"checkpoint": SAMPLES["checkpoint_id"]}],
    "runs.join_stream": [{"thread_id": None}],
}


def sample(method: str, name: str) -> Any:
    """Return an argument; a parameter that has none is new, and somebody is to look at it."""
    own = _OWN.get((method, name))
    assert own is not None or name in SAMPLES, f"{method}({name}): samples.py has no value for it"
    return SAMPLES[name] if own is None else own


def another(value: Any) -> Any:
    """Return an argument of the same kind that differs."""
    if isinstance(value, list):
        return [*value, value[0]]
    if isinstance(value, dict):
        return {**value, "more": 1}
    return value + 1 if isinstance(value, int) else f"{value}x"


def ways(sdk: str, method: str, parameters: Sequence[Parameter]) -> list[Call]:
    """Return a call for each endpoint that a method may come to."""
    required = {each.name: sample(method, each.name) for each in parameters if each.is_required}
    more = _JAVASCRIPT_WAYS.get(method, []) if sdk == "JavaScript" else []
    return [
        Call(method=method, arguments={**required, **way})
        for way in (*_WAYS.get(method, [{}]), *more)
        if way.keys() <= names_of(parameters)
    ]


def names_of(parameters: Sequence[Parameter]) -> set[str]:
    return {each.name for each in parameters}
