from __future__ import annotations

import pytest

from tests.checkpoints.histories import compared

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.usefixtures("api"),
    # LangGraph says of each DeltaChannel that it is new.
    pytest.mark.filterwarnings("ignore"),
]


@pytest.mark.parametrize("seed", range(40))
async def test_a_history_is_the_same_upon_the_stock_saver_and_upon_ours(seed: int) -> None:
    found = await compared(seed)

    assert found.differences == []
    assert found.checkpoints > 0
