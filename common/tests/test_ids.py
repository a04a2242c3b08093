from __future__ import annotations

import time
from uuid import UUID, uuid1, uuid4

import pytest

from common.errors import Unprocessable
from common.ids import parse_id, uuid7


def test_a_uuid7_is_one_by_the_standard() -> None:
    made = uuid7()

    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert abs((made.int >> 80) / 1000 - time.time()) < 5


def test_the_order_of_uuid7_is_the_order_of_making() -> None:
    made = []
    for _ in range(5):
        made.append(uuid7())
        time.sleep(0.002)

    assert made == sorted(made)
    assert [str(one) for one in made] == sorted(str(one) for one in made)


def test_no_two_are_the_same() -> None:
    assert len({uuid7() for _ in range(10_000)}) == 10_000


@pytest.mark.parametrize(
    "made", [uuid4(), uuid1(), uuid7(), UUID(int=0)], ids=["4", "1", "7", "nil"]
)
def test_an_id_of_any_version_is_parsed(made: UUID) -> None:
    for form in (str(made), str(made).upper(), made.hex, made):
        assert parse_id(form, "thread") == made


@pytest.mark.parametrize(
    "text", ["", "x", "0" * 31, "g" * 32, f"{{{UUID(int=1)}}}", None, 7, "\0" * 36]
)
def test_what_is_no_id_is_refused_by_its_kind(text: object) -> None:
    with pytest.raises(Unprocessable, match="Invalid run ID: must be a UUID"):
        parse_id(text, "run")
