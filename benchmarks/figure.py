"""One line of the table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table."""

    name: str
    value: float
    unit: str
    bound: float | None = None
    at_least: bool = False
    """Whether the bound is a floor, not a ceiling."""

    def __str__(self) -> str:
        sign = "≥" if self.at_least else "≤"
        bound = "" if self.bound is None else f"{sign} {self.bound:g}"
        return f"{self.name:<36}{self.value:>10.1f} {self.unit:<10}{bound:>10}  {self._verdict()}"

    def _verdict(self) -> str:
        if self.bound is None:
            return ""
        met = self.value >= self.bound if self.at_least else self.value <= self.bound
        return "met" if met else "MISSED"
