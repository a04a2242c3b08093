"""What a graph streams, handed over as it comes about.

`astream` puts every part into a queue, and has a task of its own wait for each: of a token that is
half of what LangGraph does. A graph that runs inside another has none of that, its parts are handed
to a callable of the outer graph's (`DuplexStream`, langgraph/pregel/_loop.py). A run takes the
place of that outer graph. The names are LangGraph's own; graphs/tests/test_streaming.py holds what
is heard against what `astream` yields.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection
from typing import Any, TypeAlias

from langgraph._internal._constants import CONFIG_KEY_RUNTIME, CONFIG_KEY_STREAM, NS_SEP
from langgraph.config import get_config
from langgraph.pregel import Pregel
from langgraph.pregel._messages import StreamMessagesHandler
from langgraph.pregel.protocol import StreamProtocol
from langgraph.runtime import Runtime
from langgraph.types import StreamMode

Hear: TypeAlias = Callable[[tuple[str, ...], str, Any], None]
"""Is given each part: the namespace of its graph, the stream mode, and the payload."""


async def stream_into(
    hear: Hear,
    graph: Any,
    graph_input: Any,
    config: dict[str, Any],
    *,
    modes: Collection[StreamMode],
    **options: Any,
) -> None:
    """Run a graph, and have `hear` called with what it and its subgraphs stream, in order.

    `hear` is called on the running loop, from within the graph, and must not wait. What it raises
    ends the graph, and is raised here. `options` are those of `astream`.
    """
    ear = _Ear(hear)
    try:
        if type(graph).astream is Pregel.astream:
            stream = graph.astream(
                graph_input, ear.lent(graph, config, modes), stream_mode=[], **options
            )
        else:
            stream = graph.astream(
                graph_input, config, stream_mode=sorted(modes), subgraphs=True, **options
            )
        async for part in stream:
            ear(part)
    except asyncio.CancelledError:
        if not ear.is_own_cancel():
            raise
    finally:
        ear.close()
    if ear.failure is not None:
        raise ear.failure


class _Ear:
    """Where the parts of one graph arrive, from its loop and from threads that its nodes use."""

    def __init__(self, hear: Hear) -> None:
        self.failure: Exception | None = None
        self._hear = hear
        self._is_closed = False
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._task = asyncio.current_task()

    def lent(
        self, graph: Any, config: dict[str, Any], modes: Collection[StreamMode]
    ) -> dict[str, Any]:
        """Return a config by which a graph gives its parts to this ear."""
        handlers = [StreamMessagesHandler(self, subgraphs=True)] if "messages" in modes else []
        # A graph inside another takes the other's store, too.
        runtime: Runtime[Any] = Runtime(store=graph.store)
        if "custom" in modes:
            runtime = runtime.override(stream_writer=self._write)
        keys = {CONFIG_KEY_STREAM: StreamProtocol(self, set(modes)), CONFIG_KEY_RUNTIME: runtime}
        return {
            **config,
            "callbacks": [*config["callbacks"], *handlers],
            "configurable": {**config["configurable"], **keys},
        }

    def __call__(self, part: tuple[tuple[str, ...], str, Any]) -> None:
        if threading.get_ident() == self._thread:
            self._take(part)
        else:
            self._loop.call_soon_threadsafe(self._take, part)

    def close(self) -> None:
        """Hear no more: a thread that a node has left behind may go on."""
        self._is_closed = True

    def is_own_cancel(self) -> bool:
        """Tell whether the graph was cancelled for a failure of hearing, and for nothing else."""
        assert self._task is not None
        return self.failure is not None and not self._task.uncancel()

    def _write(self, payload: Any) -> None:
        """Take what a node writes for the mode `custom`."""
        namespace = get_config()["configurable"]["checkpoint_ns"].split(NS_SEP)[:-1]
        self((tuple(namespace), "custom", payload))

    def _take(self, part: tuple[tuple[str, ...], str, Any]) -> None:
        if self._is_closed or self.failure is not None:
            return
        try:
            self._hear(*part)
        # It is raised where the graph was called: LangChain only logs what a handler raises.
        except Exception as exc:  # noqa: BLE001 -- all of it
            self.failure = exc
            if self._task is not None:
                self._task.cancel()
