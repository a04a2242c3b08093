"""What the pages tell a user to run, run against a server, with the output they promise."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from common.tests.prepared import prepare
from common.tests.servers import environment, serving, traceless
from tests.docs.checkout import checkout
from tests.docs.pages import (
    ADDRESS,
    OLD_ADDRESS,
    PAGES,
    ROOT,
    blocks_of,
    expected_output,
    page_name,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

RUNNABLE = [page for page in PAGES if any(block.is_run for block in blocks_of(page))]
COMMANDS = {"python": [sys.executable, "-"], "bash": ["bash", "-euo", "pipefail"]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where the reader of a page sits: a checkout of the project, and a server that runs."""

    directory: Path
    env: dict[str, str]

    addresses: dict[str, str]
    """What the page calls a server, and where that server is."""

    def run(self, language: str, text: str) -> str:
        """Run a block as a program of its own; it must exit with 0. Returns what it prints."""
        for written, url in self.addresses.items():
            text = text.replace(written, url)
        done = subprocess.run(
            COMMANDS[language],
            check=False,
            input=text,
            capture_output=True,
            text=True,
            cwd=self.directory,
            env=self.env,
            timeout=120,
        )
        assert done.returncode == 0, text + done.stdout + done.stderr
        return done.stdout


def test_the_readme_and_the_guides_are_among_what_is_run() -> None:
    names = {page_name(page) for page in RUNNABLE}

    assert {
        "README.md",
        "docs/quickstart.md",
        "docs/developer-guide.md",
        "docs/howto/serve-your-agent.md",
    } <= names


@pytest.mark.parametrize("page", RUNNABLE, ids=page_name)
def test_each_block_of_a_page_does_what_the_page_says(page: Path, tmp_path: Path) -> None:
    blocks = blocks_of(page)

    with reading(page, tmp_path) as desk:
        for position, block in enumerate(blocks):
            if not block.is_run:
                continue
            output = desk.run(block.language, block.text)
            expected = expected_output(blocks, position)
            if expected is not None:
                assert output.strip() == expected.strip()


@contextmanager
def reading(page: Path, place: Path) -> Iterator[Desk]:
    config = project_of(page, place / "project")
    with traceless(prepare(place)), serving(place, "serve", AEGRA_CONFIG=str(config)) as server:
        addresses = {ADDRESS: server.url}
        # The commands of a page find the server's database, and a home to write into.
        port = server.url.rpartition(":")[2]
        env = environment(place, AEGRA_CONFIG=str(config), AEGRA_PORT=port, HOME=str(place))
        with another_server(page, place / "old", addresses):
            yield Desk(directory=checkout(place), env=env, addresses=addresses)


@contextmanager
def another_server(page: Path, place: Path, addresses: dict[str, str]) -> Iterator[None]:
    """Start the server that a page moves away from, where it names one."""
    if not any(block.is_run and OLD_ADDRESS in block.text for block in blocks_of(page)):
        yield
        return
    place.mkdir()
    with (
        traceless(prepare(place)),
        serving(place, AEGRA_CONFIG=str(ROOT / "langgraph.json")) as old,
    ):
        addresses[OLD_ADDRESS] = old.url
        yield


def project_of(page: Path, directory: Path) -> Path:
    """Return the project that a page's server serves: the files it writes, or the examples."""
    files = {block.file: block.text for block in blocks_of(page) if block.file}
    for name, text in files.items():
        directory.mkdir(exist_ok=True)
        (directory / name).write_text(text)
    return (directory if files else ROOT) / "langgraph.json"
