"""A request that is sent again after its server was killed makes one run, whatever the moment."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from common.tests.prepared import prepare
from common.tests.servers import LiveServer, serving, traceless

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

BODY = {"assistant_id": "echo", "input": {"messages": [{"role": "user", "content": "hi"}]}}
# Before it is read, about when it is committed, about when it is answered, and after.
MOMENTS_SECONDS = (0.0, 0.003, 0.006, 0.012, 0.05)


def send_and_kill(server: LiveServer, path: str, key: str, after_seconds: float) -> None:
    """Send a request, and kill the server while nobody reads the answer."""
    body = json.dumps(BODY).encode()
    head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\nidempotency-key: {key}\r\n"
    parts = urlsplit(server.url)
    with socket.create_connection((str(parts.hostname), int(parts.port or 0))) as connection:
        connection.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        time.sleep(after_seconds)
        os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()


def send_and_die(place: Path, after_seconds: float) -> tuple[str, str]:
    """Return where a request was sent to a server that was killed then, and its key."""
    with serving(place) as server:
        with server.client() as api:
            path = f"/threads/{api.post('/threads', json={}).json()['thread_id']}/runs"
        key = uuid4().hex
        send_and_kill(server, path, key, after_seconds)
    return path, key


def test_a_key_makes_one_run_across_a_kill(tmp_path: Path) -> None:
    with traceless(prepare(tmp_path)):
        sent = [send_and_die(tmp_path, moment) for moment in MOMENTS_SECONDS]
        with serving(tmp_path) as server, server.client() as api:
            found = [len(api.get(path).json()) for path, _ in sent]

            again = [
                api.post(path, json=BODY, headers={"idempotency-key": key}) for path, key in sent
            ]

            runs = [api.get(path).json() for path, _ in sent]
    # Some were killed after the run was written, or this shows nothing.
    assert any(found)
    assert [answer.status_code for answer in again] == [200] * len(sent)
    assert [[run["run_id"] for run in listed] for listed in runs] == [
        [answer.json()["run_id"]] for answer in again
    ]
