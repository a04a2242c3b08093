"""The messages that the developer guide explains are those that the server writes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

GUIDE = ROOT / "docs" / "developer-guide.md"
# Of Django and of PostgreSQL.
FOREIGN = {
    "Conflicting migrations detected",
    "column … does not exist",
    'relation "…" already exists',
}
_TABLE = re.compile(r"^\| You see \|.*?\n\n", re.MULTILINE | re.DOTALL)
_MESSAGE = re.compile(r"^\| (?:\d+ )?(`+)(.+?)\1 \|", re.MULTILINE)
_VALUE = "…"


def explained() -> list[str]:
    """Return the messages of the guide's table, with `…` for what differs from case to case."""
    [table] = _TABLE.findall(GUIDE.read_text())
    return sorted({message.strip() for _, message in _MESSAGE.findall(table)} - FOREIGN)


@cache
def written() -> str:
    """Return every text in the code that is not a test's; a value in it cuts it in two."""
    files = (path for path in ROOT.glob("*/**/*.py") if "tests" not in path.parts)
    texts = [text for path in files if ".venv" not in path.parts for text in texts_of(path)]
    return "\n".join([*texts, (ROOT / "Makefile").read_text()])


def texts_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@pytest.mark.parametrize("message", explained())
def test_a_message_that_is_explained_is_written_by_the_server(message: str) -> None:
    for part in message.split(_VALUE):
        assert part.strip() in written()


def test_the_table_is_found() -> None:
    assert len(explained()) > 12
