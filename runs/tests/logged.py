"""What the server logs, as programs read it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from common.logs import json_formatter

Lines = Callable[[str], list[dict[str, Any]]]


@contextmanager
def logged() -> Iterator[Lines]:
    """Return the lines of one event that the server writes during the test."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(json_formatter())
    logging.getLogger().addHandler(handler)

    def of(event: str) -> list[dict[str, Any]]:
        written = [json.loads(line) for line in text.getvalue().splitlines()]
        return [line for line in written if line["event"] == event]

    try:
        yield of
    finally:
        logging.getLogger().removeHandler(handler)
