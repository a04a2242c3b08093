"""A stream that breaks off is gone on with at any process, whatever has become of the first."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from common.tests.servers import free_port
from tests.faults.cluster import Cluster
from tests.faults.redis_server import redis_server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

TOKENS = 150
SLOW: dict[str, Any] = {
    "assistant_id": "tokens",
    "input": {"messages": [], "count": TOKENS, "delay_seconds": 0.03},
    "stream_mode": "messages-tuple",
    "stream_resumable": True,
}
Frame = dict[str, Any]


def frames_of(lines: Iterator[str]) -> Iterator[Frame]:
    frame: Frame = {}
    for line in lines:
        if line.startswith(":"):
            continue
        if not line:
            if frame:
                yield frame
            frame = {}
            continue
        name, _, value = line.partition(": ")
        frame[name] = json.loads(value) if name == "data" else value


def begun(client: httpx.Client, count: int) -> tuple[str, list[Frame]]:
    """Begin a run and leave after so many events; return its stream's path and the events."""
    thread = client.post("/threads", json={}).json()["thread_id"]
    seen: list[Frame] = []
    with client.stream("POST", f"/threads/{thread}/runs/stream", json=SLOW) as answer:
        path = answer.headers["location"]
        for frame in frames_of(answer.iter_lines()):
            seen.append(frame)
            if len(seen) == count:
                break
    return path, seen


def rest(client: httpx.Client, path: str, after: str) -> list[Frame]:
    with client.stream("GET", path, headers={"last-event-id": after}) as answer:
        assert answer.status_code == 200
        return list(frames_of(answer.iter_lines()))


def tokens(frames: list[Frame]) -> list[str]:
    return [
        frame["data"][0]["content"]
        for frame in frames
        if frame["event"] == "messages" and frame["data"][0].get("content", "").startswith("t")
    ]


WHOLE = [f"t{number} " for number in range(TOKENS)]


@pytest.fixture(params=["postgres", "redis"])
def processes(
    request: pytest.FixtureRequest, cluster: Cluster, tmp_path: Path
) -> Iterator[Cluster]:
    """One process that executes, and one that serves HTTP alone."""
    with contextmanager(_bus)(request.param, tmp_path) as url:
        cluster.environment |= {"EVENT_BUS_URL": url, "DRAIN_SECONDS": "0.2"}
        cluster.start("a", "serve")
        cluster.start("b", "serve", "--no-engine")
        cluster.wait_until_ready()
        yield cluster


def _bus(kind: str, place: Path) -> Iterator[str]:
    if kind == "postgres":
        yield ""
        return
    if shutil.which("redis-server") is None:
        pytest.skip("there is no redis-server")
    port = free_port()
    with redis_server(place, port):
        yield f"redis://127.0.0.1:{port}/0"


def test_a_client_goes_on_at_another_process(processes: Cluster) -> None:
    with processes.client("a") as first, processes.client("b") as other:
        path, seen = begun(first, 20)

        seen += rest(other, path, seen[-1]["id"])
        again = rest(other, path, "-1")

    assert tokens(seen) == WHOLE
    assert again == seen


def test_a_run_that_another_process_executes_is_streamed_as_it_goes(processes: Cluster) -> None:
    with processes.client("b") as other:
        path, seen = begun(other, 20)
        began = time.monotonic()
        seen += rest(other, path, seen[-1]["id"])

    assert tokens(seen) == WHOLE
    # It took its time: what came did not come at the end.
    assert time.monotonic() - began > 1


def test_a_client_goes_on_after_a_restart_of_everything(processes: Cluster) -> None:
    with processes.client("a") as first:
        path, seen = begun(first, 20)
    for name in ("b", "a"):
        processes.stop(name)
    for name in ("a", "b"):
        processes.start(name)
    processes.wait_until_ready()

    with processes.client("b", seconds=60) as other:
        later = rest(other, path, seen[-1]["id"])
        whole = rest(other, path, "-1")

    assert whole == seen + later
    ids = [frame["id"] for frame in whole]
    assert len(ids) == len(set(ids))
    # The run was handed back in the middle: a new attempt says so, and comes to its end.
    attempts = [frame["data"]["attempt"] for frame in whole if frame["event"] == "metadata"]
    assert attempts == [1, 2]


def test_a_client_goes_on_after_kill_9(processes: Cluster) -> None:
    with processes.client("a") as first:
        path, seen = begun(first, 20)
    processes.kill("a")
    processes.start("a")

    with processes.client("b", seconds=60) as other:
        later = rest(other, path, seen[-1]["id"])
        whole = rest(other, path, "-1")

    ids = [frame["id"] for frame in whole]
    assert len(ids) == len(set(ids))
    assert whole[-len(later) :] == later
    starts = [frame["data"]["attempt"] for frame in whole if frame["event"] == "metadata"]
    assert starts == [1, 2]
    assert tokens(later)[-1] == WHOLE[-1]


def test_a_redis_that_is_emptied_is_filled_again(cluster: Cluster, tmp_path: Path) -> None:
    if shutil.which("redis-server") is None:
        pytest.skip("there is no redis-server")
    port = free_port()
    cluster.environment["EVENT_BUS_URL"] = f"redis://127.0.0.1:{port}/0"
    with redis_server(tmp_path, port) as server:
        cluster.started("a", "serve")
        cluster.started("b", "serve", "--no-engine")
        with cluster.client("a") as first, cluster.client("b", seconds=60) as other:
            path, seen = begun(first, 20)
            redis.Redis(port=port).flushall()
            assert tokens(seen + rest(other, path, seen[-1]["id"])) == WHOLE

            path, seen = begun(first, 20)
            server.kill()
            server.wait()
            time.sleep(1)
            with redis_server(tmp_path, port):
                assert tokens(seen + rest(other, path, seen[-1]["id"])) == WHOLE
                assert tokens(rest(other, path, "-1")) == WHOLE
