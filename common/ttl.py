"""How long a thread is kept after its last update, as clients and project files write it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from common.errors import ConfigError
from common.jsoncodec import Json, JsonObject

STRATEGIES = ("delete", "keep_latest")
# A hundred years: further than anybody means, and still a date that JSON readers know.
MAX_MINUTES = 60 * 24 * 365 * 100
SWEEP_MINUTES = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ttl:
    minutes: float
    """Counted from the thread's last update."""

    strategy: str = "delete"
    """`delete` the thread, or `keep_latest`: drop all checkpoints but the newest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """How expired threads are looked for."""

    interval_minutes: float = SWEEP_MINUTES
    """Whole minutes: parts of one are rounded."""

    limit: int | None = None
    """How many threads one sweep does at most; None is all."""


def read_ttl(value: Json) -> Ttl:
    """Read what a client sends: minutes, or `{ttl, strategy?}`; raises ValueError."""
    asked: JsonObject = value if isinstance(value, dict) else {"ttl": value}
    if not _is_minutes(asked.get("ttl")):
        raise ValueError(
            f"must be minutes, a number above 0 and at most {MAX_MINUTES}, or {{ttl, strategy}}"
        )
    return Ttl(minutes=_number(asked["ttl"]), strategy=_strategy(asked.get("strategy")))


def read_default_ttl(path: Path, checkpointer: JsonObject) -> Ttl | None:
    """Read `checkpointer.ttl` of a project file; raises ConfigError.

    None when no `default_ttl` is set: then threads are kept until somebody deletes them.
    """
    section = checkpointer.get("ttl")
    if section is None:
        return None
    if not isinstance(section, dict):
        raise ConfigError(f"{path}: `checkpointer.ttl` must be an object.")
    strategy, minutes = _default_strategy(path, section), _minutes(path, section, "default_ttl")
    return None if minutes is None else Ttl(minutes=minutes, strategy=strategy)


def read_sweep(path: Path, checkpointer: JsonObject) -> Sweep:
    """Read how expired threads are looked for, of a section that was read before."""
    section = checkpointer.get("ttl")
    if not isinstance(section, dict):
        return Sweep()
    interval, limit = _minutes(path, section, "sweep_interval_minutes"), section.get("sweep_limit")
    if limit is not None and not (type(limit) is int and limit > 0):
        raise ConfigError(f"{path}: `checkpointer.ttl.sweep_limit` must be a number above 0.")
    return Sweep(interval_minutes=interval or SWEEP_MINUTES, limit=limit)


def is_turn(timestamp: int, *, every_minutes: float) -> bool:
    """Tell whether a job of every minute is to work in this one.

    Goes by the minute itself, so that all processes are of one opinion, whenever they started.
    """
    return timestamp // 60 % max(1, round(every_minutes)) == 0


def _minutes(path: Path, section: JsonObject, key: str) -> float | None:
    value = section.get(key)
    if value is None:
        return None
    if not _is_minutes(value):
        raise ConfigError(f"{path}: `checkpointer.ttl.{key}` must be minutes, above 0.")
    return _number(value)


def _default_strategy(path: Path, section: JsonObject) -> str:
    try:
        return _strategy(section.get("strategy"))
    except ValueError as exc:
        raise ConfigError(f"{path}: `checkpointer.ttl`: {exc}.") from exc


def _strategy(value: Json) -> str:
    if value is None:
        return STRATEGIES[0]
    if value not in STRATEGIES:
        raise ValueError(f"strategy must be one of {', '.join(STRATEGIES)}")
    return str(value)


def _is_minutes(value: Json) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 0 < _number(value) <= MAX_MINUTES


def _number(value: Json) -> float:
    assert isinstance(value, int | float)
    return float(value)
