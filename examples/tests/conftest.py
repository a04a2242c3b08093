from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _no_token_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRIPTED_MODEL_TOKEN_DELAY_MS", "0")
