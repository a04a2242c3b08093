"""What the pages tell a user to run, run against a server, with the output they promise."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from common.tests.processes import ROOT
from common.tests.servers import serving, traceless
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

    config = project_of(page, tmp_path / "project")
    with traceless(tmp_path), serving(tmp_path, "serve", AEGRA_CONFIG=str(config)) as server:
        for position, block in enumerate(blocks):
            if not block.is_run:
                continue
            output = run(block.language, block.text.replace(ADDRESS, server.url))
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
