"""Whatever is sent to it, the server answers as its description says, and below 500."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from common.tests.servers import serving

HERE = Path(__file__).parent
# Graphs that end by themselves: a client that waits for a run is answered.
PROJECT = HERE / "langgraph.json"
SECONDS = int(os.environ.get("SCHEMATHESIS_SECONDS", "60"))
SEED = os.environ.get("SCHEMATHESIS_SEED", "1")


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 120)
def test_every_answer_to_requests_of_every_kind_is_described(tmp_path: Path) -> None:
    with serving(tmp_path, AEGRA_CONFIG=str(PROJECT)) as server:
        done = subprocess.run(
            [
                *(Path(sys.executable).with_name("schemathesis"), "--no-color"),
                *("--config-file", HERE / "schemathesis.toml"),
                *("run", f"{server.url}/openapi.json", "--continue-on-failure"),
                *("--max-time", str(SECONDS), "--seed", SEED, "--request-timeout", "30"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

        # The seed with which to see it again stands at the end.
        assert done.returncode == 0, done.stdout + done.stderr
    assert " ERROR " not in server.said()
