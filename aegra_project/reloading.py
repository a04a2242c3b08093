"""The development server's two processes: one that supervises, one that serves and watches."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import count, islice
from pathlib import Path
from types import FrameType
from typing import NoReturn

from django.conf import settings
from django.utils import autoreload

from common.config import FILE_NAMES, ConfigError, import_directories, project_config

# Exit status by which Django's reloader asks to be started again.
RELOAD = 3
PARENT_SECONDS = 1.0
WATCH_SECONDS = 0.5
# What is installed is nine tenths of what is imported, and changes by an upgrade alone: it is
# looked at each so many times.
INSTALLED_TURNS = 20
# A change that came while this process was starting is a change, too.
STARTED_AT = time.time()
# Folders of a project beyond which nothing is watched.
WATCHED_FOLDERS = 2000
_NOT_OURS = {"__pycache__", "node_modules", "site-packages", "venv"}
_STDLIB = Path(sysconfig.get_path("stdlib"))


def supervise() -> NoReturn:
    """Run the serving child, again after each reload, and exit as it does.

    Signals are the child's to obey: it hands its runs back before it goes.
    """
    environment = {**os.environ, autoreload.DJANGO_AUTORELOAD_ENV: "true"}
    child: subprocess.Popen[bytes] | None = None
    stopping = threading.Event()

    def stop(number: int, _frame: FrameType | None) -> None:
        stopping.set()
        # The terminal sends Ctrl-C to both processes; SIGTERM comes to this one alone.
        if child is not None and number == signal.SIGTERM:
            child.terminate()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    status = RELOAD
    while status == RELOAD and not stopping.is_set():
        child = subprocess.Popen(autoreload.get_child_arguments(), env=environment)  # noqa: S603
        if stopping.is_set():
            child.terminate()
        status = child.wait()
    # A process that a signal has ended, in the words of a shell.
    sys.exit(0 if stopping.is_set() else status if status >= 0 else 128 - status)


def stay_with_parent() -> None:
    """End this process when the one that supervises it is gone."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def run_reloading(serve: Callable[[], None]) -> None:
    """Serve in a daemon's thread until Ctrl-C or SIGTERM; leave by SystemExit after a change."""
    _run(ProjectReloader(), serve)


def wait_for_mend() -> None:
    """Wait as `run_reloading` does where the project cannot be loaded.

    A change to any of its code may mend it: what is broken has not been imported.
    """
    _run(ProjectReloader(_code_folders()), lambda: None)


def _run(reloader: ProjectReloader, serve: Callable[[], None]) -> None:
    try:
        autoreload.start_django(reloader, serve)
    except KeyboardInterrupt:
        return


class ProjectReloader(autoreload.StatReloader):
    """Watches what is imported, the project file and its env file; and all code in `folders`."""

    def __init__(self, folders: Iterable[Path] = ()) -> None:
        super().__init__()
        self._folders = list(folders)
        self._has_installed = True

    def tick(self) -> Iterator[None]:
        known: dict[Path, float] = {}
        for turn in count():
            self._has_installed = turn % INSTALLED_TURNS == 0
            for file, changed_at in self.snapshot_files():
                before = known.get(file)
                known[file] = changed_at
                # A time to come is an archive's or a wrong clock's, and no change.
                is_fresh = before is None and STARTED_AT < changed_at <= time.time()
                if is_fresh or before not in (None, changed_at):
                    self.notify_file_changed(file)
            time.sleep(WATCH_SECONDS)
            yield

    def watched_files(self, include_globs: bool = True) -> Iterator[Path]:  # noqa: FBT001, FBT002
        # Folders of templates and translations, mostly installed ones.
        has_globs = include_globs and self._has_installed
        for file in super().watched_files(has_globs):
            if self._has_installed or not _is_installed(file):
                yield file
        yield from _project_files()
        for folder in self._folders:
            yield from folder.glob("*.py")


@cache
def _is_installed(file: Path) -> bool:
    return "site-packages" in file.parts or file.is_relative_to(_STDLIB)


def _project_files() -> list[Path]:
    """Return the project file and its env file, whether they are there or not."""
    named = Path(settings.AEGRA_CONFIG).expanduser().resolve() if settings.AEGRA_CONFIG else None
    files = [named] if named else [Path.cwd() / name for name in FILE_NAMES]
    try:
        config = project_config()
    except ConfigError:
        return files
    env = config.raw.get("env")
    return [*files, config.directory / env] if isinstance(env, str) else files


def _code_folders() -> Iterator[Path]:
    """Yield the folders of the project's code, without what is installed there."""
    try:
        roots = import_directories(project_config())
    except ConfigError:
        return
    yield from islice((folder for root in roots for folder in _folders_in(root)), WATCHED_FOLDERS)


def _folders_in(root: Path) -> Iterator[Path]:
    for place, names, files in os.walk(root):
        if "pyvenv.cfg" in files:
            names.clear()
            continue
        names[:] = [name for name in names if not name.startswith(".") and name not in _NOT_OURS]
        yield Path(place)
