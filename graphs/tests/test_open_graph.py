from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.memory import InMemoryStore

from common.errors import GraphUnavailable
from common.tests.projects import write_project
from graphs.registry import UnknownGraph, graph_ids, loaded_graph, use_config
from graphs.runtime import Access, open_graph

TEST_GRAPHS = Path(__file__).parents[2] / "tests" / "graphs" / "langgraph.json"

# Each factory names its graph by what it was given, and writes down that it was exited.
FACTORIES = """
    from __future__ import annotations

    import contextlib
    from dataclasses import dataclass
    from functools import partial
    from typing import TYPE_CHECKING, Any

    from langchain_core.runnables import RunnableConfig
    from langgraph.graph import START, StateGraph
    from langgraph_sdk.runtime import ServerRuntime

    if TYPE_CHECKING:
        from elsewhere import RunnableConfig as Later

    exited = []

    @dataclass
    class Ctx:
        tone: str

    def make(*given):
        names = [
            "config" if isinstance(one, dict) else getattr(one, "access_context", "?")
            for one in given
        ]
        builder = StateGraph(dict).add_node("n", lambda state: state).add_edge(START, "n")
        return builder.compile(name=" ".join(names) or "nothing")

    def plain(): return make()
    async def coroutine(config: RunnableConfig): return make(config)
    def generator(rt: ServerRuntime):
        yield make(rt)
        exited.append("generator")
    async def agenerator(rt: ServerRuntime[Ctx], c: RunnableConfig):
        yield make(rt, c)
        exited.append("agenerator")
    @contextlib.contextmanager
    def manager(cfg: RunnableConfig | None):
        yield make(cfg)
        exited.append("manager")
    @contextlib.asynccontextmanager
    async def amanager(rt: ServerRuntime | None, cfg: RunnableConfig):
        try:
            yield make(rt, cfg)
        finally:
            exited.append("amanager")
    class Maker:
        def __call__(self, runtime): return make(runtime)
    instance = Maker()
    class Aware:
        async def __call__(self, given: ServerRuntime[Ctx], /): return make(given)
    aware = Aware()
    def by_name(runtime, config): return make(runtime, config)
    def by_place(a, b): return make(a, b)
    def by_text(a: "Later | RunnableConfig", b: "Later[ServerRuntime]"): return make(a, b)
    def with_defaults(size=3, *rest, config: RunnableConfig, **more): return make(config)
    def three(size, config): return make(config)
    bound = partial(three, 3)
    unbuilt = StateGraph(dict).add_node("n", lambda state: state).add_edge(START, "n")
    async def builder(): return unbuilt
    def context(runtime: ServerRuntime[Ctx]):
        execution = runtime.execution_runtime
        graph = make()
        graph.name = repr(execution and execution.context)
        return graph
    def user(runtime: ServerRuntime):
        graph = make()
        graph.name = runtime.ensure_user()
        return graph
    @contextlib.asynccontextmanager
    async def swallows():
        with contextlib.suppress(BaseException):
            yield make()
    def raises(): raise KeyError("model")
    def lacks(): import no_such_module
    async def wrong(): return {"a": 1}
    base = make()
"""
EXPECTED = {
    "plain": "nothing",
    "coroutine": "config",
    "generator": "threads.read",
    "agenerator": "threads.read config",
    "manager": "config",
    "amanager": "threads.read config",
    "instance": "threads.read",
    "aware": "threads.read",
    "by_name": "threads.read config",
    "by_place": "config threads.read",
    "by_text": "config threads.read",
    "with_defaults": "config",
    "bound": "config",
    "builder": "builder",
}
OTHERS = ["context", "user", "swallows", "raises", "lacks", "wrong", "base"]


@pytest.fixture(scope="module", autouse=True)
def _project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    directory = tmp_path_factory.mktemp("project")
    graphs = {name: f"./agent.py:{name}" for name in [*EXPECTED, *OTHERS]}
    with use_config(write_project(directory, {"agent.py": FACTORIES}, graphs={**graphs})):
        yield


