"""The suites of tests/e2e/js, each on node's own test runner."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.servers import Server

pytestmark = pytest.mark.slow

JS = Path(__file__).parent / "js"
# `make` puts Node beside Python where the system has none that will do.
PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"


@pytest.fixture(scope="session")
def packages() -> None:
    """Install what package-lock.json names, unless it is there."""
    npm = shutil.which("npm", path=PATH)
    assert npm, "node and npm are needed: make .venv/.node"
    installed = JS / "node_modules" / ".package-lock.json"
    lock = JS / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        command = [npm, "ci", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=JS, env={**os.environ, "PATH": PATH}, check=True)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("suite", sorted(file.name for file in JS.glob("*.test.mjs")))
async def test_the_suite_passes(packages: None, server: Server, suite: str) -> None:
    node = await asyncio.create_subprocess_exec(
        "node",
        "--test",
        "--test-reporter=tap",
        "--test-timeout=60000",
        suite,
        cwd=JS,
        env={**os.environ, "PATH": PATH, "AEGRA_URL": server.url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )

    told, _ = await node.communicate()

    assert node.returncode == 0, told.decode()
    assert b"# pass 0" not in told, told.decode()
