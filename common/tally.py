"""What a clean-up has removed, or would remove."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from common.db import Row


@dataclass(slots=True)
class Tally:
    """Rows and bytes by kind, in the words in which they are told: `threads`, `checkpoints`."""

    rows: Counter[str] = field(default_factory=Counter)

    bytes: Counter[str] = field(default_factory=Counter)
    """As they lie in the database, compressed; indexes apart."""

    def count(self, kind: str, row: Row | None) -> None:
        """Add a row of `rows` and `bytes`, as a statement that removes things returns it."""
        if row is not None:
            self.rows[kind] += int(row["rows"])
            self.bytes[kind] += int(row["bytes"])

    def add(self, other: Tally) -> None:
        self.rows.update(other.rows)
        self.bytes.update(other.bytes)
