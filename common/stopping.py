"""How a process is asked to stop, and what it does to the end before it obeys."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# As a shell tells of a process that Ctrl-C has ended.
INTERRUPTED = 128 + signal.SIGINT
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_stopping = threading.Event()
_interrupted = threading.Event()


def exit_on_interrupt() -> None:
    """End the process at once at Ctrl-C, while it has nothing to put away, until `stop_on_signals`.

    An exception would be lost, and printed, if it came in the callback of a weak reference, which
    Python calls wherever it collects garbage: most of all while modules are imported.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _exit)


def obey_lost_interrupt() -> None:
    """Raise KeyboardInterrupt if the process was asked to stop, and the exception was lost."""
    if _interrupted.is_set():
        raise KeyboardInterrupt


def _exit(_number: int, _frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    _interrupted.set()
    raise KeyboardInterrupt


def begin_to_stop() -> None:
    """Say that from here on a connection that ends is not a client that left."""
    _stopping.set()


def is_stopping() -> bool:
    return _stopping.is_set()


def stop_on_signals() -> None:
    """Have Ctrl-C and SIGTERM raise KeyboardInterrupt, and a closed terminal send SIGTERM.

    By default both end a process on the spot, and leave its database behind. A command that a
    thread calls leaves that to its process.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    signal.signal(signal.SIGTERM, _interrupt)
    # A shell's background job ignores it.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _interrupt)
    # `nohup` asks for the terminal's end to be ignored.
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, _terminate)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ignore whoever asks again to stop, for the length of a block."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    signal.raise_signal(signal.SIGTERM)
