"""What a run is made of: its assistant's, its thread's and its own settings, merged (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from common.errors import BadRequest
from common.jsoncodec import Json, JsonObject
from runs.spec import RunSpec

# The server alone says these; a client's value is left out.
_SERVER_KEYS = frozenset(
    {
        *("run_id", "thread_id", "graph_id", "assistant_id", "cron_id", "user_id"),
        "langgraph_request_id",
    }
)
_FORCED_METADATA = frozenset({"thread_id", "assistant_id", "run_id", "cron_id"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a run stands on."""

    assistant_id: UUID
    graph_id: str
    config: JsonObject
    context: JsonObject
    metadata: JsonObject
    thread_metadata: JsonObject
    thread_config: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedRun:
    """The columns that a new run writes."""

    run_id: UUID
    thread_id: UUID
    kwargs: JsonObject
    metadata: JsonObject
    thread_metadata: JsonObject
    """Merged into the thread's: by it, front ends find their threads."""
    thread_configurable: JsonObject
    """Merged into the thread's, so that later runs inherit it."""
    checkpoint_id: str | None
    """Where to fork from."""


def merge(
    spec: RunSpec, ground: Ground, *, run_id: UUID, thread_id: UUID, temporary: bool
) -> MergedRun:
    """Merge, later wins: assistant < thread < run < server; source: the API's rules.

    Raises BadRequest when the run has both a context and `config.configurable`.
    """
    require_one_context(spec)
    asked = _client_keys(spec.config.get("configurable"))
    inherited = _client_keys(ground.thread_config.get("configurable"))
    configurable = {
        **_client_keys(ground.config.get("configurable")),
        **inherited,
        **asked,
        **spec.context,
    }
    context = {**ground.context, **(spec.context or {**inherited, **asked})}
    of_cron: JsonObject = {"cron_id": str(spec.cron_id)} if spec.cron_id else {}
    metadata = {**_metadata(spec, ground), **of_cron}
    checkpoint = _checkpoint(spec)
    identity: JsonObject = {
        "run_id": str(run_id),
        "thread_id": str(thread_id),
        "graph_id": ground.graph_id,
        "assistant_id": str(ground.assistant_id),
        **of_cron,
    }
    if spec.request_id:
        identity["langgraph_request_id"] = spec.request_id
    config: JsonObject = {
        **{key: value for key, value in ground.config.items() if key != "configurable"},
        **{key: value for key, value in spec.config.items() if key != "configurable"},
        # Headers say who calls, in the words of a gateway: a body cannot say otherwise.
        "configurable": {**configurable, **_client_keys(spec.headers), **checkpoint, **identity},
        "metadata": metadata,
    }
    # A thread that is made for the cron's run is found by the cron that it is of.
    of_thread = {} if spec.thread_id else of_cron
    return MergedRun(
        run_id=run_id,
        thread_id=thread_id,
        kwargs=_kwargs(spec, config, context, temporary=temporary),
        metadata=metadata,
        thread_metadata={
            "graph_id": ground.graph_id,
            "assistant_id": str(ground.assistant_id),
            **of_thread,
        },
        thread_configurable=asked,
        checkpoint_id=_text(checkpoint.get("checkpoint_id")),
    )


def require_one_context(spec: RunSpec) -> None:
    if spec.context and _client_keys(spec.config.get("configurable")):
        raise BadRequest(
            "Both `context` and `config.configurable` are given; a run takes one of them."
        )


def _client_keys(configurable: Any) -> JsonObject:
    """Keep what a client may set: neither identity nor internals nor another checkpoint."""
    if not isinstance(configurable, dict):
        return {}
    return {
        key: value
        for key, value in configurable.items()
        if key not in _SERVER_KEYS and not key.startswith(("langgraph_auth_", "__", "checkpoint_"))
    }


def _checkpoint(spec: RunSpec) -> JsonObject:
    """Return where to fork from; `config.configurable` may name it too, as RemoteGraph does."""
    given = spec.config.get("configurable")
    named = given if isinstance(given, dict) else {}
    source: JsonObject = {**named, **(spec.checkpoint or {})}
    return {
        key: source[key]
        for key in ("checkpoint_id", "checkpoint_ns", "checkpoint_map")
        if source.get(key) is not None
    }


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) and value else None


def _metadata(spec: RunSpec, ground: Ground) -> JsonObject:
    config_metadata = spec.config.get("metadata")
    given: JsonObject = {
        **ground.metadata,
        **ground.thread_metadata,
        **(config_metadata if isinstance(config_metadata, dict) else {}),
        **spec.metadata,
    }
    return {
        **{key: value for key, value in given.items() if key not in _FORCED_METADATA},
        "graph_id": ground.graph_id,
        "assistant_id": str(ground.assistant_id),
    }


def _kwargs(
    spec: RunSpec, config: JsonObject, context: JsonObject, *, temporary: bool
) -> JsonObject:
    return {
        "input": spec.input,
        "command": spec.command,
        "config": config,
        "context": context,
        "stream_mode": list(spec.stream_mode),
        "interrupt_before": spec.interrupt_before,  # type: ignore[dict-item]
        "interrupt_after": spec.interrupt_after,  # type: ignore[dict-item]
        "webhook": spec.webhook,
        "feedback_keys": spec.feedback_keys,  # type: ignore[dict-item]
        "temporary": temporary,
        "subgraphs": spec.stream_subgraphs,
        "resumable": spec.stream_resumable,
        "checkpoint_during": spec.durability != "exit",
        "durability": spec.durability,
        # Not among the keys that every run has: clients know it by the answer alone.
        **({"strict_resume": True} if spec.strict_resume else {}),
    }
