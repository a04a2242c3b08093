from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from common.collecting import CROWD, SELDOM, expect

OFTEN = (700, 10, 10)


@pytest.fixture
def as_it_was() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


@pytest.mark.usefixtures("as_it_was")
@pytest.mark.parametrize("usual", [OFTEN, (3000, 5, 5), (0, 10, 10)])
def test_garbage_is_looked_for_seldom_while_a_crowd_lives(usual: tuple[int, int, int]) -> None:
    gc.set_threshold(*usual)
    seen = []
    for living in (1, CROWD, CROWD + 1, 1000, CROWD, 0):
        expect(living)
        seen.append(gc.get_threshold())

    assert seen == [usual, usual, SELDOM, SELDOM, usual, usual]


def test_often_is_as_often_as_python_looks_itself() -> None:
    assert gc.get_threshold() == OFTEN
