"""A copy of the project for the blocks of a page to run in, and to change as they like."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from tests.docs.pages import ROOT

_LEFT_BEHIND = shutil.ignore_patterns(
    ".git", ".venv", ".env", ".aegra", ".*_cache", "htmlcov", "node_modules", "staticfiles"
)
_STAMPS = (".runtime", ".development", ".node")


def checkout(place: Path) -> Path:
    """Make what a user has in front of them: the project, with everything installed."""
    copy = place / "checkout"
    shutil.copytree(ROOT, copy, ignore=_LEFT_BEHIND)
    installed = copy / ".venv"
    installed.mkdir()
    for part in Path(sys.prefix).iterdir():
        if part.name not in _STAMPS:
            (installed / part.name).symlink_to(part)
    for stamp in _STAMPS:
        # Newer than the requirements: make installs nothing.
        (installed / stamp).touch()
    return copy
