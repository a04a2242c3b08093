"""Node for the suites: its packages, and a program that is run to its end."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

JS = Path(__file__).parent / "e2e" / "js"
# `make` puts Node beside Python where the system has none that will do.
PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"


def install_packages() -> None:
    """Install what package-lock.json names, unless it is there."""
    npm = shutil.which("npm", path=PATH)
    assert npm, "node and npm are needed: make .venv/.node"
    installed = JS / "node_modules" / ".package-lock.json"
    lock = JS / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        command = [npm, "ci", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=JS, env={**os.environ, "PATH": PATH}, check=True)


async def node(*arguments: str, told: bytes = b"", **env: str) -> tuple[int | None, bytes, bytes]:
    """Run Node in the suites' directory; return its status, and what it wrote on both streams."""
    process = await asyncio.create_subprocess_exec(
        *("node", *arguments),
        cwd=JS,
        env={**os.environ, "PATH": PATH, **env},
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
    )
    output, errors = await process.communicate(told)
    return process.returncode, output, errors
