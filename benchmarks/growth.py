"""Whether something grows that should not: medians of the parts of a series, not its noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

PARTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """What became of a quantity. The first third of its values warms up, and counts for nothing."""

    before: float
    """The median of the second third."""

    after: float
    """The median of the last third."""

    slack: float
    """By how much it may rise from one to the other."""

    @property
    def is_flat(self) -> bool:
        return self.after - self.before <= self.slack


def growth(values: Sequence[float], *, slack: float, share: float) -> Growth:
    """Compare thirds of values that are equally far apart, as Tukey's resistant line does.

    A rise is none that stays within `slack`, or within a `share` of what there was.
    """
    length = len(values) // PARTS
    before, after = median(values[-2 * length : -length]), median(values[-length:])
    return Growth(before=before, after=after, slack=max(slack, share * before))
