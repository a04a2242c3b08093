"""Projects written for a test, as a user would have them on disk."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

from common.jsoncodec import Json


def write_project(directory: Path, files: dict[str, str], **keys: Json) -> Path:
    """Write `files` by their paths, and a langgraph.json of `keys`; return its path."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        file = directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text))
    config = directory / "langgraph.json"
    config.write_text(json.dumps(keys))
    return config
