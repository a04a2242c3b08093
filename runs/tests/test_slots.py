from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from pytest_django import Settings

from runs.engine.slots import HeldSlot, Slots, held, lent


@pytest.fixture
def slots(settings: Settings) -> Slots:
    settings.ENGINE_SLOTS = 1
    return Slots()


@pytest.fixture
def outside_of_runs() -> Iterator[None]:
    token = held.set(None)
    yield
    held.reset(token)


def hold(slots: Slots, on_free: Callable[[], None] = lambda: None) -> None:
    """Have the code of the test be a run's."""
    assert slots.take(1) == 1
    held.set(HeldSlot(slots, on_free=on_free))


def test_no_more_are_taken_than_there_are(slots: Slots) -> None:
    assert (slots.take(3), slots.take(1)) == (1, 0)


@pytest.mark.usefixtures("outside_of_runs")
def test_a_run_that_waits_lends_its_slot_once_however_much_it_waits_for(slots: Slots) -> None:
    told: list[int] = []
    hold(slots, lambda: told.append(1))

    with lent(), lent():
        assert (slots.take(5), told) == (1, [1])


@pytest.mark.usefixtures("outside_of_runs")
def test_a_slot_taken_back_is_owed_until_another_run_ends(slots: Slots) -> None:
    hold(slots)
    with lent():
        assert slots.take(1) == 1

    assert slots.take(1) == 0
    slots.give_back(1)
    assert slots.take(1) == 0
    slots.give_back(1)
    assert slots.take(1) == 1


@pytest.mark.usefixtures("outside_of_runs")
def test_outside_of_runs_there_is_nothing_to_lend(slots: Slots) -> None:
    with lent():
        assert slots.take(2) == 1
