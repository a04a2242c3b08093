from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest
from langgraph.graph.state import CompiledStateGraph

ROOT = Path(__file__).parents[2]
GRAPHS: dict[str, dict[str, str]] = json.loads((ROOT / "langgraph.json").read_text())["graphs"]


@pytest.mark.parametrize("graph_id", GRAPHS)
def test_each_graph_loads_from_its_path(graph_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path, _, symbol = GRAPHS[graph_id]["path"].partition(":")
    spec = importlib.util.spec_from_file_location(f"_example_{graph_id}", ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)

    spec.loader.exec_module(module)

    loaded = getattr(module, symbol)
    assert callable(loaded) or loaded.name == graph_id
    assert isinstance(loaded, CompiledStateGraph) or symbol == "make_graph"


def test_each_graph_has_a_description() -> None:
    assert all(graph["description"] for graph in GRAPHS.values())
