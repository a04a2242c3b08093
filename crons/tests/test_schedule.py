from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from crons.schedule import BadSchedule, Schedule, UnknownZone, checked

VIENNA = ZoneInfo("Europe/Vienna")
# In 2026 Vienna's clocks go from 2:00 to 3:00 on 29 March, and from 3:00 to 2:00 on 25 October.
BEFORE_SPRING = datetime(2026, 3, 28, 12, tzinfo=UTC)
BEFORE_AUTUMN = datetime(2026, 10, 24, 12, tzinfo=UTC)


def next_times(expression: str, zone: str | None, now: datetime, number: int) -> list[str]:
    """Return the next times in UTC, each seen right after the one before."""
    times = []
    for _ in range(number):
        found = Schedule(expression, zone).next_after(now)
        assert found is not None
        assert found.tzinfo is UTC
        times.append(f"{found:%m-%d %H:%M}")
        now = found + timedelta(seconds=3)
    return times


@pytest.mark.parametrize(
    ("expression", "zone", "expected"),
    [
        ("* * * * *", None, "2026-11-29 10:43"),
        ("*/15 * * * *", "UTC", "2026-11-29 10:45"),
        ("0 9 * * MON-FRI", None, "2026-11-30 09:00"),
        ("0 9 * * 7", None, "2026-12-06 09:00"),
        ("0 9 * * *", "Europe/Vienna", "2026-11-30 08:00"),
        ("0 9 * * *", "America/New_York", "2026-11-29 14:00"),
        ("30 5 * * *", "Asia/Kolkata", "2026-11-30 00:00"),
        ("0 0 1 jan *", None, "2027-01-01 00:00"),
        ("0 0 29 2 *", None, "2028-02-29 00:00"),
        # A day of the month or of the week: either will do.
        ("0 0 13 * FRI", None, "2026-12-04 00:00"),
    ],
)
def test_the_next_time_is_told_in_utc(expression: str, zone: str | None, expected: str) -> None:
    now = datetime(2026, 11, 29, 10, 42, 6, tzinfo=UTC)

    assert checked(expression, zone, now=now) == datetime.fromisoformat(expected + "+00:00")


def test_a_time_that_is_now_is_not_the_next_one() -> None:
    now = datetime(2026, 11, 29, 9, tzinfo=UTC)

    assert Schedule("0 9 * * *").next_after(now) == now + timedelta(days=1)


def test_when_clocks_go_forward_a_time_left_out_comes_as_soon_as_they_have() -> None:
    times = next_times("30 2 * * *", "Europe/Vienna", BEFORE_SPRING, 3)

    # 3:00 in summer time; then 2:30 again.
    assert times == ["03-29 01:00", "03-30 00:30", "03-31 00:30"]


def test_when_clocks_go_back_a_time_that_comes_twice_is_kept_once() -> None:
    times = next_times("30 2 * * *", "Europe/Vienna", BEFORE_AUTUMN, 3)

    # 2:30 in summer time; then 2:30 in winter time, of the days after.
    assert times == ["10-25 00:30", "10-26 01:30", "10-27 01:30"]


def test_in_the_hour_that_comes_again_nothing_of_the_first_one_is_next() -> None:
    # 2:10 for the second time: 2:30 was 40 minutes ago.
    now = datetime(2026, 10, 25, 2, 10, tzinfo=VIENNA, fold=1)

    found = Schedule("30 2 * * *", "Europe/Vienna").next_after(now.astimezone(UTC))

    assert found == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize("now", [BEFORE_SPRING, BEFORE_AUTUMN])
def test_what_recurs_by_the_hour_goes_on_through_both(now: datetime) -> None:
    times = [
        datetime.strptime(f"2026-{text}", "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
        for text in next_times("30 * * * *", "Europe/Vienna", now, 30)
    ]

    assert {later - sooner for sooner, later in pairwise(times)} == {timedelta(hours=1)}


@pytest.mark.parametrize(
    "expression", ["30 2 * * *", "0,30 1-3 * * *", "*/20 2 * * *", "0 0 * * *"]
)
@pytest.mark.parametrize("start", [BEFORE_SPRING, BEFORE_AUTUMN])
def test_the_next_time_is_always_later(start: datetime, expression: str) -> None:
    schedule = Schedule(expression, "Europe/Vienna")
    for minutes in range(0, 60 * 24, 7):
        now = start + timedelta(minutes=minutes)

        found = schedule.next_after(now)

        assert found is not None
        assert now < found <= now + timedelta(days=2)


@pytest.mark.parametrize(
    "expression",
    [
        *("", " ", "daily", "@daily", "* * * *", "* * * * * *", "0 0 0 0 0 0 0"),
        *("61 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "* * * * MOON"),
        *("*/0 * * * *", "5-1 * * * *", "-1 * * * *", "1.5 * * * *", "a b c d e", "* * * * *\0"),
        *("0 0 30 2 *", "0 0 31 4,6,9,11 *"),
    ],
)
def test_no_schedule(expression: str) -> None:
    with pytest.raises(BadSchedule):
        checked(expression, None, now=BEFORE_SPRING)


@pytest.mark.parametrize(
    "zone", ["", "Mars/Olympus", "europe/vienna", "/etc/passwd", "../UTC", "+01:00"]
)
def test_no_zone(zone: str) -> None:
    with pytest.raises(UnknownZone):
        checked("* * * * *", zone, now=BEFORE_SPRING)
