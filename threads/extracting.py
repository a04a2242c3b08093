"""Paths into a thread, as `extract` of a search writes them (pure)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from common import jsoncodec

ROOTS = ("values", "metadata", "config", "interrupts")
MAX_PATHS = 10
MAX_STEPS = 50
FORM = "like values.messages[-1].content, beginning with " + ", ".join(ROOTS)

_ALIAS = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_ROOT = re.compile("|".join(ROOTS))
_STEP = re.compile(r"\.([^.\[\]]+)|\[(-?[0-9]{1,9})\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """One value to be found in each thread of a search."""

    alias: str
    """The key under `extracted`."""

    column: str

    path: str
    """What PostgreSQL's jsonpath finds it by, in the column."""


def read_extract(alias: str, path: object) -> Extract:
    """Read an alias and its path; raises ValueError.

    A key is taken of an object and an index of a list: anything else, or nothing there, is null.
    """
    if not _ALIAS.fullmatch(alias):
        raise ValueError("must be named by letters, digits and _, without a digit in front")
    if not isinstance(path, str) or (root := _ROOT.match(path)) is None:
        raise ValueError(f"must be a path {FORM}")
    steps, position = ["strict $"], root.end()
    while position < len(path):
        step = _STEP.match(path, position)
        if step is None or len(steps) > MAX_STEPS:
            raise ValueError(f"must be a path of at most {MAX_STEPS} steps {FORM}")
        key, index = step.groups()
        steps.append(_key(key) if index is None else _index(int(index)))
        position = step.end()
    return Extract(alias=alias, column=root.group(), path="".join(steps))


def _key(key: str) -> str:
    return "." + jsoncodec.dumps(key).decode()


def _index(index: int) -> str:
    return f"[{index}]" if index >= 0 else f"[last - {-index - 1}]"
