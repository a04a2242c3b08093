from __future__ import annotations

import logging
from pathlib import Path

from dotenv import dotenv_values

from common.errors import ConfigError
from common.jsoncodec import Json

logger = logging.getLogger(__name__)


def read_env(path: Path, value: Json) -> tuple[dict[str, str], bool]:
    """Return the variables that `env` of a project file names, and whether they override others.

    Those that stand in the file itself do; those of a dotenv file do not. Raises ConfigError.
    """
    if value is None:
        return {}, False
    if isinstance(value, dict):
        return {name: _text(path, name, item) for name, item in value.items()}, True
    if not isinstance(value, str):
        raise ConfigError(f"{path}: `env` must be an object or the path of a .env file.")
    file = (path.parent / value).resolve()
    if not file.is_file():
        # Templates name `.env` and leave it to be made: a graph may do without.
        logger.warning("%s: `env` names %s, which does not exist", path.name, file)
        return {}, False
    written = dotenv_values(file, encoding="utf-8")
    return {name: text for name, text in written.items() if text is not None}, False


def _text(path: Path, name: str, value: Json) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise ConfigError(f"{path}: `env.{name}` must be a string.")
