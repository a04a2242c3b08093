"""What a graph gives and takes, to and from JSON."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import BaseMessage, BaseMessageChunk, message_chunk_to_message
from langgraph.constants import END, START
from langgraph.types import Command, Send, StateSnapshot

from common.errors import Unprocessable
from common.jsoncodec import Json, JsonObject
from graphs.loader import Graph

# Keys of a configuration that tell of the caller, not of the checkpoint.
_PRIVATE_PREFIXES = ("langgraph_", "__")


def interrupts_json(interrupts: Any) -> list[JsonObject]:
    """Return interrupts as threads and states show them: `{id, value}`."""
    return [{"id": item.id, "value": item.value} for item in interrupts]


def pending_interrupts(snapshot: StateSnapshot) -> JsonObject:
    """Return the interrupts that wait for an answer, by task, as a thread shows them."""
    waiting: dict[str, Any] = {
        task.id: interrupts_json(task.interrupts) for task in snapshot.tasks if task.interrupts
    }
    return waiting


def as_message(message: BaseMessage) -> BaseMessage:
    """Return the message that a chunk, or an accumulation of chunks, stands for."""
    if isinstance(message, BaseMessageChunk):
        return message_chunk_to_message(message)
    return message


def values_of(values: Any) -> Any:
    """Return the state's values without the marker of an interrupt."""
    if isinstance(values, dict) and "__interrupt__" in values:
        return {key: value for key, value in values.items() if key != "__interrupt__"}
    return values


def public_config(config: Any) -> Any:
    """Return a checkpoint's config without what the server has put in for the graph's use."""
    if not config or "configurable" not in config:
        return config
    configurable = {
        key: value
        for key, value in config["configurable"].items()
        if not key.startswith(_PRIVATE_PREFIXES)
    }
    return {**config, "configurable": configurable}


class UnknownNode(Unprocessable):
    """A command goes to a node that the graph does not have; LangGraph would pass over it."""


def command_for(graph: Graph, command: JsonObject) -> Command[Any]:
    """Build LangGraph's Command from `{resume?, update?, goto?}`.

    Raises Unprocessable when `goto` is neither a node of the graph, nor `{node, input}`, nor a
    list of them.
    """
    update: Any = command.get("update")
    if isinstance(update, list):
        update = [(key, value) for key, value in map(tuple, update)]
    goto = _goto(command.get("goto"))
    _require_nodes(graph, goto)
    arguments: dict[str, Any] = {"update": update, "goto": goto}
    if "resume" in command:
        arguments["resume"] = command["resume"]
    return Command(**arguments)


def _goto(goto: Json) -> Any:
    if goto is None:
        return ()
    if isinstance(goto, list):
        return [_target(item) for item in goto]
    return _target(goto)


def _require_nodes(graph: Graph, goto: Any) -> None:
    nodes = sorted(graph.nodes.keys() - {START})
    for target in goto if isinstance(goto, list | tuple) else [goto]:
        name = target.node if isinstance(target, Send) else target
        if name not in (*nodes, END):
            raise UnknownNode(
                f"command.goto: the graph `{graph.name}` has no node {name!r}; "
                f"its nodes are {', '.join(nodes)}"
            )


def _target(goto: Json) -> str | Send:
    if isinstance(goto, str):
        return goto
    if isinstance(goto, dict) and isinstance(goto.get("node"), str):
        return Send(str(goto["node"]), goto.get("input", goto.get("args")))
    raise Unprocessable("command.goto: must be a node's name or {node, input}, or a list of these")


def state_json(snapshot: StateSnapshot) -> JsonObject:
    """Return LangGraph's snapshot as the API's ThreadState."""
    checkpoint = checkpoint_json(snapshot.config)
    parent = checkpoint_json(snapshot.parent_config)
    state: dict[str, Any] = {
        "values": values_of(snapshot.values),
        "next": list(snapshot.next),
        "tasks": [_task_json(task) for task in snapshot.tasks],
        "metadata": _metadata(snapshot),
        "created_at": snapshot.created_at,
        "checkpoint": checkpoint,
        "parent_checkpoint": parent,
        "interrupts": interrupts_json(snapshot.interrupts),
        "checkpoint_id": checkpoint and checkpoint["checkpoint_id"],
        "parent_checkpoint_id": parent and parent["checkpoint_id"],
    }
    return state


def _metadata(snapshot: StateSnapshot) -> Any:
    if snapshot.metadata is None:
        return None
    metadata: dict[str, Any] = dict(snapshot.metadata)
    kept = {key: value for key, value in metadata.items() if not key.startswith(_PRIVATE_PREFIXES)}
    return {**kept, "thread_id": snapshot.config.get("configurable", {}).get("thread_id")}


def _task_json(task: Any) -> JsonObject:
    nested = task.state
    is_snapshot = isinstance(nested, StateSnapshot)
    return {
        "id": task.id,
        "name": task.name,
        "path": list(task.path),
        "error": None if task.error is None else _error_text(task.error),
        "interrupts": interrupts_json(task.interrupts),
        "checkpoint": _task_checkpoint(nested),
        "state": state_json(nested) if is_snapshot else None,
        "result": task.result,
    }


def _error_text(error: Any) -> str:
    return repr(error) if isinstance(error, BaseException) else str(error)


def _task_checkpoint(nested: Any) -> Any:
    if isinstance(nested, StateSnapshot):
        return checkpoint_json(nested.config)
    if isinstance(nested, dict):
        return nested.get("configurable")
    return None


def checkpoint_json(config: Any) -> Any:
    """Return the checkpoint that a config names, as clients name it; None when it names none."""
    configurable = (config or {}).get("configurable") or {}
    if not configurable.get("checkpoint_id"):
        return None
    checkpoint = {
        "checkpoint_id": configurable["checkpoint_id"],
        "thread_id": configurable.get("thread_id"),
        "checkpoint_ns": configurable.get("checkpoint_ns", ""),
    }
    if configurable.get("checkpoint_map"):
        checkpoint["checkpoint_map"] = configurable["checkpoint_map"]
    return checkpoint
