"""The event log of this process."""

from __future__ import annotations

from django.conf import settings

from common import notices
from runs.events.log import EventLog
from runs.events.postgres import PostgresStore
from runs.events.store import EventStore

# Who writes into a thread's state tells of it here.
STATE_CHANNEL = "aegra_state"

_current: EventLog | None = None


def start_log() -> EventLog:
    """Open the process's event log; its owner is the server or a command.

    Raises StoreLost when EVENT_BUS_URL leads nowhere.
    """
    global _current  # noqa: PLW0603 -- the one log of the process, with one owner
    assert _current is None, "the event log is opened once"
    listener = notices.current()
    log = EventLog(_store(listener))
    listener.listen(STATE_CHANNEL, log.tell_state, lambda: None)
    log.start()
    _current = log
    return log


def _store(listener: notices.Listener) -> EventStore:
    if not settings.EVENT_BUS_URL:
        return PostgresStore(listener)
    # Imported where it is used: most servers need no Redis, and none of its memory.
    from runs.events.redis import RedisStore

    store = RedisStore(settings.EVENT_BUS_URL)
    store.check()
    return store


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
