"""The soak: what it takes for growth, and a server that goes through it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from benchmarks.growth import growth
from common.tests.processes import ROOT

# Of three minutes or more it is told whether anything grew; CI takes as many.
MINUTES = float(os.environ.get("SOAK_MINUTES", "0.5"))


@pytest.mark.parametrize(
    ("values", "is_flat"),
    [
        ([0, 5, 9] + [10] * 6, True),
        ([0, 5, 9, 10, 10, 10, 10, 13, 13], False),
        ([10] * 6 + [10, 900, 10], True),
        ([100] * 6 + [102] * 3, True),
        ([100] * 6 + [106] * 3, False),
        ([50] * 6 + [10] * 3, True),
    ],
)
def test_growth_is_a_rise_of_the_last_third_over_the_second(
    values: list[float], is_flat: bool
) -> None:
    assert growth(values, slack=2.0, share=0.05).is_flat == is_flat


@pytest.mark.slow
@pytest.mark.timeout(MINUTES * 60 + 120)
def test_nothing_grows_at_half_of_the_load() -> None:
    command = [sys.executable, "-m", "benchmarks.soak", "--minutes", str(MINUTES)]

    soaked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert soaked.returncode == 0, soaked.stdout + soaked.stderr
