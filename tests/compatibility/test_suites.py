"""The suites of tests/e2e call every method of both clients against a live server."""

from __future__ import annotations

import ast
import re

from tests.compatibility import page
from tests.compatibility.calls import CLIENTS
from tests.compatibility.evidence import ROOT

SUITES = ROOT / "tests" / "e2e"
_JS_CALL = re.compile(rf"client\.({'|'.join(CLIENTS)})\s*\.(\w+)\(")


def calls_in_python() -> set[str]:
    """Return the methods that are named as `client.threads.search`."""
    trees = [ast.parse(file.read_text()) for file in SUITES.glob("test_*.py")]
    return {
        f"{node.value.attr}.{node.attr}"
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute)
    }


def calls_in_javascript() -> set[str]:
    texts = [file.read_text() for file in (SUITES / "js").glob("*.test.mjs")]
    calls = [call for text in texts for call in _JS_CALL.findall(text)]
    return {f"{client}.{_snake(method)}" for client, method in calls}


def _snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", name)


def test_every_method_for_python_is_called() -> None:
    assert sorted(page.methods("Python") - calls_in_python()) == []


def test_every_method_for_javascript_is_called() -> None:
    assert sorted(page.methods("JavaScript") - calls_in_javascript()) == []
