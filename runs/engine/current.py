"""The engine of this process, where it has one: a process may serve HTTP alone."""

from __future__ import annotations

from runs.engine.engine import Engine
from runs.events.current import current_log

_current: Engine | None = None


def start_engine() -> Engine:
    """Start the process's engine; the graph loop and the event log run already."""
    global _current  # noqa: PLW0603 -- the one engine of the process, with one owner
    assert _current is None, "the engine is started once"
    engine = Engine(current_log())
    engine.begin()
    _current = engine
    return engine


def stop_engine() -> None:
    global _current  # noqa: PLW0603 -- see start_engine()
    if _current is not None:
        # Runs that come while it drains are written, for the next process to execute.
        _current.end()
        _current = None


def current_engine() -> Engine:
    if _current is None:
        raise RuntimeError("The engine is not running in this process.")
    return _current


def engine_here() -> Engine | None:
    """Return the engine, or None in a process that executes no runs."""
    return _current
