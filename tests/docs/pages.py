"""The pages that a user reads, and the blocks of code in them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = (
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
)
# Where the pages say that the server listens; and, on the pages about moving, the one before it.
ADDRESS = "http://127.0.0.1:2026"
OLD_ADDRESS = "http://127.0.0.1:8123"
RUN = ("python", "bash")
# Why a block is not run, in the word after `not-run`.
REASONS = {
    "container": "needs a container engine",
    "elsewhere": "needs a machine, a service or a project that a test does not have",
    "endless": "serves until it is stopped",
    "installs": "fetches packages",
    "key": "needs the key of somebody's service",
    "long": "takes minutes, or is a suite of tests itself",
}
SHOWN = ("text", "json", "toml", "yaml", "ini", "http", "nginx", "typescript")

_FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block, such as ```` ```python file=agent.py ````."""

    language: str

    words: tuple[str, ...]
    """What follows the language: `not-run`, perhaps with a reason, `file=NAME`, or nothing."""

    text: str

    @property
    def file(self) -> str | None:
        """Name the file of the page's project that the block is."""
        named = (word.removeprefix("file=") for word in self.words if word.startswith("file="))
        return next(named, None)

    @property
    def is_run(self) -> bool:
        return self.language in RUN and not self.words


def blocks_of(page: Path) -> list[Block]:
    found = []
    for info, text in _FENCE.findall(page.read_text()):
        language, *words = info.split() or [""]
        found.append(Block(language=language, words=tuple(words), text=text))
    return found


def expected_output(blocks: Sequence[Block], position: int) -> str | None:
    """Return the `text` block right after a block that is run; None when there is none."""
    following = blocks[position + 1 : position + 2]
    return following[0].text if following and following[0].language == "text" else None


def page_name(page: Path) -> str:
    return str(page.relative_to(ROOT))
