"""What the pages tell a user to run, run against a server, with the output they promise."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest

from common.tests.processes import ROOT, nothing_left, spawned, wait_until
from tests.docs.pages import ADDRESS, PAGES, blocks_of, expected_output, page_name

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

RUNNABLE = [page for page in PAGES if any(block.is_run for block in blocks_of(page))]
COMMANDS = {"python": [sys.executable, "-"], "bash": ["bash", "-euo", "pipefail"]}


def test_the_readme_and_the_guides_are_among_what_is_run() -> None:
    names = {page_name(page) for page in RUNNABLE}

    assert {"README.md", "docs/quickstart.md", "docs/howto/serve-your-agent.md"} <= names


@pytest.mark.parametrize("page", RUNNABLE, ids=page_name)
def test_each_block_of_a_page_does_what_the_page_says(page: Path, tmp_path: Path) -> None:
    blocks = blocks_of(page)

    with served(project_of(page, tmp_path / "project"), tmp_path) as address:
        for position, block in enumerate(blocks):
            if not block.is_run:
                continue
            output = run(block.language, block.text.replace(ADDRESS, address))
            expected = expected_output(blocks, position)
            if expected is not None:
                assert output.strip() == expected.strip()


def run(language: str, text: str) -> str:
    """Run a block as a program of its own; it must exit with 0. Returns what it prints."""
    done = subprocess.run(
        COMMANDS[language],
        check=False,
        input=text,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def project_of(page: Path, directory: Path) -> Path:
    """Return the project that a page's server serves: the files it writes, or the examples."""
    files = {block.file: block.text for block in blocks_of(page) if block.file}
    for name, text in files.items():
        directory.mkdir(exist_ok=True)
        (directory / name).write_text(text)
    return (directory if files else ROOT) / "langgraph.json"


@contextmanager
def served(config: Path, directory: Path) -> Iterator[str]:
    """Serve a project with a database of its own; yields the address, ends with SIGTERM."""
    port = free_port()
    env = {
        **{name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
        "AEGRA_CONFIG": str(config),
        "AEGRA_DATA_DIR": str(directory / "data"),
    }
    command = ["manage.py", "serve", "--port", str(port)]
    address = f"http://127.0.0.1:{port}"
    with nothing_left(directory), spawned(command, env=env) as server:
        wait_until(answers(f"{address}/ok"), seconds=60)
        yield address
        server.terminate()
        server.communicate(timeout=30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str) -> Callable[[], bool]:
    def asked() -> bool:
        try:
            return httpx.get(url, timeout=5).status_code == HTTPStatus.OK
        except httpx.TransportError:
            return False

    return asked
