"""The development server's two processes: one that watches, one that serves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from types import FrameType
from typing import Any, NoReturn

from django.utils import autoreload

from common.config import ConfigError, project_config

# Exit status by which Django's reloader asks to be started again.
RELOAD = 3
PARENT_SECONDS = 1.0


def supervise() -> NoReturn:
    """Run the serving child, again after each reload, and exit as it does.

    Signals are the child's to obey: it hands its runs back before it goes.
    """
    environment = {**os.environ, autoreload.DJANGO_AUTORELOAD_ENV: "true"}
    child: subprocess.Popen[bytes] | None = None

    def pass_on(number: int, _frame: FrameType | None) -> None:
        # The terminal sends Ctrl-C to both processes; SIGTERM comes to this one alone.
        if child is not None and number == signal.SIGTERM:
            child.send_signal(number)

    signal.signal(signal.SIGINT, pass_on)
    signal.signal(signal.SIGTERM, pass_on)
    while True:
        child = subprocess.Popen(autoreload.get_child_arguments(), env=environment)  # noqa: S603
        status = child.wait()
        if status != RELOAD:
            sys.exit(max(status, 0))


def stay_with_parent() -> None:
    """End this process when the one that supervises it is gone."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def watch_project(sender: Any, **_kwargs: Any) -> None:
    """Have the reloader watch the user's project file, its env file and its code."""
    try:
        config = project_config()
    except ConfigError:
        return
    sender.watch_dir(config.directory, config.path.name)
    sender.watch_dir(config.directory, "*.env")
    sender.watch_dir(config.directory, "**/*.py")
