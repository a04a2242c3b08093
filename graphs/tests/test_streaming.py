"""What is heard of a graph, against what its own `astream` yields."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any, TypedDict, cast
from uuid import uuid4

import pytest
from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_stream_writer
from langgraph.errors import GraphDrained
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.pregel import Pregel
from langgraph.runtime import RunControl
from langgraph.store.memory import InMemoryStore
from langgraph.types import Command, Send, StreamMode

from graphs.streaming import stream_into
from tests.graphs import asks, chat, memories, odd, work

MODES: list[StreamMode] = ["custom", "debug", "messages", "tasks", "updates", "values"]
MODES += ["checkpoints"]
GO = {"messages": [{"role": "user", "content": "go"}]}


class Notes(TypedDict, total=False):
    notes: Annotated[list[str], lambda old, new: [*old, *new]]


def fan(state: Notes) -> list[Send]:
    return [Send("write", {"notes": [str(number)]}) for number in range(3)]


def write(state: Notes) -> Notes:
    """Write from a thread, as a node that is not async does."""
    get_stream_writer()({"from": state["notes"]})
    return {"notes": state["notes"]}


async def inner(state: Notes) -> Any:
    get_stream_writer()("before")
    await inside.ainvoke({"notes": ["asked by a node"]})
    get_stream_writer()("after")
    return Command(update={"notes": ["inner"]}, goto="model")


def model(state: Notes) -> Notes:
    return {"notes": [str(chat.CountingModel(count=3).invoke("go").content)]}


inside = StateGraph(Notes).add_node(write).add_edge(START, "write").compile()
branching = (
    StateGraph(Notes)
    .add_node(write)
    .add_node("inner", inner, destinations=("model",))
    .add_node(model)
    .add_node("sub", inside)
    .add_conditional_edges(START, fan, ["write"])
    .add_edge("write", "inner")
    .add_edge("model", "sub")
    .add_edge("sub", END)
    .compile()
)


@task
async def doubled(number: int) -> int:
    get_stream_writer()({"doubles": number})
    return number * 2


@entrypoint()
async def functional(number: int) -> int:
    first = await doubled(number)
    return await doubled(first)


CASES: dict[str, Any] = {
    "agent": (chat.agent, GO),
    "nested": (chat.grand, GO),
    "tokens": (chat.tokens, {**GO, "count": 7}),
    "slow": (chat.tokens, {**GO, "count": 3, "delay_seconds": 0.001}),
    "asks": (asks.nested, {}),
    "asks twice at once": (asks.two, {}),
    "steps": (work.steps, {}),
    "fleeting": (odd.fleeting, {}),
    "branching": (branching, {"notes": []}),
    "functional": (functional, 2),
    "breakpoint": (work.steps, {}, {"interrupt_before": "*"}),
}


class Plain(Pregel[Any, Any, Any, Any]):
    """A graph with an `astream` of its own."""

    async def astream(self, *args: Any, **kwargs: Any) -> Any:
        async for part in super().astream(*args, **kwargs):
            yield part


@pytest.mark.parametrize("modes", [MODES, ["updates", "values"], ["messages"]], ids=len)
@pytest.mark.parametrize("case", CASES)
async def test_the_same_is_heard_as_is_yielded(case: str, modes: list[StreamMode]) -> None:
    graph, given, *options = CASES[case]
    asked: Any = options[0] if options else {}

    heard: list[Any] = []
    bound = graph.copy({"checkpointer": InMemorySaver()})
    await stream_into(
        lambda *part: heard.append(part), bound, given, _config(), modes=modes, **asked
    )
    bound = graph.copy({"checkpointer": InMemorySaver()})
    stream = bound.astream(given, _config(), stream_mode=modes, subgraphs=True, **asked)
    yielded = [part async for part in stream]

    # Branches of one step say what they say in no certain order.
    assert sorted(map(_shown, heard)) == sorted(map(_shown, yielded))
    assert heard or modes == ["messages"]
    if case != "branching":
        assert list(map(_shown, heard)) == list(map(_shown, yielded))


async def test_a_graph_with_a_stream_of_its_own_is_heard() -> None:
    graph: Any = cast("Any", chat.agent).copy({"checkpointer": InMemorySaver()})
    graph.__class__ = type("Own", (Plain, type(graph)), {})
    heard: list[Any] = []

    await stream_into(
        lambda *part: heard.append(part), graph, GO, _config(), modes=["messages", "custom"]
    )

    assert [mode for _, mode, _ in heard] == ["custom", *["messages"] * 5]


async def test_a_token_is_heard_before_the_model_goes_on() -> None:
    order: list[str] = []

    class Telling(chat.CountingModel):
        async def _astream(self, *args: Any, **kwargs: Any) -> Any:
            async for chunk in super()._astream(*args, **kwargs):
                order.append(f"made {chunk.message.content}")
                yield chunk

    async def speak(state: MessagesState) -> dict[str, list[BaseMessage]]:
        return {"messages": [await Telling(count=3).ainvoke("go")]}

    graph = StateGraph(MessagesState).add_node(speak).add_edge(START, "speak").compile()
    await stream_into(
        lambda _, __, payload: order.append(f"heard {payload[0].content}"),
        graph,
        GO,
        _config(),
        modes=["messages"],
    )

    assert order[:6] == [f"{what} t{n} " for n in range(3) for what in ("made", "heard")]


@pytest.mark.parametrize("case", ["agent", "nested", "branching", "functional", "slow"])
@pytest.mark.parametrize("at", [1, 3])
async def test_what_fails_in_hearing_ends_the_graph(case: str, at: int) -> None:
    graph, given = CASES[case][:2]
    heard = 0

    def hear(*part: object) -> None:
        nonlocal heard
        heard += 1
        if heard >= at:
            raise ZeroDivisionError("unheard")

    with pytest.raises(ZeroDivisionError, match="unheard"):
        await stream_into(hear, graph, given, _config(), modes=MODES)

    assert heard == at
    me = asyncio.current_task()
    assert me is not None
    assert not me.cancelling()


async def test_nothing_is_heard_of_a_thread_that_a_cancelled_node_left_behind() -> None:
    heard: list[str] = []
    is_heard, is_over = asyncio.Event(), False

    def linger(state: Notes) -> Notes:
        writer = get_stream_writer()
        writer("begins")
        while not is_over:
            time.sleep(0.01)
        writer("ends")
        return {}

    graph = StateGraph(Notes).add_node(linger).add_edge(START, "linger").compile()

    def hear(_: object, __: object, payload: str) -> None:
        heard.append(payload)
        is_heard.set()

    running = asyncio.create_task(stream_into(hear, graph, {}, _config(), modes=["custom"]))
    await is_heard.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    is_over = True
    await asyncio.sleep(0.1)

    assert heard == ["begins"]


async def test_a_graph_that_is_to_stop_begins_no_other_step() -> None:
    control = RunControl()
    heard: list[Any] = []

    def hear(_: object, mode: str, payload: Any) -> None:
        heard.append(payload)
        control.request_drain()

    with pytest.raises(GraphDrained):
        await stream_into(
            hear,
            cast("Any", work.steps).copy({"checkpointer": InMemorySaver()}),
            {},
            _config(),
            modes=["updates"],
            control=control,
        )

    assert len(heard) == 1


async def test_a_graph_has_its_store() -> None:
    graph: Any = cast("Any", memories.notes).copy({"store": InMemoryStore()})
    given = {
        "puts": [{"namespace": ["notes"], "key": "k", "value": {"a": 1}}],
        "search": {"limit": 1},
    }
    heard: list[Any] = []

    await stream_into(
        lambda _, __, payload: heard.append(payload), graph, given, _config(), modes=["updates"]
    )

    assert [found["key"] for found in heard[0]["keep"]["found"]] == ["k"]


async def test_callbacks_of_the_graphs_own_are_kept() -> None:
    told: list[str] = []

    class Own(AsyncCallbackHandler):
        async def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
            told.append("own")

    graph = cast("Any", chat.agent).with_config(callbacks=[Own()])
    await stream_into(lambda *_: None, graph, GO, _config(), modes=["messages"])

    assert told == ["own"]


def _config() -> dict[str, Any]:
    return {"callbacks": [], "configurable": {"thread_id": str(uuid4())}}


def _shown(part: Any) -> str:
    """Return a part without what differs from one run to the next."""
    namespace, mode, payload = part
    names = [name.partition(":")[0] for name in namespace]
    return f"{names} {mode} {_plain(payload)}"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if key not in CHANGING}
        return {key: _plain(item) for key, item in sorted(kept.items(), key=str)}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, AIMessage | BaseMessage):
        return (type(value).__name__, value.content)
    return value if isinstance(value, str | int | float | None) else type(value).__name__


CHANGING = {
    *("id", "timestamp", "config", "parent_config", "created_at", "state", "checkpoint", "parents"),
    *("thread_id", "langgraph_checkpoint_ns", "checkpoint_ns", "langgraph_path"),
    "__pregel_task_id",
}
