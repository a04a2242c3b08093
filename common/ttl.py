"""How long a thread is kept after its last update, as clients and project files write it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from common.errors import ConfigError
from common.jsoncodec import Json, JsonObject

logger = logging.getLogger(__name__)

STRATEGIES = ("delete", "keep_latest")
# A hundred years: further than anybody means, and still a date that JSON readers know.
MAX_MINUTES = 60 * 24 * 365 * 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Ttl:
    minutes: float
    """Counted from the thread's last update."""

    strategy: str = "delete"
    """`delete` the thread, or `keep_latest`: drop all checkpoints but the newest."""


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
    for key in ("default_ttl", "sweep_interval_minutes"):
        if section.get(key) is not None and not _is_minutes(section[key]):
            raise ConfigError(f"{path}: `checkpointer.ttl.{key}` must be minutes, above 0.")
    limit = section.get("sweep_limit")
    if limit is not None and not (type(limit) is int and limit > 0):
        raise ConfigError(f"{path}: `checkpointer.ttl.sweep_limit` must be a number above 0.")
    strategy, minutes = _default_strategy(path, section), section.get("default_ttl")
    if minutes is None:
        return None
    logger.warning("checkpointer.ttl is kept and shown; this version expires no thread yet")
    return Ttl(minutes=_number(minutes), strategy=strategy)


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
