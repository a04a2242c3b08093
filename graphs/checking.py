"""Each graph of a project tried out, as a server would open it: what is wrong with it, and how."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import cast

from common.config import GraphSpec, ProjectConfig
from common.errors import ApiError
from common.importing import LoadError, cause_of
from graphs.loader import Graph
from graphs.registry import load_graphs, use_config
from graphs.runtime import open_graph
from graphs.schemas import Schemas, graph_drawing, graph_schemas

# A factory may connect to something that does not answer.
OPEN_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphReport:
    """What trying out one graph has shown."""

    spec: GraphSpec

    problem: str | None = None
    """Why it cannot be served, in one line; None when it can."""

    doubts: tuple[str, ...] = ()
    """What it lacks and can be served without, a line each."""

    nodes: tuple[str, ...] = ()
    """As they stand in its drawing, without start and end."""

    schemas: tuple[str, ...] = ()
    """What can be described as JSON schema: `input`, `output`, `state`, `context`."""


def check_graphs(config: ProjectConfig) -> Iterator[GraphReport]:
    """Load and open each graph of a project, one by one; needs no database."""
    with use_config(replace(config, graphs={})):
        for spec in config.graphs.values():
            yield _checked(config, spec)


def _checked(config: ProjectConfig, spec: GraphSpec) -> GraphReport:
    where = f"Graph `{spec.graph_id}`: {spec.target}"
    try:
        load_graphs(replace(config, graphs={spec.graph_id: spec}))
        return asyncio.run(_opened(spec))
    except (LoadError, ApiError) as exc:
        problem = str(exc)
    except TimeoutError:
        problem = f"{where}: not made within {OPEN_SECONDS:g} s."
    # The user's factory: what it raises as it is closed, or its wish to exit.
    except (Exception, SystemExit) as exc:  # noqa: BLE001 -- it is what the report is for
        problem = f"{where}: {cause_of(exc)}"
    return GraphReport(spec=spec, problem=problem)


async def _opened(spec: GraphSpec) -> GraphReport:
    async with (
        asyncio.timeout(OPEN_SECONDS),
        open_graph(spec.graph_id, None, access="assistants.read") as graph,
    ):
        schemas = graph_schemas(graph)
        doubts = [*_underivable(graph, schemas)]
        nodes: list[str] = []
        try:
            nodes = await _nodes(graph)
        except ApiError as exc:
            doubts.append(str(exc))
    names = tuple(
        name.removesuffix("_schema")
        for name, schema in schemas.items()
        if schema is not None and name != "config_schema"
    )
    return GraphReport(spec=spec, doubts=tuple(doubts), nodes=tuple(nodes), schemas=names)


async def _nodes(graph: Graph) -> list[str]:
    drawing = cast("dict[str, list[dict[str, str]]]", await graph_drawing(graph))
    return [node["id"] for node in drawing["nodes"] if not node["id"].startswith("__")]


def _underivable(graph: Graph, schemas: Schemas) -> Iterator[str]:
    expected = ["input_schema", "output_schema"]
    if getattr(graph, "context_schema", None) is not None:
        expected.append("context_schema")
    for name in expected:
        if schemas[name] is None:
            yield (
                f"No JSON schema can be derived for its {name.removesuffix('_schema')}: clients "
                "show no form for it."
            )
