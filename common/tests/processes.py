"""Real processes for tests: started, asked, and found again when they are left behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Of nobody in particular: an ordinary user of this machine.
ORDINARY_UID = 65534


def wait_until(is_so: Callable[[], bool], seconds: float = 20.0) -> None:
    """Fail when something does not come true in time."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"not so within {seconds:g} s"
        time.sleep(0.05)


def processes_of(directory: Path) -> list[int]:
    """Return the processes that have a directory in their command, environment or place."""
    named = str(directory).encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            told = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            place = bytes((process / "cwd").readlink())
            is_zombie = (process / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
            if not is_zombie and (named in told or named in place):
                found.append(int(process.name))
    return found


@contextmanager
def nothing_left(directory: Path) -> Iterator[None]:
    """End what a block left running, and fail if it did."""
    try:
        yield
        wait_until(lambda: not processes_of(directory), seconds=5)
    finally:
        for pid in processes_of(directory):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def heed_signals() -> None:
    """Heed the terminal's signals in a new process, whatever these tests were told to ignore.

    What a shell starts in the background, or under `nohup`, inherits that it ignores them.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@contextmanager
def spawned(
    arguments: list[str], *, env: Mapping[str, str], as_ordinary_user: bool = False
) -> Iterator[subprocess.Popen[str]]:
    """Run Python in a session of its own, as a terminal would; what is left of it is killed."""
    process = subprocess.Popen(
        [*(ordinary_python() if as_ordinary_user else [sys.executable]), *arguments],
        cwd=ROOT,
        env=dict(env),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed_signals,  # noqa: PLW1509 -- it takes no lock
    )
    with process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@cache
def ordinary_python() -> list[str]:
    """Return the command of a Python that an ordinary user of this machine can run.

    Empty when there is none: not started as root, or the interpreter is in root's home.
    """
    if os.getuid() != 0 or shutil.which("setpriv") is None:
        return []
    packages = ":".join(path for path in sys.path if path.endswith("site-packages"))
    user = ["setpriv", f"--reuid={ORDINARY_UID}", f"--regid={ORDINARY_UID}", "--clear-groups"]
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        command = [*user, "env", f"PYTHONPATH={packages}", python]
        if shutil.which(python) and not subprocess.call(
            [*command, "-c", "import psycopg"], stderr=subprocess.DEVNULL
        ):
            return command
    return []
