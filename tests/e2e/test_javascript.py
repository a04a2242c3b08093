"""The suites of tests/e2e/js, each on node's own test runner."""

from __future__ import annotations

import pytest

from common.tests.servers import LiveServer
from tests.javascript import JS, install_packages, node

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def packages() -> None:
    install_packages()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("suite", sorted(file.name for file in JS.glob("*.test.mjs")))
async def test_the_suite_passes(packages: None, server: LiveServer, suite: str) -> None:
    run = ("--test", "--test-reporter=tap", "--test-timeout=60000", suite)

    status, told, errors = await node(*run, AEGRA_URL=server.url)

    assert status == 0, (told + errors).decode()
    assert b"# pass 0" not in told, told.decode()
