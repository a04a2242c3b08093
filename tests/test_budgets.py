"""The budgets of the style guide that no tool checks."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OUTSIDE = {".venv", "node_modules", "migrations", ".aegra", "staticfiles"}
FILES = sorted(
    path for path in ROOT.rglob("*.py") if not OUTSIDE.intersection(path.relative_to(ROOT).parts)
)
MAX_LINES = 300
MAX_NESTING = 3

BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.Match)


def deepest(node: ast.AST, depth: int = 0) -> int:
    return max((deepest(child, level) for child, level in _inner(node, depth)), default=depth)


def _inner(node: ast.AST, depth: int) -> Iterator[tuple[ast.AST, int]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield child, 0
            continue
        is_elif = isinstance(node, ast.If) and isinstance(child, ast.If) and child in node.orelse
        yield child, depth + (isinstance(child, BLOCKS) and not is_elif)


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FILES, ids=named)
def test_a_file_is_short_and_flat(path: Path) -> None:
    text = path.read_text()

    assert len(text.splitlines()) <= MAX_LINES
    assert deepest(ast.parse(text)) <= MAX_NESTING
