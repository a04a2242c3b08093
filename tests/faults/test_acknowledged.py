"""What a run was told is kept is kept, whenever its process is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import psycopg
import pytest

from common.tests.processes import ROOT
from tests.faults.cluster import Cluster

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

COMMAND = [sys.executable, "-m", "tests.faults.acknowledging"]
# Killed after so many lines: at the beginning, and in the middle of much.
LINES = (1, 200, 1500)


@pytest.mark.parametrize("lines", LINES)
def test_a_kill_in_the_middle_of_commits_loses_no_acknowledged_checkpoint(
    cluster: Cluster, lines: int
) -> None:
    with subprocess.Popen(
        COMMAND, cwd=ROOT, env={**os.environ, **cluster.environment}, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(lines)]
        process.send_signal(signal.SIGKILL)
        # What it had said by then; the last of it may be cut off.
        told += process.stdout.read().splitlines(keepends=True)

    acknowledged = {tuple(line.decode().split()) for line in told if line.endswith(b"\n")}
    assert len(acknowledged) >= lines
    assert acknowledged <= stored(cluster)


def stored(cluster: Cluster) -> set[tuple[str, ...]]:
    with psycopg.connect(cluster.database_url) as conn:
        return {
            row
            for table in ("checkpoints", "checkpoint_writes")
            for row in conn.execute(
                f"SELECT '{table}', thread_id, checkpoint_id FROM {table}".encode()
            )
        }
