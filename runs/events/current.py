"""The event log of this process."""

from __future__ import annotations

from runs.events.memory import MemoryEventLog

_current: MemoryEventLog | None = None


def start_log() -> MemoryEventLog:
    """Open the process's event log; its owner is the server or a command."""
    global _current  # noqa: PLW0603 -- the one log of the process, with one owner
    assert _current is None, "the event log is opened once"
    _current = MemoryEventLog()
    return _current


def stop_log() -> None:
    global _current  # noqa: PLW0603 -- see start_log()
    _current = None


def log_here() -> MemoryEventLog | None:
    """Return the event log, or None in a process that has none."""
    return _current


def current_log() -> MemoryEventLog:
    if _current is None:
        raise RuntimeError("There is no event log in this process.")
    return _current
