"""How a process is asked to stop, and what it does to the end before it obeys."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_stopping = threading.Event()


def begin_to_stop() -> None:
    """Say that from here on a connection that ends is not a client that left."""
    _stopping.set()


def is_stopping() -> bool:
    return _stopping.is_set()


def stop_on_signals() -> None:
    """Have SIGTERM raise KeyboardInterrupt as Ctrl-C does, and a closed terminal send SIGTERM.

    By default both end a process on the spot, and leave its database behind. A command that a
    thread calls leaves that to its process.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
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
