"""docs/reference/compatibility.md against the official clients, and against the code.

A newer client: raise its version in requirements.txt or tests/e2e/js/package.json and on the page,
run these tests, and write the rows that they ask for. A parameter of a new name needs a sample.
"""

from __future__ import annotations
