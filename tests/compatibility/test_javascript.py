"""The official client for JavaScript, method by method, against docs/reference/compatibility.md."""

from __future__ import annotations

import pytest

from tests.compatibility import comparing
from tests.compatibility.javascript_sdk import JavaScriptSdk
from tests.compatibility.wire import Seen

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


@pytest.fixture(scope="module")
def sdk() -> JavaScriptSdk:
    return JavaScriptSdk()


@pytest.fixture(scope="module")
async def found(sdk: JavaScriptSdk) -> Seen:
    return await comparing.called(sdk)


async def test_every_parameter_has_a_row(sdk: JavaScriptSdk) -> None:
    assert await comparing.undeclared(sdk) == ""


def test_each_argument_goes_where_its_row_says(found: Seen) -> None:
    told = comparing.told_places("JavaScript")

    assert comparing.unlike(told, comparing.seen_places(found)) == ""


def test_what_is_not_sent_is_told(found: Seen) -> None:
    rows = comparing.rows("JavaScript")

    unsent = {key for key, places in found.arguments.items() if not places}

    assert unsent == {key for key in found.arguments if rows[key].wire == "not sent"}


def test_each_endpoint_is_called_by_whom_its_row_names(found: Seen) -> None:
    told = comparing.told_callers("JavaScript")

    assert comparing.unlike(told, comparing.seen_callers(found)) == ""


def test_the_code_knows_every_field_that_is_served(found: Seen) -> None:
    assert comparing.undescribed("JavaScript", found) == ""
