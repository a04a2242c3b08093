"""A new agent project, made from a template: a folder that the server serves as it is."""

from __future__ import annotations

import keyword
import re
import shutil
from importlib.util import find_spec
from pathlib import Path

TEMPLATES = Path(__file__).parent / "templates"
# Laid under each template; it has what does not differ.
SHARED = "shared"
# Stand in the templates, and make them valid Python.
FOLDER, PACKAGE = "my-agent", "my_agent"
_COMPILED = shutil.ignore_patterns("__pycache__", "*.pyc", ".*_cache")


class CannotMakeProject(Exception):
    """The project cannot be made, and nothing was written; one line says what to do."""


def template_names() -> list[str]:
    return sorted(place.name for place in TEMPLATES.iterdir() if place.name != SHARED)


def make_project(target: Path, template: str) -> None:
    """Make the folder `target` from a template, whole or not at all.

    Its name names the project, its package and its graph. Raises CannotMakeProject.
    """
    package = _package_name(target.name)
    _refuse_occupied(target)
    try:
        for source in (SHARED, template):
            shutil.copytree(TEMPLATES / source, target, dirs_exist_ok=True, ignore=_COMPILED)
        _rename(target, package)
        shutil.copy(target / ".env.example", target / ".env")
    except OSError as exc:
        shutil.rmtree(target, ignore_errors=True)
        raise CannotMakeProject(f"{target} cannot be written: {exc.strerror}.") from exc


def _package_name(name: str) -> str:
    """Return the name of the project's Python package."""
    package = name.replace("-", "_")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", package) or keyword.iskeyword(package):
        raise CannotMakeProject(
            f"{name!r} names no project: take small letters, digits, - and _, and begin with a "
            "letter, like my-agent."
        )
    if find_spec(package) is not None:
        raise CannotMakeProject(
            f"{name!r} is taken: a Python module {package} is installed here. Choose another name."
        )
    return package


def _refuse_occupied(target: Path) -> None:
    if target.is_dir() and not any(target.iterdir()):
        return
    if target.exists() or target.is_symlink():
        raise CannotMakeProject(
            f"{target} is there already, and is no empty folder. Choose another name, or empty it."
        )


def _rename(project: Path, package: str) -> None:
    """Put the project's own names where the template has `my-agent` and `my_agent`."""
    names = {FOLDER: project.name, PACKAGE: package}
    for file in [found for found in project.rglob("*") if found.is_file()]:
        text = file.read_text(encoding="utf-8")
        text = re.sub("|".join(names), lambda found: names[found[0]], text)
        file.write_text(text, encoding="utf-8")
    (project / PACKAGE).rename(project / package)
