"""Spans of a server, as a collector gets them."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.tests.collector import collecting
from common.tests.prepared import prepare
from common.tests.servers import serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

HI = {"assistant_id": "echo", "input": {"messages": ["hi"]}}


def test_a_server_that_stops_sends_what_is_left(tmp_path: Path) -> None:
    with collecting() as collector:
        env = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Basic%20abc,x-project-name=mine",
            "OTEL_SERVICE_NAME": "agents",
            "OTEL_BSP_SCHEDULE_DELAY": "60000",
        }
        with serving(prepare(tmp_path), **env) as server:
            with server.client() as client:
                assert client.post("/runs/wait", json=HI).status_code == 200
            assert collector.spans == []

            assert server.stopped() == 0

    [run] = collector.named("invoke_agent echo")
    [request] = collector.named("POST /runs/wait")
    assert run.parent_id == request.span_id
    assert collector.service == "agents"
    assert collector.headers["authorization"] == "Basic abc"
    assert collector.headers["x-project-name"] == "mine"


def test_a_collector_that_is_not_there_costs_neither_run_nor_stop(tmp_path: Path) -> None:
    with serving(prepare(tmp_path), OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9") as server:
        with server.client() as client:
            assert client.post("/runs/wait", json=HI).status_code == 200

        assert server.stopped(seconds=25) == 0

    assert "Traceback" not in server.said()


def test_without_an_endpoint_nothing_of_opentelemetry_is_loaded(tmp_path: Path) -> None:
    with serving(prepare(tmp_path)) as server:
        with server.client() as client:
            assert client.post("/runs/wait", json=HI).status_code == 200
        maps = Path(f"/proc/{server.process.pid}/maps").read_text()

    # Its messages are of protobuf, which is compiled.
    assert "google/_upb" not in maps
