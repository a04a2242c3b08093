"""What the page promises and this branch does not have yet: to be empty."""

from __future__ import annotations

NOT_MERGED: list[str] = []
"""Endpoints, fields (`POST /threads: body ttl`), and tests (`file::name`)."""
