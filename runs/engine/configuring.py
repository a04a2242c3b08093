"""What a graph is called with: the RunnableConfig and the context of one attempt."""

from __future__ import annotations

import dataclasses
from typing import Any

from django.conf import settings

from access.caller import Caller
from common.errors import Unprocessable
from common.jsoncodec import JsonObject
from runs.engine.modes import STREAM_MODES
from runs.spec import ClaimedRun

# What a client's config may set for LangChain; the rest of it names objects of a process.
CONFIG_KEYS = ("tags", "recursion_limit", "max_concurrency", "run_name")
# LangGraph's own switch, which has no public name: see `UnknownInterruptError`.
STRICT_RESUME = "__pregel_strict_resume"


# What a run's record may lack: it was written by another version of the server.
ASKED_FOR: JsonObject = {
    "input": None,
    "command": None,
    "context": {},
    "stream_mode": ["values"],
    "interrupt_before": None,
    "interrupt_after": None,
    "subgraphs": False,
    "durability": "async",
}


class UnreadableRun(Unprocessable):
    """The record of a run cannot be executed."""


def readable(run: ClaimedRun, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return what a run's record asks for; raises UnreadableRun, and names the key."""
    if not run.graph_id:
        raise UnreadableRun(
            "The record of this run names no graph (`config.configurable.graph_id`): it was "
            "written by another version of the server. Create the run anew."
        )
    modes = kwargs["stream_mode"]
    if not isinstance(modes, list) or not STREAM_MODES.issuperset(modes):
        raise UnreadableRun(
            f"The record of this run asks for `stream_mode` {modes!r}, which this version of the "
            "server does not know. Create the run anew."
        )
    return kwargs


# Where a run forks from. An attempt that goes on does so from what the run has written since.
FORK_KEYS = ("checkpoint_id", "checkpoint_ns", "checkpoint_map")


def graph_config(run: ClaimedRun, caller: Caller, *, goes_on: bool = False) -> dict[str, Any]:
    """Return the RunnableConfig of an attempt: what was asked, and what the server adds."""
    config: Any = run.config
    dropped = FORK_KEYS if goes_on else ()
    asked = {key: value for key, value in run.configurable.items() if key not in dropped}
    identity = {
        "run_id": str(run.run_id),
        "thread_id": str(run.thread_id),
        "graph_id": run.graph_id,
        "assistant_id": str(run.assistant_id),
    }
    return {
        "run_name": run.graph_id,
        **{key: config[key] for key in CONFIG_KEYS if key in config},
        "run_id": run.run_id if run.attempt == 1 else None,
        "configurable": {
            **asked,
            **identity,
            "user_id": caller.identity,
            "langgraph_auth_user": caller.user,
            "langgraph_auth_user_id": caller.identity,
            "langgraph_auth_permissions": list(caller.permissions),
            **({STRICT_RESUME: True} if run.is_strict else {}),
        },
        "metadata": {
            "created_by": "system",
            **config.get("metadata", {}),
            **identity,
            "run_attempt": run.attempt,
            "langgraph_version": settings.LANGGRAPH_VERSION,
            "langgraph_api_version": settings.VERSION,
            "langgraph_plan": "self_hosted",
            "langgraph_host": "self-hosted",
        },
    }


def usable_context(graph: Any, context: JsonObject) -> JsonObject | None:
    """Return what of the context the graph's schema can take; None when that is nothing."""
    schema = getattr(graph, "context_schema", None)
    fields = getattr(schema, "__dataclass_fields__", None) or getattr(schema, "model_fields", None)
    if fields is None:
        return context or None
    usable = {key: value for key, value in context.items() if key in fields}
    return usable if usable or not _has_required(fields) else None


def _has_required(fields: dict[str, Any]) -> bool:
    return any(
        field.is_required()
        if hasattr(field, "is_required")
        else field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        for field in fields.values()
    )
