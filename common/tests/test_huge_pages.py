from __future__ import annotations

import mmap
import re
from pathlib import Path

import pytest

from common import huge_pages

ROLLUP = Path("/proc/self/smaps_rollup")


def kib(name: str) -> int:
    """Return what the kernel says of this process's memory."""
    found = re.search(rf"^{name}: +(\d+) kB$", ROLLUP.read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])


@pytest.mark.skipif(
    not huge_pages.SIZE.exists() or not ROLLUP.exists(), reason="this system has no large pages"
)
def test_what_is_used_lies_in_large_pages_and_what_is_not_takes_none() -> None:
    size = int(huge_pages.SIZE.read_text())
    private = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS}
    with mmap.mmap(-1, 4 * size, **private) as used, mmap.mmap(-1, 64 * size, **private) as unused:
        used.write(b"x" * len(used))
        unused[::size] = b"y" * 64
        large, resident = kib("AnonHugePages"), kib("Rss")

        number = huge_pages.collapse()

        assert number >= 3
        assert kib("AnonHugePages") - large >= 3 * size // 1024
        assert kib("Rss") - resident <= number * size // 1024 // 4 + 1024
        assert used[:] == b"x" * len(used)
        assert unused[::size] == b"y" * 64


def test_a_system_without_large_pages_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huge_pages, "SIZE", tmp_path / "none")

    assert huge_pages.collapse() == 0
