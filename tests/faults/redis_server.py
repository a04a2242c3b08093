"""A Redis of a test's own, to be ended and started again."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import redis


@contextmanager
def redis_server(place: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    command = ["redis-server", "--port", str(port), "--save", "", "--dir", str(place)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    client = redis.Redis(port=port)
    for _ in range(200):
        with suppress(redis.ConnectionError):
            client.ping()
            break
        time.sleep(0.05)
    client.close()
    try:
        yield process
    finally:
        process.kill()
        process.wait()
