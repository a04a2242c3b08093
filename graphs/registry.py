"""The graphs of the project file, imported once at start and read from anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common import config as project
from common import importing
from common.config import GraphSpec, ProjectConfig
from common.errors import NotFound
from graphs.loader import LoadedGraph, load_graph

_loaded: dict[str, LoadedGraph] | None = None


class UnknownGraph(NotFound):
    def __init__(self, graph_id: str) -> None:
        known = ", ".join(sorted(graph_ids()))
        super().__init__(f"Graph '{graph_id}' not found; the graphs are: {known}")


def load_graphs(config: ProjectConfig | None = None) -> None:
    """Import every graph of the project, the one of the settings unless another is given.

    Raises ConfigError, and GraphLoadError for the first graph that fails.
    """
    global _loaded  # noqa: PLW0603 -- one project per process; the whole table is replaced at once
    config = config or project.project_config()
    project.apply_env(config)
    importing.add_directories(project.import_directories(config))
    _loaded = {spec.graph_id: load_graph(spec, config.directory) for spec in config.graphs.values()}


def graph_ids() -> list[str]:
    """Return the ids of the graphs, in the order of the project file."""
    return list(_all())


def run_limits() -> dict[str, int]:
    """Return how many runs may be executed at once, of each graph that has a limit."""
    specs = (loaded.spec for loaded in _all().values())
    return {spec.graph_id: spec.max_runs for spec in specs if spec.max_runs is not None}


def graph_spec(graph_id: str) -> GraphSpec:
    """Return what the project file says of a graph; raises UnknownGraph (404)."""
    return loaded_graph(graph_id).spec


def loaded_graph(graph_id: str) -> LoadedGraph:
    """Return a graph as it was imported; raises UnknownGraph (404)."""
    found = _all().get(graph_id)
    if found is None:
        raise UnknownGraph(graph_id)
    return found


@contextmanager
def use_config(config: ProjectConfig | Path) -> Iterator[None]:
    """Serve another project inside the block, and afterwards the one before."""
    global _loaded  # noqa: PLW0603 -- see load_graphs()
    before = _loaded
    chosen = project.read_config(config) if isinstance(config, Path) else config
    with importing.clean_slate(), project.use_project(chosen):
        try:
            load_graphs(chosen)
            yield
        finally:
            _loaded = before


def _all() -> dict[str, LoadedGraph]:
    if _loaded is None:
        raise RuntimeError("The graphs are not loaded: call graphs.registry.load_graphs() first.")
    return _loaded
