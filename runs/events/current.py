"""The event log of this process."""

from __future__ import annotations

from common import notices
from runs.events.log import EventLog
from runs.events.postgres import PostgresStore

_current: EventLog | None = None


def start_log() -> EventLog:
    """Open the process's event log; its owner is the server or a command."""
    global _current  # noqa: PLW0603 -- the one log of the process, with one owner
    assert _current is None, "the event log is opened once"
    _current = EventLog(PostgresStore(notices.current()))
    _current.start()
    return _current


def stop_log() -> None:
    global _current  # noqa: PLW0603 -- see start_log()
    if _current is not None:
        _current.stop()
        _current = None


def log_here() -> EventLog | None:
    """Return the event log, or None in a process that has none."""
    return _current


def current_log() -> EventLog:
    if _current is None:
        raise RuntimeError("There is no event log in this process.")
    return _current
