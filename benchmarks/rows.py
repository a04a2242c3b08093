"""Everything that is measured, in the order in which it is; bounds are those of the design."""

from __future__ import annotations

from benchmarks import crowds, many_threads, scenarios
from benchmarks.load import Loading, Operation
from benchmarks.row import Row
from benchmarks.scenarios import TOKENS, nothing, one_thread, threads
from benchmarks.served import Served

REDIS = "redis://127.0.0.1:6379/9"
SLOTS = {"ENGINE_SLOTS": "1000"}
ALONE = Served(is_for_peers=True)
LONG_SERVING = Served(threads=100_000)
CROWDED = Served(env=SLOTS, is_for_peers=True)
QUEUING = Served(options=("--no-engine",))
ELSEWHERE = Served(options=("--no-engine",), env=SLOTS, has_worker=True)
BY_REDIS = Served(options=("--no-engine",), env={**SLOTS, "EVENT_BUS_URL": REDIS}, has_worker=True)


def _reading(operation: Operation) -> Loading:
    return Loading(operation=operation, prepare=one_thread, clients=1, operations=500)


def _running(operation: Operation, clients: int, operations: int) -> Loading:
    return Loading(operation=operation, prepare=threads, clients=clients, operations=operations)


TOKENS_OF_64 = Loading(
    operation=scenarios.tokens, prepare=threads, clients=64, operations=128, per=TOKENS
)

REQUESTS = (
    Row(
        name="idle, after one run",
        scenario=scenarios.once(scenarios.thread_and_echo),
        served=ALONE,
        bounds={"MiB": 170},
    ),
    Row(
        name="/ok",
        scenario=Loading(operation=scenarios.is_up, prepare=nothing, clients=1, operations=1000),
        served=ALONE,
    ),
    Row(
        name="thread: create",
        scenario=Loading(
            operation=scenarios.create_thread, prepare=nothing, clients=1, operations=500
        ),
        served=ALONE,
    ),
    Row(
        name="thread: get",
        scenario=_reading(scenarios.get_thread),
        served=ALONE,
        bounds={"CPU ms": 1},
    ),
    Row(
        name="thread: state",
        scenario=_reading(scenarios.get_state),
        served=ALONE,
        bounds={"CPU ms": 2},
    ),
)

RUNS = (
    Row(
        name="runs/wait echo, 1 client",
        scenario=_running(scenarios.echo, 1, 300),
        served=ALONE,
        bounds={"p50 ms": 9, "CPU ms": 6},
        floor=("echo", 1),
    ),
    Row(
        name="runs/wait echo, 16 clients",
        scenario=_running(scenarios.echo, 16, 600),
        served=ALONE,
        bounds={"a second": 120, "CPU ms": 6},
        floor=("echo", 16),
    ),
    Row(
        name="runs/wait echo, 64 clients",
        scenario=_running(scenarios.echo, 64, 960),
        served=ALONE,
        bounds={"a second": 120, "CPU ms": 6},
        floor=("echo", 16),
    ),
    Row(
        name="new thread and echo, 16 clients",
        scenario=Loading(
            operation=scenarios.thread_and_echo, prepare=nothing, clients=16, operations=400
        ),
        served=ALONE,
        bounds={"CPU ms": 15},
        floor=("echo", 16),
    ),
    Row(
        name="request to first line of the node",
        scenario=_running(scenarios.first_line, 1, 200),
        served=ALONE,
        bounds={"p50 ms": 6},
    ),
    Row(
        name="20 supersteps, 16 clients",
        scenario=_running(scenarios.supersteps, 16, 128),
        served=ALONE,
        bounds={"a second": 30},
        floor=("steps", 16),
    ),
    Row(
        name="first event, 1 client",
        scenario=_running(scenarios.first_event, 1, 60),
        served=ALONE,
    ),
    Row(
        name="first token, 1 client",
        scenario=_running(scenarios.first_token, 1, 60),
        served=ALONE,
        bounds={"p50 ms": 10},
    ),
    Row(
        name="tokens, 64 streams",
        scenario=TOKENS_OF_64,
        served=ALONE,
        bounds={"a second": 6000, "CPU ms": 0.15},
        floor=("tokens", 16),
    ),
    Row(
        name="500 background runs",
        scenario=crowds.background,
        served=ALONE,
        bounds={"a second": 100},
        floor=("echo", 16),
    ),
    Row(
        name="100 runs that sleep 1 s",
        scenario=_running(scenarios.sleep, 100, 100),
        served=ALONE,
        bounds={"all s": 1.6},
        idle_seconds=1.0,
    ),
    Row(
        name="history of 200 checkpoints",
        scenario=Loading(
            operation=many_threads.read_history,
            prepare=many_threads.conversation,
            clients=1,
            operations=30,
        ),
        served=ALONE,
        bounds={"CPU ms": 60},
    ),
)

AMONG_MANY = (
    *(
        Row(
            name=name,
            scenario=many_threads.search(body),
            served=LONG_SERVING,
            bounds={} if name.endswith("old") else {"p50 ms": 10},
        )
        for name, body in many_threads.SEARCHES.items()
    ),
    Row(
        name="claim, 10,000 runs wait",
        scenario=crowds.queue("claim"),
        served=QUEUING,
        bounds={"p50 ms": 10},
    ),
    Row(
        name="sweep, 10,000 runs wait",
        scenario=crowds.queue("sweep"),
        served=QUEUING,
        bounds={"p50 ms": 10},
    ),
)

CROWDS = (
    Row(
        name="1,000 streams at once, 50 tokens 50 ms apart",
        scenario=crowds.streams,
        served=CROWDED,
        bounds={"connections": 33},
        floor=("slow tokens", scenarios.CROWD),
        times_stock=1.5,
    ),
)


def _elsewhere(served: Served, way: str) -> tuple[Row, ...]:
    """Return the rows of runs that one process executes and another follows."""
    return (
        Row(
            name=f"request to first line of the node, in a worker, {way}",
            scenario=_running(scenarios.first_line, 1, 200),
            served=served,
            bounds={"p50 ms": 25},
        ),
        Row(
            name=f"first event, from a worker, {way}",
            scenario=_running(scenarios.first_event, 1, 60),
            served=served,
        ),
        Row(
            name=f"first token, from a worker, {way}",
            scenario=_running(scenarios.first_token, 1, 60),
            served=served,
        ),
        Row(name=f"tokens, 64 streams, from a worker, {way}", scenario=TOKENS_OF_64, served=served),
        Row(
            name=f"1,000 streams at once, from a worker, {way}",
            scenario=crowds.streams,
            served=served,
        ),
        Row(
            name=f"1,000 followers of one run, from a worker, {way}",
            scenario=crowds.followers,
            served=served,
        ),
    )


ROWS = (
    *REQUESTS,
    *RUNS,
    *AMONG_MANY,
    *CROWDS,
    *_elsewhere(ELSEWHERE, "by PostgreSQL"),
    *_elsewhere(BY_REDIS, "by Redis"),
)
