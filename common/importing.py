"""What a user names is loaded here: `./file.py:name` or `package.module:name` → object."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from common.user_modules import UserModules, is_server_module

# Where the name to import and the name to install differ.
_DISTRIBUTIONS = {
    "PIL": "pillow",
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "faiss": "faiss-cpu",
    "fitz": "pymupdf",
    "jwt": "pyjwt",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
# Packages of which each part is installed by itself: `google.cloud.storage`.
_NAMESPACES = {"azure", "google"}


class LoadError(Exception):
    """What a user named cannot be loaded; one line says which file, which name, and why."""


_modules = UserModules()


def add_directories(directories: Sequence[Path]) -> None:
    """Let the user's code be imported from these directories, after everything installed."""
    _modules.add_directories(directories)


@contextmanager
def clean_slate() -> Iterator[None]:
    """Forget, at the end, the directories added and the user's modules loaded inside."""
    global _modules  # noqa: PLW0603 -- import state is the process's; tests put it back
    before, _modules = _modules, UserModules()
    before.uninstall()
    try:
        yield
    finally:
        _modules.uninstall()
        _modules = before
        before.install()


def load_object(target: str, directory: Path) -> Any:
    """Return the object that `target` names; a file is relative to `directory`.

    Runs the user's module at its first use; one module per file, however many targets name it.
    Raises LoadError, chained to the cause.
    """
    place, _, symbol = target.rpartition(":")
    module = _load_module(target, place, directory)
    found: Any = module
    for part in symbol.split("."):
        if not hasattr(found, part):
            file = getattr(module, "__file__", None) or place
            raise LoadError(f"{target}: {file} has no `{symbol}`{_names(module)}.")
        found = getattr(found, part)
    return found


def cause_of(exc: BaseException) -> str:
    """Tell on one line what went wrong in the user's code and where, or what to install."""
    if isinstance(exc, LoadError):
        return str(exc)
    if isinstance(exc, ModuleNotFoundError) and exc.name:
        return _missing(exc.name)
    text = " ".join(str(exc).split())
    return f"{type(exc).__name__}{': ' if text else ''}{text}{_line_in_user_code(exc)}"


def _load_module(target: str, place: str, directory: Path) -> ModuleType:
    is_file = place.endswith(".py") or "/" in place
    file = (directory / place).resolve()
    if is_file and not file.is_file():
        raise LoadError(f"{target}: there is no file {file}.")
    _modules.install()
    try:
        if is_file:
            return importlib.import_module(_modules.name_of_file(file))
        return importlib.import_module(_modules.name_of_module(place, directory.resolve()))
    # The user's module: whatever it raises, even the wish to exit, is told as its own error.
    except (Exception, SystemExit) as exc:
        raise LoadError(f"{target}: {cause_of(exc)}") from exc


def _missing(name: str) -> str:
    top = name.partition(".")[0]
    if _modules.owns(top) or _modules.finds(top) or is_server_module(top):
        return f"there is no module `{_modules.public_name(name)}`; correct the name of the import."
    if top in _NAMESPACES:
        package = name.replace(".", "-") if "." in name else f"{name}-…"
    else:
        package = _DISTRIBUTIONS.get(top, top.replace("_", "-"))
    return (
        f"module `{name}` is not installed; run `pip install {package}` in the server's "
        "environment."
    )


def _line_in_user_code(exc: BaseException) -> str:
    """Return ` (file.py:12)` for the innermost line of the user's."""
    found, step = "", exc.__traceback__
    while step is not None:
        if _modules.owns(step.tb_frame.f_globals.get("__name__", "")):
            found = f" ({step.tb_frame.f_code.co_filename}:{step.tb_lineno})"
        step = step.tb_next
    return found


def _names(module: ModuleType) -> str:
    """Return a hint with the first names that a module does not merely import."""
    own = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and not isinstance(value, ModuleType)
        and (not hasattr(value, "__qualname__") or value.__module__ == module.__name__)
    ]
    return f"; it has {', '.join(own[:8])}" if own else ""
