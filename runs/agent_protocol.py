"""Runs and what they come to, in the Agent Protocol's shapes (pure; version 0.1.6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.jsoncodec import Json
from runs.models import RunStatus

# The protocol's statuses have no word for a run that is being executed.
STATUSES = {RunStatus.RUNNING: RunStatus.PENDING}
STREAM_MODES = ("values", "messages", "updates", "custom")
CONFIG_KEYS = ("tags", "recursion_limit", "configurable")
ROLES = {"human": "user", "ai": "assistant", "AIMessageChunk": "assistant"}


def speaks_agent_protocol(body: Json) -> bool:
    """Tell whether a body is an Agent Protocol client's: it names an agent, not an assistant."""
    return (
        isinstance(body, dict)
        and body.get("agent_id") is not None
        and body.get("assistant_id") is None
    )


def agent_run(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run as the protocol has it; what else the row says stays beside that."""
    # Another version may have written it, with other keys.
    kwargs = _object(row["kwargs"].parse())
    config, modes = _object(kwargs.get("config")), kwargs.get("stream_mode")
    return {
        **row,
        "agent_id": row["assistant_id"],
        "status": STATUSES.get(row["status"], row["status"]),
        "input": kwargs.get("input"),
        "config": {key: config[key] for key in CONFIG_KEYS if config.get(key) is not None},
        "stream_mode": [mode for mode in modes if mode in STREAM_MODES]
        if isinstance(modes, list)
        else [],
        "on_completion": "delete" if kwargs.get("temporary") else "keep",
        "langsmith_session_name": None,
    }


def agent_output(run: Mapping[str, Any], output: Any) -> dict[str, Any]:
    """Return what a run has come to: the run, its values, and the messages among them.

    A state that is no object is told under the name that LangGraph has for it.
    """
    values = output if isinstance(output, dict) else {"__root__": output}
    told: dict[str, Any] = {"run": run, "values": values}
    messages = values.get("messages")
    if isinstance(messages, list) and all(_is_message(item) for item in messages):
        told["messages"] = [_message(item) for item in messages]
    return told


def _object(found: Any) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}


def _is_message(item: Any) -> bool:
    return (
        isinstance(item, dict)
        and isinstance(item.get("type", item.get("role")), str)
        and isinstance(item.get("content"), str | list)
    )


def _message(item: dict[str, Any]) -> dict[str, Any]:
    kind = item.get("type", item.get("role"))
    content = item["content"]
    message = {
        **{key: value for key, value in item.items() if value is not None},
        "role": item.get("role") or ROLES.get(str(kind), kind),
    }
    if isinstance(content, list):
        message["content"] = [
            {"type": "text", "text": part} if isinstance(part, str) else part for part in content
        ]
    return message
