"""Pages as large as the processor knows, for what a process has loaded."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from mmap import PAGESIZE
from pathlib import Path

# Of Linux 6.1 and later; `man 2 madvise`. It asks neither for the system's setting nor for a
# privilege.
MADV_COLLAPSE = 25
MAPS = Path("/proc/self/maps")
SIZE = Path("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size")
# What is mostly unused would take memory for nothing.
USED = 0.75


def collapse() -> int:
    """Move what the process holds into large pages, and return their number.

    0 where the system has none. Other threads go on meanwhile.
    """
    try:
        size = int(SIZE.read_text())
        places = list(_aligned(size))
    except OSError:
        return 0
    system = ctypes.CDLL(None)
    return sum(_is_collapsed(system, ctypes.c_void_p(place), size) for place in places)


def _aligned(size: int) -> Iterator[int]:
    """Yield where a large page could be in the heap, which is Python's memory and malloc's."""
    for line in MAPS.read_text().splitlines():
        addresses, access, *_, inode, name = (*line.split(maxsplit=5), "")[:6]
        if not access.startswith("rw") or inode != "0" or name not in ("", "[heap]"):
            continue
        first, last = (int(address, 16) for address in addresses.split("-"))
        yield from range(-(-first // size) * size, last - size + 1, size)


def _is_collapsed(system: ctypes.CDLL, place: ctypes.c_void_p, size: int) -> bool:
    length = ctypes.c_size_t(size)
    used = (ctypes.c_ubyte * (size // PAGESIZE))()
    if system.mincore(place, length, used) or sum(used) < USED * len(used):
        return False
    return not int(system.madvise(place, length, MADV_COLLAPSE))
