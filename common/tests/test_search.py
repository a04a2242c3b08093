from __future__ import annotations

import pytest
from django.http import QueryDict
from psycopg import sql

from common.errors import Unprocessable
from common.search import Search, list_param, one_page, order_by, whole_param


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("", []),
        ("mode=", []),
        ("mode=values", ["values"]),
        ("mode=values&mode=updates", ["values", "updates"]),
        ("mode[]=values&mode[]=updates", ["values", "updates"]),
        ('mode=["values","updates"]', ["values", "updates"]),
        ('mode=["values"]&mode=updates', ["values", "updates"]),
        ('mode="values"', ["values"]),
        ("mode=a,b", ["a,b"]),
        ("other=values", []),
    ],
)
def test_a_list_is_read_in_each_of_its_forms(query: str, values: list[str]) -> None:
    assert list_param(QueryDict(query), "mode") == values


@pytest.mark.parametrize("query", ["mode=[", 'mode=["a"', "mode=[NaN]"])
def test_half_a_list_is_refused(query: str) -> None:
    with pytest.raises(Unprocessable, match="Invalid JSON"):
        list_param(QueryDict(query), "mode")


def test_a_page_tells_of_the_next_or_of_the_total() -> None:
    search = Search(select=(), limit=2, offset=20)
    following = {"x-pagination-next": "22", "x-pagination-total": "23"}

    assert one_page([1, 2, 3], search) == ([1, 2], following)
    assert one_page([1, 2], search) == ([1, 2], {"x-pagination-total": "22"})


def test_the_order_is_total() -> None:
    written = order_by("name", "ASC", "assistant_id")

    assert written == sql.SQL("ORDER BY {} {}, {} {}").format(
        sql.Identifier("name"), sql.SQL("ASC"), sql.Identifier("assistant_id"), sql.SQL("ASC")
    )


@pytest.mark.parametrize(("text", "value"), [(None, 10), ("", 10), ("1", 1), ("100", 100)])
def test_a_whole_number_is_read(text: str | None, value: int) -> None:
    query = {} if text is None else {"limit": text}

    assert whole_param(query, "limit", default=10, minimum=1, maximum=100) == value


@pytest.mark.parametrize("text", ["0", "101", "-1", "ten", "1.0", "9" * 400, "0x1"])
def test_a_number_out_of_bounds_is_refused(text: str) -> None:
    with pytest.raises(Unprocessable, match="limit: must be"):
        whole_param({"limit": text}, "limit", default=10, minimum=1, maximum=100)
