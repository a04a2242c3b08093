from __future__ import annotations

from typing import Any

import pytest

from graphs.checkpoint_rows import write_rows


def dumped(idx: int, channel: str, blob: bytes) -> tuple[Any, ...]:
    return ("thread", "", "1", "task", "", idx, channel, "msgpack", blob)


ANSWERS = [dumped(-4, "__resume__", b"1"), dumped(-4, "__resume__", b"1, 2")]


@pytest.mark.parametrize(
    ("writes", "kept"),
    [
        pytest.param([*ANSWERS, dumped(2, "a", b"a")], [b"1", b"a"], id="beside others, the first"),
        pytest.param(ANSWERS, [b"1, 2"], id="by themselves, the last"),
    ],
)
def test_of_two_writes_of_one_key_one_is_left(writes: list[Any], kept: list[bytes]) -> None:
    # In one statement PostgreSQL may take either first; LangGraph gives both answers of a node.
    assert [row[-2] for row in write_rows(writes)] == kept
