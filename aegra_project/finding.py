"""One line of a diagnosis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    level: Literal["ok", "warning", "problem"]
    """With a problem the server does not start, or does not do what it was asked for."""

    subject: str

    told: str
    """What was found and, unless it is well, what to do: one line."""


def ok(subject: str, told: str) -> Finding:
    return Finding("ok", subject, told)


def warning(subject: str, told: str) -> Finding:
    return Finding("warning", subject, told)


def problem(subject: str, told: str) -> Finding:
    return Finding("problem", subject, told)