async def opened(graph_id: str, access: Access = "threads.read", **given: Any) -> Any:
    async with open_graph(graph_id, {}, access=access, **given) as graph:
        return graph


@pytest.mark.parametrize(("graph_id", "name"), EXPECTED.items())
async def test_a_factory_is_given_what_it_asks_for(graph_id: str, name: str) -> None:
    saver, store = InMemorySaver(), InMemoryStore()

    graph = await opened(graph_id, checkpointer=saver, store=store)

    assert graph.name == name
    assert (graph.checkpointer, graph.store) == (saver, store)


@pytest.mark.parametrize("graph_id", ["generator", "agenerator", "manager", "amanager"])
async def test_a_context_manager_is_exited_after_use(graph_id: str) -> None:
    exited = _user_global("exited")
    exited.clear()

    async with open_graph(graph_id, {}, access="threads.create_run"):
        assert exited == []

    assert exited == [graph_id]


async def test_a_context_manager_is_exited_when_the_use_fails() -> None:
    exited = _user_global("exited")
    exited.clear()

    with pytest.raises(ValueError, match="kaput"):
        async with open_graph("amanager", {}, access="threads.create_run"):
            raise ValueError("kaput")

    assert exited == ["amanager"]


@pytest.mark.parametrize("failure", [ValueError, asyncio.CancelledError])
async def test_a_context_manager_cannot_swallow_a_failure(failure: type[BaseException]) -> None:
    with pytest.raises(failure):
        async with open_graph("swallows", {}, access="threads.create_run"):
            raise failure


async def test_context_is_of_the_annotated_type_and_only_for_runs() -> None:
    context = {"tone": "kind"}

    run = await opened("context", "threads.create_run", context=context)
    read = await opened("context", "assistants.read", context=context)

    assert (run.name, read.name) == ("Ctx(tone='kind')", "None")


async def test_a_factory_may_ask_who_is_calling() -> None:
    assert (await opened("user", user="ann")).name == "ann"

    with pytest.raises(GraphUnavailable, match="PermissionError: No authenticated user"):
        await opened("user")


@pytest.mark.parametrize(
    ("graph_id", "told"),
    [
        ("raises", r"KeyError: 'model' \(.*agent\.py:\d+\)$"),
        ("lacks", "run `pip install no-such-module`"),
        ("wrong", "a dict is no graph"),
        ("context", "TypeError: .*unexpected keyword argument 'tune'"),
    ],
)
async def test_a_factory_that_fails_is_told_by_file_symbol_and_cause(
    graph_id: str, told: str
) -> None:
    with pytest.raises(GraphUnavailable, match=told) as caught:
        await opened(graph_id, "threads.create_run", context={"tune": "kind"})

    assert caught.value.detail.startswith(f"Graph `{graph_id}`: ./agent.py:{graph_id}: ")


async def test_each_use_has_a_copy_of_its_own() -> None:
    saver, store = InMemorySaver(), InMemoryStore()

    bound = await opened("base", checkpointer=saver, store=store)
    plain = await opened("base")

    assert (bound.checkpointer, bound.store) == (saver, store)
    assert (plain.checkpointer, plain.store) == (None, None)


async def test_an_unknown_graph_is_not_found() -> None:
    with pytest.raises(UnknownGraph):
        await opened("none")


async def test_the_graphs_of_the_test_suite_all_open() -> None:
    with use_config(TEST_GRAPHS):
        names = {
            graph_id: (await opened(graph_id, "assistants.read")).name
            for graph_id in graph_ids()
            if graph_id != "broken"
        }

    assert names == {graph_id: graph_id for graph_id in names}


def _user_global(name: str) -> Any:
    factory = loaded_graph("plain").factory
    assert factory is not None
    return factory.make.__globals__[name]
