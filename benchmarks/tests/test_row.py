from __future__ import annotations

import dataclasses

from benchmarks.load import Sample
from benchmarks.row import Measured, Row
from benchmarks.rows import ALONE, ROWS
from benchmarks.table import markdown, number

SEEN = Sample(took=[0.010, 0.020, 0.030], seconds=0.5, count=50, cpu_seconds=0.1)


def measured(sample: Sample = SEEN, **bounds: float) -> Measured:
    row = Row(
        name="row", scenario=ROWS[0].scenario, served=ALONE, bounds=_spaced(bounds), floor=None
    )
    return Measured(row=row, sample=sample, mib=100.0)


def _spaced(bounds: dict[str, float]) -> dict[str, float]:
    return {column.replace("_", " "): bound for column, bound in bounds.items()}


def test_figures_are_by_the_operation_and_by_the_second() -> None:
    figures = measured().figures()

    assert figures["p50 ms"] == 20
    assert figures["a second"] == 100
    assert figures["CPU ms"] == 2
    assert figures["MiB"] == 100


def test_a_rate_has_to_be_reached_and_a_cost_not_to_be_exceeded() -> None:
    assert measured(a_second=99, CPU_ms=2).verdict({}) == "met"
    assert measured(a_second=101, CPU_ms=1.9).verdict({}) == "MISSED: a second, CPU ms"


def test_an_error_misses_any_bound() -> None:
    failed = dataclasses.replace(SEEN, errors=("AssertionError: 49 tokens, not 50 in order",))

    assert measured(failed, a_second=99).verdict({}) == "MISSED: errors"


def test_times_and_rates_are_held_against_the_pace_of_the_machine() -> None:
    slow = dataclasses.replace(measured(a_second=149, CPU_ms=1.4, MiB=100), slowness=1.5)

    assert slow.verdict({}) == "met at 1.50"
    assert dataclasses.replace(slow, slowness=1.4).verdict({}) == "MISSED: a second, CPU ms"
    assert dataclasses.replace(slow, mib=101.0).verdict({}) == "MISSED: MiB"


def test_what_is_slept_is_no_shorter_on_a_faster_machine() -> None:
    slow = dataclasses.replace(measured(all_s=0.45), slowness=1.25)
    asleep = dataclasses.replace(slow.row, idle_seconds=0.4)

    assert slow.verdict({}) == "met at 1.25"
    assert dataclasses.replace(slow, row=asleep).verdict({}) == "MISSED: all s"


def test_a_cost_may_be_bound_by_that_of_a_plain_program() -> None:
    plain = {("echo", "stock", 16): dataclasses.replace(SEEN, cpu_seconds=0.08)}
    row = dataclasses.replace(measured().row, floor=("echo", 16))

    for times, verdict in ((1.3, "met"), (1.2, "MISSED: CPU ÷ stock saver")):
        bound = dataclasses.replace(measured(), row=dataclasses.replace(row, times_stock=times))
        assert bound.bounds() == f"CPU ÷ stock saver ≤ {times}"
        assert bound.verdict(plain) == verdict


def test_what_is_not_known_of_a_peer_is_not_told() -> None:
    peer = dataclasses.replace(SEEN, cpu_seconds=None)

    assert "CPU ms" not in measured(peer).figures()


def test_rows_are_told_apart_by_their_names() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)


def test_a_table_is_aligned_and_its_figures_have_three_digits() -> None:
    table = markdown(["", "ms"], [["echo", number(1234.5)], ["a longer row", number(0.1234)]])

    assert table.splitlines() == [
        "|              |    ms |",
        "|--------------|------:|",
        "| echo         | 1,234 |",
        "| a longer row | 0.123 |",
    ]
