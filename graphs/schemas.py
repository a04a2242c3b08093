"""What a graph looks like from outside: its JSON schemas, its drawing, its subgraphs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, NotRequired, Required, cast, get_type_hints
from weakref import WeakKeyDictionary

from langgraph.pregel.protocol import PregelProtocol
from pydantic import TypeAdapter
from typing_extensions import TypedDict, is_typeddict

from common.errors import NotFound, Unprocessable
from common.jsoncodec import JsonObject
from graphs.loader import Graph

logger = logging.getLogger(__name__)

Schema = dict[str, Any]
Schemas = dict[str, Schema | None]

# Channels by which a graph steers itself.
_INTERNAL = ("__", "branch:")

# By builder, which all copies of a graph share, and by name, which stands in the titles.
_known: WeakKeyDictionary[object, dict[str, Schemas]] = WeakKeyDictionary()


def graph_schemas(graph: Graph) -> Schemas:
    """Return the schemas that the API tells of a graph; null for one that cannot be derived.

    `config_schema` repeats `context_schema` for clients that know only the older name. Costs up
    to 0.1 s at the first call for a graph that is no factory's, then nothing; not to be changed.
    """
    builder = getattr(graph, "builder", None)
    if builder is None:
        return _schemas(graph, None)
    by_name = _known.setdefault(builder, {})
    name = graph.get_name()
    if name not in by_name:
        by_name[name] = _schemas(graph, builder)
    return by_name[name]


def _schemas(graph: Graph, builder: Any) -> Schemas:
    context = _context_schema(graph)
    return {
        "input_schema": _derived(graph.get_input_jsonschema)
        or _of_typed_dict(getattr(builder, "input_schema", None)),
        "output_schema": _derived(graph.get_output_jsonschema)
        or _of_typed_dict(getattr(builder, "output_schema", None)),
        "state_schema": _state_schema(graph),
        "config_schema": context,
        "context_schema": context,
    }


async def graph_drawing(graph: Graph, *, xray: bool | int = False) -> JsonObject:
    """Return nodes and edges; `xray` opens the subgraphs, a number so many levels deep.

    Raises Unprocessable for a graph that cannot be drawn.
    """
    try:
        drawing = (await graph.aget_graph(xray=xray)).to_json()
    # Drawing asks the user's nodes and subgraphs, which may be remote.
    except Exception as exc:
        raise Unprocessable(f"The graph cannot be drawn: {type(exc).__name__}: {exc}") from exc
    for node in drawing["nodes"]:
        if isinstance(node.get("data"), dict):
            # The class behind a node is nobody's business.
            node["data"].pop("id", None)
    return cast("JsonObject", drawing)


def subgraph_schemas(
    graph: Graph, *, namespace: str | None = None, recurse: bool = False
) -> dict[str, Schemas]:
    """Return the schemas of the subgraphs by namespace (`sub`, or `sub|inner` with `recurse`).

    A namespace may be written as checkpoints have it, with the ids of tasks: `sub:8f0c…|inner`.
    Raises NotFound, naming those there are, when nothing lives at the one asked for.
    """
    if namespace is None:
        found = dict(graph.get_subgraphs(recurse=recurse))
        return {name: _subgraph(subgraph) for name, subgraph in found.items()}
    plain = "|".join(part.partition(":")[0] for part in namespace.split("|"))
    every = dict(graph.get_subgraphs(recurse=True))
    if plain not in every:
        raise NotFound(
            f"The graph has no subgraph '{plain}'; its subgraphs are: {', '.join(every) or 'none'}"
        )
    return {plain: _subgraph(every[plain])}


def _subgraph(subgraph: PregelProtocol[Any, Any, Any, Any]) -> Schemas:
    return graph_schemas(cast("Graph", subgraph))


def _context_schema(graph: Graph) -> Schema | None:
    if getattr(graph, "context_schema", None) is None:
        return None
    return _derived(graph.get_context_jsonschema) or _of_typed_dict(graph.context_schema)


def _state_schema(graph: Graph) -> Schema | None:
    def derive() -> Schema | None:
        types = {name: _update_type(graph.channels[name]) for name in graph.stream_channels_list}
        if list(types) == ["__root__"]:
            return TypeAdapter(types["__root__"]).json_schema()
        shown = {name: kind for name, kind in types.items() if not name.startswith(_INTERNAL)}
        return _of_fields(graph.get_name("State"), shown, frozenset()) if shown else None

    return _derived(derive)


def _update_type(channel: Any) -> Any:
    return getattr(channel, "UpdateType", Any)


def _of_typed_dict(shape: Any) -> Schema | None:
    """Describe a TypedDict of which not every field can be described.

    Source: on Python 3.11 pydantic refuses those of `typing`, which most graphs use.
    """
    if not is_typeddict(shape):
        return None
    required = frozenset(shape.__required_keys__)
    return _derived(lambda: _of_fields(shape.__name__, get_type_hints(shape), required))


def _of_fields(name: str, types: dict[str, Any], required: frozenset[str]) -> Schema:
    """Describe an object; a field that cannot be described may be anything."""

    def describe() -> Schema:
        fields = {
            field: (Required if field in required else NotRequired)[kind]
            for field, kind in types.items()
        }
        make: Any = TypedDict
        return TypeAdapter(make(name, fields)).json_schema()

    whole = _derived(describe)
    if whole is None:
        types = {field: _describable(kind) for field, kind in types.items()}
        whole = describe()
    return whole


def _describable(kind: Any) -> Any:
    return kind if _derived(lambda: TypeAdapter(kind).json_schema()) is not None else Any


def _derived(derive: Callable[[], Schema | None]) -> Schema | None:
    try:
        return derive()
    # The user's types, and what they hook into pydantic, fail as they like.
    except Exception as exc:
        logger.debug("schema underivable", exc_info=exc)
        return None
