"""Webhooks between real processes: late, to the wrong place, and across a kill."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from common.tests.processes import wait_until
from tests.faults.cluster import Cluster
from tests.receiving import Receiver, receiving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

ECHO: dict[str, Any] = {"assistant_id": "echo", "input": {"messages": ["hi"]}}
WITH_LOOPBACK = {"LANGGRAPH_WEBHOOKS": json.dumps({"url": {"disable_loopback": False}})}
DELIVERIES = """
SELECT run_id::text, delivery_id::text, status, attempts, error FROM webhook_delivery
"""
# What time would bring about: the dead are known to be dead, and their jobs are looked after.
LATER = """
UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour';
SELECT procrastinate_defer_jobs_v1(ARRAY[ROW(
  'upkeep', 'common.background.retry_stalled_jobs', 0, NULL, NULL, '{"timestamp": 0}', NULL
)::procrastinate_job_to_defer_v1]);
"""
# A resolver whose answers change: each name's addresses in turn, the last again and again.
RESOLVER = """
import socket

ANSWERS = {answers}
real = socket.getaddrinfo


def getaddrinfo(host, port, *args, **kwargs):
    known = ANSWERS.get(host if isinstance(host, str) else (host or b"").decode())
    if known is None:
        return real(host, port, *args, **kwargs)
    address = known.pop(0) if len(known) > 1 else known[0]
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]


socket.getaddrinfo = getaddrinfo
"""


@pytest.fixture
def cluster(cluster: Cluster) -> Cluster:
    """A cluster that may call this machine, and does not wait long to try again."""
    cluster.environment |= {**WITH_LOOPBACK, "WEBHOOK_RETRY_SECONDS": "0.2"}
    return cluster


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@contextmanager
def database(cluster: Cluster) -> Iterator[psycopg.Connection]:
    with psycopg.connect(cluster.database_url, autocommit=True) as conn:
        yield conn


def deliveries(cluster: Cluster) -> dict[str, tuple[Any, ...]]:
    """Return by run: delivery id, status, attempts, error."""
    with database(cluster) as conn:
        return {row[0]: row[1:] for row in conn.execute(DELIVERIES)}


def are_done_with(cluster: Cluster, number: int) -> Callable[[], bool]:
    def done() -> bool:
        found = deliveries(cluster).values()
        return len(found) == number and all(row[1] != "pending" for row in found)

    return done


def begin(api: httpx.Client, webhook: str, **fields: Any) -> str:
    body = {**ECHO, "webhook": webhook, "on_completion": "keep", **fields}
    answer = api.post("/runs", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["run_id"])


def ids(receiver: Receiver) -> list[str]:
    return [sent.headers["x-aegra-delivery"] for sent in receiver.received]


def test_a_server_that_fails_twice_gets_it_at_the_third_try(
    cluster: Cluster, receiver: Receiver
) -> None:
    receiver.statuses = [500, 503, 200]
    cluster.start("a", "serve")
    cluster.started("b", "serve")
    cluster.wait_until_ready("a")
    with cluster.client("a") as api:
        run_id = begin(api, receiver.url)

    wait_until(are_done_with(cluster, 1), seconds=20)

    delivery_id, status, attempts, _ = deliveries(cluster)[run_id]
    assert (status, attempts) == ("delivered", 3)
    assert ids(receiver) == [delivery_id] * 3
    assert {sent.json()["run_id"] for sent in receiver.received} == {run_id}


def test_what_a_redirect_leads_to_is_left_alone(cluster: Cluster) -> None:
    cluster.started("a", "serve")
    with (
        receiving() as secret,
        receiving([307], location=secret.url) as hop,
        receiving([302], location="http://169.254.169.254/latest/") as other_hop,
        cluster.client("a") as api,
    ):
        runs = [begin(api, hop.url), begin(api, other_hop.url)]
        wait_until(are_done_with(cluster, 2), seconds=20)

    assert secret.received == []
    for run_id in runs:
        _, status, attempts, error = deliveries(cluster)[run_id]
        assert (status, attempts) == ("failed", 1)
        assert error.startswith("Redirects are not followed")


def test_what_a_name_resolves_to_is_refused(
    cluster: Cluster, receiver: Receiver, tmp_path: Path
) -> None:
    answers = {
        "inside.example": ["127.0.0.1"],
        "metadata.example": ["169.254.169.254"],
        # Public when it is looked at, this machine when it would be connected to.
        "rebinding.example": ["93.184.216.34", "127.0.0.1"],
    }
    (tmp_path / "sitecustomize.py").write_text(RESOLVER.replace("{answers}", repr(answers)))
    cluster.started("a", "serve", PYTHONPATH=str(tmp_path), LANGGRAPH_WEBHOOKS="")
    with cluster.client("a") as api:
        for address in ("127.0.0.1", "169.254.169.254", "[::1]", "2130706433"):
            body = {**ECHO, "webhook": f"http://{address}:{receiver.port}/hook"}
            answer = api.post("/runs", json=body)
            assert answer.status_code == 422
            assert answer.json()["detail"].startswith("webhook: ")
        runs = [begin(api, f"http://{name}:{receiver.port}/hook") for name in answers]

    wait_until(are_done_with(cluster, 3), seconds=60)

    assert receiver.received == []
    told = [deliveries(cluster)[run_id] for run_id in runs]
    assert [row[1] for row in told] == ["failed"] * 3
    assert told[0][3].startswith("Refused: 127.0.0.1 is this machine")
    assert told[1][3].startswith("Refused: 169.254.169.254 is an address that webhooks are never")
    assert told[2][3].startswith("Refused: 127.0.0.1 is this machine")
    assert told[2][2] == 2


def test_a_kill_loses_no_delivery_and_makes_none_twice(
    cluster: Cluster, receiver: Receiver
) -> None:
    receiver.is_open.clear()
    cluster.started("a", "serve")
    with cluster.client("a") as api:
        runs = [begin(api, receiver.url) for _ in range(30)]
        # Some are being delivered, and wait for their answer; the others wait for their turn.
        wait_until(lambda: len(receiver.received) >= 3 and len(deliveries(cluster)) == 30)

    cluster.kill("a")
    receiver.is_open.set()
    with database(cluster) as conn:
        conn.execute(LATER)
    cluster.started("a")

    wait_until(are_done_with(cluster, 30), seconds=60)
    found = deliveries(cluster)
    assert found.keys() == set(runs)
    assert {row[1] for row in found.values()} == {"delivered"}
    pairs = {
        (sent.json()["run_id"], sent.headers["x-aegra-delivery"]) for sent in receiver.received
    }
    assert pairs == {(run_id, row[0]) for run_id, row in found.items()}
    # Those that were on their way came again, under the id by which a receiver knows them.
    assert max(Counter(ids(receiver)).values()) == 2


def test_what_a_stop_has_cut_short_is_sent_after_the_next_start(
    cluster: Cluster, receiver: Receiver
) -> None:
    receiver.is_open.clear()
    cluster.started("a", "serve", DRAIN_SECONDS="0.2")
    with cluster.client("a") as api:
        run_id = begin(api, receiver.url)
        wait_until(lambda: len(receiver.received) == 1)

    assert cluster.stop("a") == 0
    receiver.is_open.set()
    cluster.started("a")

    wait_until(are_done_with(cluster, 1), seconds=20)
    assert deliveries(cluster)[run_id][1] == "delivered"
    assert ids(receiver) == [deliveries(cluster)[run_id][0]] * 2
