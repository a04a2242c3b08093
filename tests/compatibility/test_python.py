"""The official clients for Python, method by method, against docs/reference/compatibility.md."""

from __future__ import annotations

import pytest

from tests.compatibility import comparing
from tests.compatibility.python_sdk import PythonSdk


@pytest.fixture(params=["async", "sync"])
def sdk(request: pytest.FixtureRequest) -> PythonSdk:
    return PythonSdk(is_async=request.param == "async")


async def test_every_parameter_has_a_row(sdk: PythonSdk) -> None:
    assert await comparing.undeclared(sdk) == ""


async def test_each_argument_goes_where_its_row_says(sdk: PythonSdk) -> None:
    found = await comparing.called(sdk)

    told = comparing.told_places("Python")
    assert comparing.unlike(told, comparing.seen_places(found)) == ""


async def test_each_endpoint_is_called_by_whom_its_row_names(sdk: PythonSdk) -> None:
    found = await comparing.called(sdk)

    told = comparing.told_callers("Python")
    assert comparing.unlike(told, comparing.seen_callers(found)) == ""


async def test_the_code_knows_every_field_that_is_served(sdk: PythonSdk) -> None:
    found = await comparing.called(sdk)

    assert comparing.undescribed("Python", found) == ""
