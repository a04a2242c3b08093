from __future__ import annotations

from common.recent import Recent


def test_what_was_used_longest_ago_goes_first() -> None:
    kept = Recent[str, int](2)
    kept.keep("a", 1)
    kept.keep("b", 2)
    assert kept.get("a") == 1

    kept.keep("c", 3)

    assert [kept.get(key) for key in "abc"] == [1, None, 3]
    assert len(kept) == 2


def test_what_is_kept_again_is_the_newest() -> None:
    kept = Recent[str, int](2)
    kept.keep("a", 1)
    kept.keep("b", 2)
    kept.keep("a", 3)

    kept.keep("c", 4)

    assert [kept.get(key) for key in "abc"] == [3, None, 4]


def test_what_is_dropped_is_gone_and_may_never_have_been_there() -> None:
    kept = Recent[str, int](2)
    kept.keep("a", 1)

    kept.drop("a")
    kept.drop("b")

    assert kept.get("a") is None
    assert len(kept) == 0
