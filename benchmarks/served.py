"""How a server is started for what is measured of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field

from benchmarks.many_threads import fill
from benchmarks.server import MeasuredServer, serving, working


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """How a server is started, and what it has before anything is measured."""

    options: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)

    threads: int = 0
    """How many it has before anything is measured."""

    has_worker: bool = False
    """Whether a worker executes its runs, in a process of its own."""

    is_for_peers: bool = False
    """Whether the rows are also asked of a peer: they need nothing but the API."""


@contextmanager
def started(served: Served) -> Iterator[MeasuredServer]:
    with serving(*served.options, **served.env) as server:
        assert server.data_dir is not None
        if served.threads:
            asyncio.run(fill(server, served.threads))
        with working(server.data_dir, **served.env) if served.has_worker else nullcontext():
            yield server
