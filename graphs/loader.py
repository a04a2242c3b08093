"""What a user named, as what it is: a graph, or a factory that makes one at each use."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, is_dataclass
from functools import partial
from inspect import Parameter, isclass, signature
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args, get_origin, get_type_hints

from langchain_core.runnables import RunnableConfig
from langgraph.graph import StateGraph
from langgraph.pregel import Pregel
from langgraph_sdk.runtime import ServerRuntime, _ExecutionRuntime, _ReadRuntime
from pydantic import BaseModel

from common.config import GraphSpec
from common.importing import LoadError, cause_of, load_object

logger = logging.getLogger(__name__)

Graph: TypeAlias = "Pregel[Any, Any, Any, Any]"
Argument: TypeAlias = Literal["config", "runtime"]

DEFAULT_NAME = "LangGraph"
_RUNTIME_TYPES = (ServerRuntime, _ExecutionRuntime, _ReadRuntime)


class GraphLoadError(LoadError):
    """A graph of the project file cannot be loaded; one line says which, where and why."""


class NotAGraph(LoadError):
    def __init__(self, found: object) -> None:
        super().__init__(
            f"{_kind(found)} is no graph; give a compiled graph, a StateGraph, or a function that "
            "returns one."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Factory:
    """A callable of the user's that makes a graph."""

    make: Callable[..., Any]

    parameters: tuple[tuple[Parameter, Argument], ...]
    """What is handed in, in the order of the signature."""

    context_schema: type | None
    """`Ctx` of a parameter annotated `ServerRuntime[Ctx]`."""

    def __call__(self, *, config: RunnableConfig, runtime: object) -> Any:
        """Call the user's factory: the graph, an awaitable, or a context manager around it."""
        given = {"config": config, "runtime": runtime}
        positional, named = [], {}
        for parameter, argument in self.parameters:
            if parameter.kind is Parameter.POSITIONAL_ONLY:
                positional.append(given[argument])
            else:
                named[parameter.name] = given[argument]
        return self.make(*positional, **named)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedGraph:
    """One graph of the project, imported: exactly one of `base` and `factory` is there."""

    spec: GraphSpec
    base: Graph | None = None
    factory: Factory | None = None


def load_graph(spec: GraphSpec, directory: Path) -> LoadedGraph:
    """Import a graph of the project in `directory`; raises GraphLoadError."""
    try:
        found = load_object(spec.target, directory)
    except LoadError as exc:
        raise GraphLoadError(f"Graph `{spec.graph_id}`: {exc}") from exc.__cause__
    if not isinstance(found, Pregel | StateGraph) and callable(found):
        return LoadedGraph(spec=spec, factory=_factory(spec, found))
    try:
        return LoadedGraph(spec=spec, base=as_graph(found, spec.graph_id))
    # The user's graph is compiled here: whatever is wrong with it is told as its own error.
    except Exception as exc:
        raise GraphLoadError(f"Graph `{spec.graph_id}`: {spec.target}: {cause_of(exc)}") from exc


def as_graph(found: object, graph_id: str) -> Graph:
    """Return a graph of the server's own: compiled, named, without the user's checkpointer.

    Raises NotAGraph.
    """
    compiled = found.compile() if isinstance(found, StateGraph) else found
    if not isinstance(compiled, Pregel):
        raise NotAGraph(found)
    if compiled.checkpointer not in (None, True, False):
        _warn_of_checkpointer(graph_id)
    graph = copy.copy(compiled)
    graph.checkpointer = None
    if graph.name == DEFAULT_NAME:
        graph.name = graph_id
    return graph


_warned: set[str] = set()


def _warn_of_checkpointer(graph_id: str) -> None:
    if graph_id not in _warned:
        _warned.add(graph_id)
        logger.warning(
            "graph %s is compiled with a checkpointer; the server's is used instead", graph_id
        )


def _kind(found: object) -> str:
    return "None" if found is None else f"a {type(found).__name__}"


def _factory(spec: GraphSpec, make: Callable[..., Any]) -> Factory:
    hints = _hints(make)
    chosen: list[tuple[Parameter, Argument]] = []
    for parameter in _parameters(make):
        argument = _argument(parameter, hints.get(parameter.name), [given for _, given in chosen])
        if argument is not None:
            chosen.append((parameter, argument))
        elif parameter.default is Parameter.empty:
            raise GraphLoadError(
                f"Graph `{spec.graph_id}`: {spec.target}: the factory's parameter "
                f"`{parameter.name}` is neither `config: RunnableConfig` nor "
                "`runtime: ServerRuntime`; give it a default or remove it."
            )
    schema = next(filter(None, (_context_schema(hint) for hint in hints.values())), None)
    return Factory(make=make, parameters=tuple(chosen), context_schema=schema)


def _parameters(make: Callable[..., Any]) -> list[Parameter]:
    try:
        found = signature(make).parameters.values()
    except (TypeError, ValueError):
        return []
    variadic = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
    return [parameter for parameter in found if parameter.kind not in variadic]


def _hints(make: Callable[..., Any]) -> dict[str, Any]:
    """Return the annotations, as types where they resolve and otherwise as they are written."""
    plain: Any = make
    while isinstance(plain, partial):
        plain = plain.func
    if isclass(plain):
        plain = plain.__init__
    elif not hasattr(plain, "__annotations__"):
        plain = type(plain).__call__
    # A decorator that keeps its function (`asynccontextmanager`) hides the module of the hints.
    while hasattr(plain, "__wrapped__"):
        plain = plain.__wrapped__
    try:
        return get_type_hints(plain)
    except (NameError, TypeError, AttributeError):
        # Names that are imported for type checkers only.
        return dict(getattr(plain, "__annotations__", {}))


def _argument(parameter: Parameter, hint: Any, given: list[Argument]) -> Argument | None:
    """Choose what a parameter is given: by its annotation, its name, or at last its place."""
    if _mentions(hint, _RUNTIME_TYPES, "ServerRuntime"):
        return "runtime"
    if _mentions(hint, (RunnableConfig,), "RunnableConfig"):
        return "config"
    by_name: dict[str, Argument] = {"config": "config", "runtime": "runtime"}
    if parameter.name in by_name:
        return by_name[parameter.name]
    if parameter.default is not Parameter.empty or parameter.kind is Parameter.KEYWORD_ONLY:
        return None
    by_place: list[Argument] = ["config", "runtime"]
    return next((argument for argument in by_place if argument not in given), None)


def _mentions(hint: Any, types: tuple[Any, ...], name: str) -> bool:
    if isinstance(hint, str):
        return name in hint
    return any(part is known for part in _parts(hint) for known in types)


def _parts(hint: Any) -> Iterator[Any]:
    """Go through a type: itself, its origin, and what a union holds."""
    yield hint
    yield get_origin(hint)
    if get_origin(hint) is not None and get_origin(hint) not in _RUNTIME_TYPES:
        for inner in get_args(hint):
            yield from _parts(inner)


def _context_schema(hint: Any) -> type | None:
    for part in _parts(hint):
        if get_origin(part) in _RUNTIME_TYPES:
            schema = get_args(part)[0]
            if isclass(schema) and (is_dataclass(schema) or issubclass(schema, BaseModel)):
                return schema
    return None
