"""Answers beside the samples that the API's clients were written against.

A sample leaves out what this server may add: empty keys of messages, and more keys in
`configurable` and in metadata for tracing. Ids and times are compared by where they recur.
Left out of the samples: `run_attempt` in a run's kwargs, which no client reads. Put in: what was
cut off, the last tokens and the last checkpoint of `many_modes`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.streaming import Frame, parsed

SAMPLES = Path(__file__).parent / "samples"
# What a sample shows a part of; the whole is the server's own affair.
OPEN_KEYS = frozenset({"configurable", "metadata"})
EMPTY_KEYS: dict[str, Any] = {
    "additional_kwargs": {},
    "response_metadata": {},
    "name": None,
    "usage_metadata": None,
    "invalid_tool_calls": [],
}
AGENT = "fe096781-5601-53d2-b2f6-0d3403f7e9ca"
_ID = re.compile(r"<uuid\d+>|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[0-9a-f]{32}\b")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}\+00:00")


def sample_frames(name: str) -> list[Frame]:
    return parsed((SAMPLES / name).read_text().replace("\n", "\r\n"))


def sample(name: str) -> Any:
    return json.loads((SAMPLES / name).read_text())


def told(frames: list[Frame]) -> list[Any]:
    """Return frames as values to compare; of an id only that it is there."""
    return [[frame.event, frame.data, frame.id is not None] for frame in frames]


def assert_alike(actual: Any, expected: Any) -> None:
    assert _numbered(_shown(actual, expected)) == _numbered(expected)


def _shown(actual: Any, expected: Any, *, is_open: bool = False) -> Any:
    """Return of an answer what a sample would show of it."""
    if isinstance(actual, list) and isinstance(expected, list) and len(actual) == len(expected):
        pairs = zip(actual, expected, strict=True)
        # The second of a message and its metadata.
        is_tuple = len(actual) == 2 and isinstance(actual[0], dict) and "content" in actual[0]
        return [_shown(a, e, is_open=is_tuple and a is actual[1]) for a, e in pairs]
    if not isinstance(actual, dict) or not isinstance(expected, dict):
        return actual
    if "content" in actual:
        actual = {k: v for k, v in actual.items() if k not in EMPTY_KEYS or v != EMPTY_KEYS[k]}
    if len(actual) == len(expected) == 1:
        # Of one message or task, whose id is the key.
        ((key, value),) = actual.items()
        return {key: _shown(value, *expected.values(), is_open=key in OPEN_KEYS)}
    return {
        key: _shown(value, expected.get(key), is_open=key in OPEN_KEYS)
        for key, value in actual.items()
        if key in expected or not is_open
    }


def _numbered(value: Any) -> Any:
    """Write ids in the order in which they are met, and every time as one."""
    seen: dict[str, str] = {AGENT: AGENT}

    def name(found: re.Match[str]) -> str:
        return seen.setdefault(found[0], f"id-{len(seen)}")

    text = _TIME.sub("a-time", json.dumps(value, sort_keys=True))
    return json.loads(_ID.sub(name, text))
