from __future__ import annotations

import subprocess
import sys

import pytest

from benchmarks.server import ROOT, serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_a_peer_is_put_under_the_same_load_in_the_same_run() -> None:
    with serving() as peer:
        rows = ["--rows", "^/ok$|^tokens, 64 streams$"]
        asked = [*rows, "--peer", peer.url, "--peer-pid", str(peer.pid)]
        bench = subprocess.run(
            [sys.executable, "-m", "benchmarks", *asked],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )

    own, other, plain, _ = bench.stdout.split("\n\n")
    for table in (own, other):
        lines = [line.split("|") for line in table.splitlines()]
        assert [cells[1].strip() for cells in lines[2:]] == ["/ok", "tokens, 64 streams"]
        assert [cells[lines[0].index(" errors ")].strip() for cells in lines[2:]] == ["0", "0"]
    assert "tokens, memory saver, 16 at once" in plain
