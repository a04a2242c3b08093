"""What the process tells Prometheus: each app's metrics, and when they are measured.

What happens is counted where it happens, in an app's `metrics.py`. What is so, such as how many
slots are taken, is measured when it is asked for.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import prometheus_client
from prometheus_client import REGISTRY, CollectorRegistry, Gauge, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector

from common import db
from common.jsoncodec import JsonObject

# When a series began is nobody's question, and doubles the answer.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]

CONTENT_TYPE = prometheus_client.CONTENT_TYPE_LATEST
# The processes of one `serve` keep their metrics in files here, so that each can tell of all.
SHARED_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
# A scrape waits ten seconds; a database that hangs must not cost it all the rest.
MEASURE_SECONDS = 2.0
SAMPLE_SECONDS = 1.0

DATABASE_UP = Gauge(
    "aegra_database_up", "1 when the database answered.", multiprocess_mode="mostrecent"
)

Sample = Callable[[], None]
Measure = Callable[[], Awaitable[None]]

_samples: list[Sample] = []
_measures: list[Measure] = []
_measured_at = -SAMPLE_SECONDS


def sampled(sample: Sample) -> Sample:
    """Have `sample` set gauges of this process before each scrape; it is quick and cannot wait."""
    _samples.append(sample)
    return sample


def measured(measure: Measure) -> Measure:
    """Have `measure` ask the database before a scrape, once a second at most."""
    _measures.append(measure)
    return measure


async def measure() -> None:
    """Ask the database; what it does not answer in time stays as it was."""
    global _measured_at  # noqa: PLW0603 -- when this process last asked
    now = asyncio.get_running_loop().time()
    if now - _measured_at < SAMPLE_SECONDS:
        return
    _measured_at = now
    try:
        async with asyncio.timeout(MEASURE_SECONDS):
            for one in _measures:
                await one()
    except (TimeoutError, *db.UNREACHABLE):
        DATABASE_UP.set(0)
    else:
        DATABASE_UP.set(1)


def exposition() -> bytes:
    """Return all metrics as Prometheus reads them; blocks for some milliseconds."""
    return generate_latest(_Sampled())


def as_json() -> JsonObject:
    """Return the same by name: `{type, help, samples: [{name, labels, value}]}`."""
    return {family.name: _family(family) for family in _Sampled().collect()}


@contextmanager
def kept() -> Iterator[None]:
    """Keep what this process tells of itself up to date for those that share its directory."""
    if SHARED_DIRECTORY not in os.environ:
        yield
        return
    stopping = threading.Event()

    def keep() -> None:
        while not stopping.wait(SAMPLE_SECONDS):
            _sample()

    thread = threading.Thread(target=keep, name="metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(SAMPLE_SECONDS * 2)


@contextmanager
def served(host: str, port: int) -> Iterator[None]:
    """Tell the same on a port of its own, in a process that serves no HTTP; 0 is none."""
    if not port:
        yield
        return
    registry: Any = _Sampled()
    server, thread = prometheus_client.start_http_server(port, host, registry)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Sampled:
    """The registry, with its gauges set anew at each look."""

    def collect(self) -> Iterator[Metric]:
        _sample()
        yield from _registry().collect()


def _registry() -> CollectorRegistry:
    if SHARED_DIRECTORY not in os.environ:
        return REGISTRY
    shared = CollectorRegistry()
    MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
    return shared


def _sample() -> None:
    for one in tuple(_samples):
        one()


def _family(family: Metric) -> JsonObject:
    return {
        "type": family.type,
        "help": family.documentation,
        "samples": [
            {"name": sample.name, "labels": dict(sample.labels), "value": sample.value}
            for sample in family.samples
        ],
    }
