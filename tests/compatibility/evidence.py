"""Tests by the names under which the page refers to them."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_JS_TEST = re.compile(r'^test\("([^"]+)"', re.MULTILINE)


def is_there(test: str) -> bool:
    """Say whether `file::name` is a test."""
    file, _, name = test.partition("::")
    return name in _tests_of(ROOT / file)


def names(test: str, parameters: set[str]) -> bool:
    """Say whether the file of a test has one of the names, as either client writes it."""
    text = (ROOT / test.partition("::")[0]).read_text().lower()
    return any(name.replace("_", dash) in text for name in parameters for dash in ("_", "-", ""))


@cache
def _tests_of(file: Path) -> frozenset[str]:
    if not file.is_file():
        return frozenset()
    if file.suffix == ".mjs":
        return frozenset(_JS_TEST.findall(file.read_text()))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    tree = ast.parse(file.read_text())
    names = {node.name for node in tree.body if isinstance(node, functions)}
    return frozenset(name for name in names if name.startswith("test_"))
